// The list of jobs: filters, pages, and running ones that move.

import { address, json } from "./api.js";
import { announce, h, keyed, say } from "./dom.js";
import * as format from "./format.js";
import { poll } from "./live.js";
import { errorBox, offline, progressBar, show, statePill, suites, time, verdictPill } from "./widgets.js";

const PAGE = 25;
const BUSY = 2; // seconds between looks while a job on the page moves
const CALM = 10;
const TYPING = 300; // milliseconds

/** Show the list that the address describes: ?state=&suite=&q=&cursor=. */
export function jobsPage(main, { query, signal }) {
  const asked = new URLSearchParams(query);
  const rows = new Map();
  let looks = null; // ends the polling of one question when another is asked

  const body = h("tbody", { role: "rowgroup" });
  const table = jobTable(body);
  const empty = h("p", { class: "empty" }, "Loading …");
  const found = h("p", { class: "muted", id: "found" });
  const problem = h("div");
  const newest = h("button", { type: "button", on: { click: () => turn(null) } }, "← Newest");
  const older = h("button", { type: "button", on: { click: () => turn(older.dataset.cursor) } }, "Older →");
  const pages = h("nav", { class: "buttons pages", "aria-label": "Pages of the list" }, newest, older);
  table.hidden = pages.hidden = true;

  function turn(cursor) {
    if (cursor) asked.set("cursor", cursor);
    else asked.delete("cursor");
    history.pushState(null, "", `#/jobs${asked.size ? `?${asked}` : ""}`);
    start();
    main.querySelector("h1").focus();
  }

  function filter(name, value) {
    if (value) asked.set(name, value);
    else asked.delete(name);
    asked.delete("cursor");
    history.replaceState(null, "", `#/jobs${asked.size ? `?${asked}` : ""}`);
    start();
  }

  function start() {
    looks?.abort();
    looks = new AbortController();
    const stop = AbortSignal.any([signal, looks.signal]);
    table.setAttribute("aria-busy", "true");
    poll(() => look(stop), failed, stop);
  }

  async function look(stop) {
    const page = await json(`${address("jobs")}?${new URLSearchParams([...asked, ["limit", PAGE]])}`, { signal: stop });
    offline(null);
    problem.replaceChildren();
    keyed(body, rows, page.jobs, jobRow);
    table.removeAttribute("aria-busy");
    table.hidden = page.jobs.length === 0;
    empty.hidden = page.jobs.length > 0;
    const filtered = ["q", "state", "suite", "cursor"].some((name) => asked.has(name));
    show(empty, filtered ? "filtered" : "none", () => nothing(filtered));
    older.dataset.cursor = page.next ?? "";
    older.disabled = !page.next;
    newest.disabled = !asked.has("cursor");
    pages.hidden = !page.next && !asked.has("cursor");
    say(found, counted(page));
    return page.jobs.some((job) => format.active(job.state)) ? BUSY : CALM;
  }

  function failed(error, seconds) {
    if (error.status === 0 || error.status === 429 || error.status >= 500) offline(error, seconds);
    else if (error.status !== 401) problem.replaceChildren(errorBox(error, start));
    if (rows.size === 0) show(empty, "failed", () => "The list is not here yet.");
  }

  main.replaceChildren(
    h("div", { class: "head" }, h("h1", { tabindex: "-1" }, "Jobs"), h("a", { class: "button primary", href: "#/new" }, "New run")),
    filters(asked, filter, signal),
    found,
    problem,
    table,
    empty,
    pages,
  );
  start();
}

function nothing(filtered) {
  if (filtered) return "No job fits these filters.";
  return ["No jobs yet. ", h("a", { href: "#/new" }, "Start a run"), "."];
}

function counted({ jobs, next }) {
  const moving = jobs.filter((job) => format.active(job.state)).length;
  const waiting = jobs.filter((job) => job.state === "queued").length;
  const parts = [`${jobs.length}${next ? "+" : ""} shown`];
  if (moving) parts.push(`${moving} running`);
  if (waiting) parts.push(`${waiting} queued`);
  return jobs.length ? parts.join(" · ") : "";
}

function filters(asked, filter, signal) {
  const states = h("select", { id: "state", on: { change: () => filter("state", states.value) } });
  states.append(option("", "Any state"), ...Object.entries(format.STATES).map(([name, { word }]) => option(name, word)));
  states.value = asked.get("state") ?? "";

  const suite = h("select", { id: "suite", on: { change: () => filter("suite", suite.value) } }, option("", "Any suite"));
  const wanted = asked.get("suite") ?? "";
  if (wanted) suite.append(option(wanted, wanted));
  suite.value = wanted;
  suites(signal)
    .then((all) => suite.append(...all.filter(({ name }) => name !== wanted).map(({ name }) => option(name, name))))
    .catch(() => {}); // the list itself says what is wrong with the service

  let timer;
  const search = h("input", {
    type: "search",
    id: "q",
    autocomplete: "off",
    maxlength: "200",
    on: {
      input: () => {
        clearTimeout(timer);
        timer = setTimeout(() => signal.aborted || filter("q", search.value.trim()), TYPING);
      },
    },
  });
  search.value = asked.get("q") ?? "";
  signal.addEventListener("abort", () => clearTimeout(timer));
  return h(
    "form",
    { class: "tools", role: "search", "aria-label": "Jobs", on: { submit: (event) => event.preventDefault() } },
    h("label", {}, "Name, suite or id", search),
    h("label", {}, "State", states),
    h("label", {}, "Suite", suite),
  );
}

const option = (value, text) => h("option", { value }, text);

// The roles are said once more, because narrow screens lay the table out as cards.
function jobTable(body) {
  const head = ["Job", "State", "Progress", "Created", "Took"].map((name) =>
    h("th", { scope: "col", role: "columnheader" }, name),
  );
  return h(
    "table",
    { class: "jobs", role: "table" },
    h("caption", { class: "unseen" }, "Jobs, newest first"),
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, head)),
    body,
  );
}

function jobRow(first) {
  const link = h("a", { href: `#/jobs/${encodeURIComponent(first.id)}` }, h("bdi"));
  const below = h("span", { class: "sub" });
  const state = h("td", { role: "cell", class: "state" });
  const bar = progressBar(`Progress of ${first.name || first.suite || first.id}`);
  const error = h("p", { class: "sub bad clip" });
  const created = h("td", { role: "cell", class: "when" });
  const took = h("td", { role: "cell", class: "when" });
  const element = h(
    "tr",
    { role: "row" },
    h("th", { scope: "row", role: "rowheader" }, link, below),
    state,
    h("td", { role: "cell", class: "moves" }, bar.element, error),
    created,
    took,
  );
  let last = null;
  function update(job) {
    say(link.firstChild, job.name || job.suite || job.id);
    say(below, [job.name ? job.suite : "", job.id, job.priority ? `priority ${job.priority}` : ""].filter(Boolean).join(" · "));
    show(state, `${job.state} ${job.verdict}`, () => [statePill(job.state), job.verdict && verdictPill(job.verdict)]);
    bar.element.hidden = !format.open(job.state) && job.state !== "cancelled" && job.state !== "incomplete";
    bar.update(job, true);
    say(error, job.error ? (job.error.what ?? String(job.error)) : "");
    show(created, format.ago(job.created), () => time(job.created));
    say(took, format.duration(format.between(job.started, job.finished)));
    if (last && last !== job.state) announce(`${job.name || job.suite}: ${format.STATES[job.state]?.word ?? job.state}`);
    last = job.state;
  }
  return { element, update };
}
