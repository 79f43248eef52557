// A table of candidates by one score, intervals drawn: the leaderboard, and a job's results.

import { span, whisker } from "./chart.js";
import { h } from "./dom.js";
import { number, score as written } from "./format.js";

/** Return the table of a suite's rows, with a choice of the score; `first` is shown at first. */
export function board(name, rows, { first = null, link = null } = {}) {
  const scores = [...new Set(rows.map((row) => row.score))];
  const body = h("tbody");
  const axis = h("th", { scope: "col", class: "axis", "aria-hidden": "true" });
  const choice = h(
    "select",
    { on: { change: () => fill(choice.value) } },
    scores.map((score) => h("option", { value: score }, score)),
  );
  function fill(score) {
    const chosen = ranked(rows.filter((row) => row.score === score));
    const ends = span(chosen);
    axis.replaceChildren(h("span", {}, number(ends[0])), h("span", {}, number(ends[1])));
    body.replaceChildren(...chosen.map((row) => boardRow(row, ends, link)));
  }
  choice.value = scores.includes(first) ? first : scores[0];
  fill(choice.value);
  const columns = ["Candidate", axis, "Value", "Interval", "n", link ? "Run" : null].filter(Boolean);
  return h(
    "div",
    { class: "board" },
    h("label", { class: "choice" }, "Score", choice),
    h(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": `Scores of ${name}` },
      h("table", {}, h("thead", {}, h("tr", {}, columns.map(heading))), body),
    ),
  );
}

function heading(column) {
  if (typeof column !== "string") return column;
  return h("th", { scope: "col", class: ["Value", "n"].includes(column) ? "num" : null }, column);
}

/** Best first; rows say themselves whether less is better. */
function ranked(rows) {
  const sign = rows.some((row) => row.higher_is_better === false) ? 1 : -1;
  const key = (row) => (Number.isFinite(row.value) && row.value !== null ? sign * row.value : Infinity);
  return rows.sort((one, other) => key(one) - key(other) || one.candidate.localeCompare(other.candidate));
}

function boardRow(row, ends, link) {
  const known = Number.isFinite(row.value) && row.value !== null;
  const interval = [row.low, row.high].every((end) => Number.isFinite(end) && end !== null);
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, h("bdi", {}, row.candidate)),
    h("td", { class: "plot" }, known ? whisker(row, ends) : null),
    h("td", { class: "num" }, known ? written(row.value) : "–"),
    h("td", { class: "interval" }, interval ? `${written(row.low)} to ${written(row.high)}` : "–"),
    h("td", { class: "num muted" }, row.n ?? "–"),
    link ? h("td", { class: "run" }, link(row)) : null,
  );
}
