// A table of candidates by one score, intervals drawn: the leaderboard, and a job's results.

import { span, whisker } from "./chart.js";
import { h } from "./dom.js";
import { number, score as written } from "./format.js";

/** Return a table of rows, best first, with a choice between several sets of them.
 *
 * `choices` are {key, label, rows}, with `up`: whether more is better, `about`: what to say above
 * the rows, and `link`: a column that tells the rows' runs apart. `choose` is what one chooses.
 */
export function board(name, choices, { choose, first = null }) {
  const body = h("tbody");
  const about = h("p", { class: "about" });
  const run = h("th", { scope: "col" }, "Run");
  const axis = h("th", { scope: "col", class: "axis", "aria-hidden": "true" });
  const choice = h("select", { on: { change: () => fill() } }, choices.map(({ key, label }) => h("option", { value: key }, label)));
  function fill() {
    const chosen = choices.find(({ key }) => key === choice.value);
    const ends = span(chosen.rows);
    axis.replaceChildren(h("span", {}, number(ends[0])), h("span", {}, number(ends[1])));
    body.replaceChildren(...ranked(chosen.rows, chosen.up).map((row) => boardRow(row, ends, chosen.link)));
    about.replaceChildren(chosen.about ?? "");
    run.hidden = !chosen.link;
  }
  choice.value = choices.some(({ key }) => key === first) ? first : choices[0].key;
  fill();
  const columns = ["Candidate", axis, "Value", "Interval", "n", run];
  return h(
    "div",
    { class: "board" },
    choices.length > 1 ? h("label", { class: "choice" }, choose, choice) : null,
    about,
    h(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": `Scores of ${name}` },
      h("table", {}, h("thead", {}, h("tr", {}, columns.map(heading))), body),
    ),
  );
}

function heading(column) {
  const looks = { Value: "num", n: "num", Interval: "interval" };
  return typeof column === "string" ? h("th", { scope: "col", class: looks[column] }, column) : column;
}

function ranked(rows, up) {
  const sign = up === false ? 1 : -1;
  const key = (row) => (Number.isFinite(row.value) && row.value !== null ? sign * row.value : Infinity);
  return [...rows].sort((one, other) => key(one) - key(other) || one.candidate.localeCompare(other.candidate));
}

function boardRow(row, ends, link) {
  const known = Number.isFinite(row.value) && row.value !== null;
  const interval = [row.low, row.high].every((end) => Number.isFinite(end) && end !== null);
  const range = interval ? `${written(row.low)} to ${written(row.high)}` : "–";
  return h(
    "tr",
    { class: row.kind === "control" ? "control" : null },
    h("th", { scope: "row" }, h("bdi", {}, row.candidate), row.kind === "control" ? h("span", { class: "tag" }, "control") : null),
    h("td", { class: "plot" }, known ? whisker(row, ends) : null),
    h("td", { class: "num" }, known ? written(row.value) : "–", h("span", { class: "sub narrow" }, range)),
    h("td", { class: "interval" }, range),
    h("td", { class: "num muted" }, row.n ?? "–"),
    link ? h("td", { class: "run" }, link(row)) : null,
  );
}
