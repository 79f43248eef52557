// The latest runs of each suite, side by side.

import { address, json } from "./api.js";
import { board } from "./board.js";
import { h } from "./dom.js";
import { ago } from "./format.js";
import { poll } from "./live.js";
import { errorBox, offline, show } from "./widgets.js";

const LOOK = 20; // seconds: runs take minutes

export function leaderboardPage(main, { signal }) {
  const place = h("div", {}, h("p", { class: "empty" }, "Loading …"));
  const problem = h("div");
  main.replaceChildren(h("div", { class: "head" }, h("h1", { tabindex: "-1" }, "Leaderboard")), problem, place);
  const shown = new Map();

  poll(look, failed, signal);

  async function look() {
    const answer = await json(address("leaderboard"), { signal });
    offline(null);
    problem.replaceChildren();
    const suites = answer.suites.filter(({ rows }) => rows.length);
    if (!suites.length) show(place, "none", () => h("p", { class: "empty" }, "No run is finished yet. ", h("a", { href: "#/new" }, "Start one"), "."));
    else show(place, JSON.stringify(suites), () => suites.map((suite) => section(suite, shown)));
    return LOOK;
  }

  function failed(error, seconds) {
    if (error.status === 0 || error.status === 429 || error.status >= 500) offline(error, seconds);
    else if (error.status !== 401) problem.replaceChildren(errorBox(error));
  }
}

function section({ suite, rows, primary }, shown) {
  const link = (row) => {
    const when = h("span", { class: "muted" }, ` ${ago(row.finished)}`);
    if (!row.job_id) return [h("code", {}, row.run_id), when];
    return [h("a", { href: `#/jobs/${encodeURIComponent(row.job_id)}` }, h("code", {}, row.run_id)), when];
  };
  const made = board(suite, rows, { first: shown.get(suite) ?? primary, link });
  made.addEventListener("change", (event) => shown.set(suite, event.target.value));
  return h("section", {}, h("h2", {}, h("bdi", {}, suite)), made);
}
