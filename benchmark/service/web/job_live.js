// What comes in while a job runs: its log, and the loss while a model is trained.

import { json } from "./api.js";
import { lossChart } from "./chart.js";
import { h } from "./dom.js";
import { plain } from "./format.js";

const KEPT = 2000; // lines; the whole log is a file of the job

/** The log: each line once, whether it is read from the job or comes with its events. */
export function logBox() {
  const text = h("pre", { class: "log", role: "log", "aria-live": "off", "aria-label": "Log", tabindex: "0" });
  const follow = h("input", { type: "checkbox", checked: true });
  const empty = h("p", { class: "empty" }, "No lines.");
  const element = h(
    "section",
    {},
    h("div", { class: "head" }, h("h2", {}, "Log"), h("label", { class: "check" }, follow, "Follow")),
    empty,
    text,
  );
  text.hidden = true;
  let last = -1;
  let waiting = [];

  function add(lines) {
    if (lines.length && !waiting.length) requestAnimationFrame(draw);
    waiting.push(...lines);
  }

  function draw() {
    for (const { seq, line } of waiting) {
      if (seq <= last) continue;
      last = seq;
      text.append(h("span", {}, `${plain(line)}\n`));
    }
    waiting = [];
    while (text.childElementCount > KEPT) text.firstElementChild.remove();
    empty.hidden = text.childElementCount > 0;
    text.hidden = !empty.hidden;
    if (follow.checked) text.scrollTop = text.scrollHeight;
  }

  /** Read all lines after the last one that came. */
  async function load(url, signal) {
    for (let after = Math.max(0, last); ; ) {
      const page = await json(`${url}?after=${after}&limit=5000`, { signal });
      add(page.lines);
      if (!page.lines.length || page.next <= after) return true;
      after = page.next;
    }
  }

  return { element, add, load };
}

const LOSS = /(validation )?loss:? (\d+(?:\.\d+)?)/i;

/** The loss as the trainer tells it, one chart for each candidate. */
export function lossBox() {
  const element = h("section", { "aria-label": "Loss" });
  const curves = new Map();

  /** Take the step, and the loss where it is told with it. */
  function add({ item, stage, done, line }) {
    const found = LOSS.exec(line ?? "");
    if (!found || !Number.isFinite(done)) return;
    const name = item || stage || "training";
    if (!curves.has(name)) curves.set(name, { points: [], figure: element.appendChild(h("div")) });
    const curve = curves.get(name);
    const held = Boolean(found[1]);
    const last = curve.points.findLast((one) => one.held === held);
    if (last && last.step === done) last.loss = Number(found[2]);
    else if (!last || done > last.step) curve.points.push({ step: done, loss: Number(found[2]), held });
    else return;
    if (!curve.waits) requestAnimationFrame(() => ((curve.waits = false), curve.figure.replaceChildren(lossChart(name, curve.points))));
    curve.waits = true;
  }

  return { element, add };
}

