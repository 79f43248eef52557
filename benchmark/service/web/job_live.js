// What comes in while a job runs: its log, and the loss while a model is trained.

import { json } from "./api.js";
import { lossChart } from "./chart.js";
import { h } from "./dom.js";
import { plain } from "./format.js";
import { persist } from "./live.js";

const KEPT = 2000; // lines; the whole log is a file of the job

/** The log: lines that stand there already, then those that are added, each once. */
export function logBox(url, signal) {
  const text = h("pre", { class: "log", role: "log", "aria-live": "off", "aria-label": "Log", tabindex: "0" });
  const follow = h("input", { type: "checkbox", checked: true });
  const empty = h("p", { class: "empty" }, "No line yet.");
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
    for (const { n, line } of waiting) {
      if (Number.isInteger(n)) {
        if (n <= last) continue;
        last = n;
      }
      text.append(h("span", {}, `${plain(line)}\n`));
    }
    waiting = [];
    while (text.childElementCount > KEPT) text.firstElementChild.remove();
    empty.hidden = text.childElementCount > 0;
    text.hidden = !empty.hidden;
    if (follow.checked) text.scrollTop = text.scrollHeight;
  }

  persist(
    async () => add((await json(url, { signal })).lines),
    () => {}, // the job itself is asked at the same time, and says what is wrong
    signal,
  );
  return { element, add };
}

const LOSS = /(validation )?loss:? (\d+(?:\.\d+)?)/i;

/** The loss as the trainer tells it, one chart for each candidate. */
export function lossBox() {
  const element = h("section", { "aria-label": "Loss" });
  const curves = new Map();
  let now = { name: "training", step: 0 };

  /** Take the step from the progress, and the loss where it is told with it. */
  function add(progress) {
    if (!progress) return;
    now = { name: progress.item || progress.stage || "training", step: progress.done ?? now.step };
    if (Number.isFinite(progress.loss) && progress.loss !== null) point(progress.loss, false);
    else read(progress.line);
  }

  function read(line) {
    const found = LOSS.exec(line ?? "");
    if (found) point(Number(found[2]), Boolean(found[1]));
  }

  function point(loss, held) {
    if (!curves.has(now.name)) curves.set(now.name, { points: [], figure: element.appendChild(h("div")) });
    const { points, figure } = curves.get(now.name);
    const last = points.findLast((one) => one.held === held);
    if (last && last.step === now.step) last.loss = loss;
    else if (!last || now.step > last.step) points.push({ step: now.step, loss, held });
    figure.replaceChildren(lossChart(now.name, points));
  }

  return { element, add, read };
}

