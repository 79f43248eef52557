// What a job left: gates, scores, loss, and files to look at or take away.

import { ApiError, address, ask, fileAddress, json, token } from "./api.js";
import { board } from "./board.js";
import { lossChart } from "./chart.js";
import { h } from "./dom.js";
import { bytes, score } from "./format.js";
import { errorBox, pill, verdictOf } from "./widgets.js";

/** Return null where the service says that there is none (yet). */
async function orNone(work) {
  try {
    return await work;
  } catch (error) {
    if (error instanceof ApiError && [404, 409].includes(error.status)) return null;
    throw error;
  }
}

/** Return what to show of a job's results: the whole of them, or at least its numbers. */
export async function outcome(id, job, signal) {
  const results = job.run_id && (await orNone(json(address("jobs", id, "results"), { signal })));
  if (results?.scores?.length) {
    return [...gates(results.gates ?? []), ...scores(results), ...curves(results.candidates ?? [])];
  }
  const found = Object.entries(job.metrics ?? {});
  return found.length ? [h("section", {}, h("h2", {}, "Numbers"), numbers(found))] : [];
}

function numbers(found) {
  return h(
    "dl",
    { class: "facts" },
    found.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, score(value)))),
  );
}

function gates(rules) {
  if (!rules.length) return [];
  const line = (gate) =>
    h("li", {}, pill(verdictOf(gate.outcome)), h("div", {}, h("b", {}, h("bdi", {}, gate.gate)), " ", h("span", { class: "muted" }, gate.reason)));
  return [h("section", {}, h("h2", {}, "Gates"), h("ul", { class: "gates" }, rules.map(line)))];
}

function scores(results) {
  const kinds = new Map((results.candidates ?? []).map(({ name, kind }) => [name, kind]));
  const choices = new Map();
  for (const row of results.scores) {
    if (!choices.has(row.score)) choices.set(row.score, { key: row.score, label: labelled(row), rows: [], up: row.higher_is_better });
    choices.get(row.score).rows.push({ ...row, kind: kinds.get(row.candidate) });
  }
  const made = board(results.suite, [...choices.values()], { choose: "Score", first: results.primary });
  return [h("section", {}, h("h2", {}, "Scores"), made)];
}

const labelled = ({ score: name, higher_is_better: up }) => (up === false ? `${name} (less is better)` : name);

function curves(candidates) {
  const trained = candidates.filter(({ training }) => training?.curve?.length);
  if (!trained.length) return [];
  const points = (curve) =>
    curve.flatMap(({ step, loss, eval_loss: held }) => [
      ...(Number.isFinite(loss) && loss !== null ? [{ step, loss, held: false }] : []),
      ...(Number.isFinite(held) && held !== null ? [{ step, loss: held, held: true }] : []),
    ]);
  const drawn = trained.map(({ name, training }) => [name, points(training.curve)]).filter(([, all]) => all.length);
  return drawn.length ? [h("section", {}, h("h2", {}, "Training"), drawn.map(([name, all]) => lossChart(name, all)))] : [];
}

/** Return how to open a job's report, and its files, each to download; null where there are none. */
export async function fileList(id, signal) {
  const answer = await orNone(json(address("jobs", id, "artefacts"), { signal }));
  const all = answer ?? [];
  if (!all.length) return { open: null, files: null };
  const report = all.find(({ path }) => path === "report.html");
  const open = report && h("a", { class: "button primary", href: `#/jobs/${encodeURIComponent(id)}/report` }, "Open the report");
  const rows = all.map((file) => h("li", {}, download(id, file, signal), " ", h("span", { class: "muted" }, bytes(file.bytes))));
  return { open, files: h("section", {}, h("h2", {}, "Files"), h("ul", { class: "files" }, rows)) };
}

/** A link that saves a file; with a token, which no link can carry, a button that fetches it. */
function download(id, { path }, signal) {
  const name = path.split("/").at(-1);
  if (!token.get()) return h("a", { href: fileAddress(id, path), download: name }, path);
  const button = h("button", { type: "button", class: "link", on: { click: take } }, path);
  async function take() {
    button.disabled = true;
    button.nextElementSibling?.matches(".problem") && button.nextElementSibling.remove();
    try {
      save(await (await ask(fileAddress(id, path), { signal, more: { Accept: "*/*" } })).blob(), name);
    } catch (error) {
      if (!signal.aborted && error instanceof ApiError) button.after(errorBox(error));
      else if (!signal.aborted) button.after(errorBox({ what: "The download broke off" }));
    }
    button.disabled = false;
  }
  return button;
}

/** Save bytes as a file. The address is taken back soon: no page is ever opened from it. */
export function save(blob, name) {
  // Octets, whatever they are: should a browser open it after all, it is not a page of ours.
  const url = URL.createObjectURL(new Blob([blob], { type: "application/octet-stream" }));
  const link = h("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
