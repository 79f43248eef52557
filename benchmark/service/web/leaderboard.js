// The latest runs of each suite, side by side.

import { address, json } from "./api.js";
import { board } from "./board.js";
import { h } from "./dom.js";
import { ago } from "./format.js";
import { poll } from "./live.js";
import { errorBox, offline, show, verdictPill } from "./widgets.js";

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
    const suites = answer.filter(({ rows }) => rows.length);
    if (!suites.length) show(place, "none", () => h("p", { class: "empty" }, "No run is finished yet. ", h("a", { href: "#/new" }, "Start one"), "."));
    else show(place, JSON.stringify(suites), () => suites.map((suite) => section(suite, shown)));
    return LOOK;
  }

  function failed(error, seconds) {
    if (error.status === 0 || error.status === 429 || error.status >= 500) offline(error, seconds);
    else if (error.status !== 401) problem.replaceChildren(errorBox(error));
  }
}

/** One suite: all of its latest runs together, or one of them. */
function section({ suite, rows, primary, higher_is_better: up }, shown) {
  const runs = new Map();
  for (const row of rows) runs.set(row.job, [...(runs.get(row.job) ?? []), row]);
  const link = ({ job, run_id: run }) => h("a", { href: `#/jobs/${encodeURIComponent(job)}` }, h("code", {}, run || job));
  const choices = [...runs].map(([job, its], place) => ({
    key: job,
    label: `${place ? its[0].run_id || job : "Latest"} · ${ago(its[0].finished)}`,
    rows: its,
    up,
    about: h("span", {}, its[0].verdict ? verdictPill(its[0].verdict) : null, " ", link(its[0])),
  }));
  if (runs.size > 1) choices.push({ key: "all", label: `Latest ${runs.size} runs`, rows, up, link });
  const made = board(suite, choices, { choose: "Run", first: shown.get(suite) });
  made.addEventListener("change", (event) => shown.set(suite, event.target.value));
  const way = up === false ? h("span", { class: "help" }, " less is better") : null;
  return h("section", {}, h("h2", {}, h("bdi", {}, suite), " ", h("code", { class: "muted" }, primary), way), made);
}
