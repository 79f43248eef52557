// One job: where it is, what it found, its log, and what can be done with it.

import { address, json } from "./api.js";
import { announce, h, say } from "./dom.js";
import * as format from "./format.js";
import { logBox, lossBox } from "./job_live.js";
import { fileList, outcome } from "./job_results.js";
import { follow, pause, persist } from "./live.js";
import { confirm, errorBox, facts, offline, progressBar, show, statePill, time, verdictPill } from "./widgets.js";

const SPOKEN = 30_000; // milliseconds between two announcements of progress

export function jobPage(main, { id, signal }) {
  const url = address("jobs", id);
  const name = h("bdi", {}, "Job");
  const pills = h("p", { class: "pills" });
  const report = h("span", { class: "buttons" });
  const buttons = h("div", { class: "buttons" });
  const wrong = h("div");
  const error = h("div");
  const bar = progressBar("Progress of this job");
  const line = h("p", { class: "line" });
  const about = h("div");
  const loss = lossBox();
  const results = h("div");
  const files = h("div");
  const log = logBox();
  const stream = { id: "", retry: null };
  const said = { state: "", at: 0, watching: false };
  let job = null;
  let latest = null; // progress that is not drawn yet
  let timer;

  main.replaceChildren(
    h("p", { class: "crumb" }, h("a", { href: "#/jobs" }, "Jobs")),
    h("div", { class: "head" }, h("h1", { tabindex: "-1" }, name), report, buttons),
    pills,
    wrong,
    error,
    h("section", { class: "now", "aria-label": "Progress" }, bar.element, line),
    about,
    loss.element,
    results,
    files,
    log.element,
  );

  function update(next) {
    job = { ...job, ...next };
    say(name, job.name || job.suite || job.id);
    document.title = `${job.name || job.suite || job.id} · bench`;
    show(pills, `${job.state} ${job.verdict}`, () => [statePill(job.state), job.verdict && verdictPill(job.verdict)]);
    show(buttons, job.state, () => actions());
    bar.element.parentElement.hidden = job.state === "succeeded" || (job.state === "failed" && !job.progress);
    bar.update(job);
    say(line, job.progress?.line ? format.plain(job.progress.line) : "");
    const failure = typeof job.error === "string" ? { what: job.error } : job.error;
    show(error, failure ? JSON.stringify(failure) : "", () => failure && errorBox(failure));
    about.replaceChildren(described(job));
    speak();
  }

  /** Changes of state at once, progress rarely: a live region that chatters helps nobody. */
  function speak() {
    const state = format.STATES[job.state]?.word ?? job.state;
    const now = Date.now();
    if (job.state !== said.state) {
      if (said.state) announce(job.verdict ? `${state}, verdict ${job.verdict}` : state);
      Object.assign(said, { state: job.state, at: now });
    } else if (format.active(job.state) && now - said.at > SPOKEN) {
      announce([format.step(job.progress), format.amounts(job.progress, true)].filter(Boolean).join(", "));
      said.at = now;
    }
  }

  /** Read what only a job that stands still has. */
  async function settle() {
    const [listed, found] = await Promise.all([fileList(id, signal), outcome(id, job, signal)]);
    report.replaceChildren(listed.open ?? "");
    files.replaceChildren(listed.files ?? "");
    results.replaceChildren(...found);
    if (found.length) loss.element.replaceChildren(); // the results' curves are whole
  }

  async function read() {
    update(await json(url, { signal }));
    offline(null);
    return true;
  }

  function failed(problem, seconds = 0) {
    if (problem.status === 0 || problem.status === 429 || problem.status >= 500) offline(problem, seconds);
    else if (problem.status !== 401) wrong.replaceChildren(errorBox(problem));
    if (!job) say(name, problem.status === 404 ? "No such job" : "Job");
  }

  // A stream begins with what has been, old states too: so a state is read anew, not taken.
  function heard(event, data, number) {
    if (event === "progress") progressed(data);
    else if (event === "log") log.add([{ seq: Number(number), line: data.line }]);
    else reread();
  }

  function progressed(progress) {
    loss.add(progress);
    if (!latest) requestAnimationFrame(() => (update({ progress: latest }), (latest = null)));
    latest = progress;
  }

  function reread() {
    clearTimeout(timer);
    timer = setTimeout(() => signal.aborted || persist(read, failed, signal), 200);
  }

  /** Read the job, and follow it until it stands still. */
  async function watch() {
    if (said.watching) return;
    said.watching = true;
    while ((await persist(read, failed, signal)) && format.open(job.state)) {
      report.replaceChildren();
      files.replaceChildren();
      results.replaceChildren();
      await follow(address("jobs", id, "events"), stream, { heard, broken: offline, mended: () => offline(null), signal });
      await pause(0.2, signal); // whatever the stream's end means, no storm of questions
    }
    said.watching = false;
    if (!job || format.open(job.state)) return;
    await persist(settle, failed, signal);
    await persist(() => log.load(address("jobs", id, "logs"), signal), failed, signal);
  }

  async function act(button, work) {
    button.disabled = true;
    wrong.replaceChildren();
    try {
      await work();
    } catch (problem) {
      if (!signal.aborted && problem.status !== 401) wrong.replaceChildren(errorBox(problem));
    }
    button.disabled = false; // it may have been thought better of
  }

  async function change(verb) {
    update((await json(address("jobs", id, verb), { method: "POST", signal })) ?? {});
    main.querySelector("h1").focus(); // the button that was pressed is gone
    watch();
  }

  async function remove() {
    const sure = await confirm("Delete this job?", "Its report, files and log are deleted with it. This cannot be undone.", "Delete");
    if (!sure || signal.aborted) return;
    await json(url, { method: "DELETE", signal });
    announce("Deleted");
    location.hash = "#/jobs";
  }

  async function cancel() {
    const sure = job.state === "queued" || (await confirm("Cancel this job?", "It stops within seconds. What is computed is kept: it can be resumed.", "Cancel the job"));
    if (sure && !signal.aborted) await change("cancel");
  }

  function actions() {
    const made = [];
    const add = (text, work, kind = "") => {
      const button = h("button", { type: "button", class: kind, on: { click: () => act(button, work) } }, text);
      made.push(button);
    };
    if (["queued", "running"].includes(job.state)) add("Cancel", cancel);
    if (["cancelled", "failed", "incomplete"].includes(job.state)) add("Resume", () => change("resume"), "primary");
    if (!format.active(job.state)) add("Delete", remove, "danger");
    return made;
  }

  return watch();
}

function described(job) {
  return facts([
    ["Suite", job.suite && h("bdi", {}, job.suite)],
    ["Created", time(job.created)],
    ["Started", job.started && time(job.started)],
    ["Finished", job.finished && time(job.finished)],
    ["Took", format.duration(format.between(job.started, job.finished))],
    ["Attempts", job.attempts ? String(job.attempts) : ""],
    ["Priority", job.priority ? String(job.priority) : ""],
    ["Exit code", job.exit_code === null || job.exit_code === undefined ? "" : format.exitCode(job.exit_code)],
    ["Id", h("code", {}, job.id)],
  ]);
}
