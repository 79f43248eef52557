// Drawings: an interval with its value, and the loss while a model is trained.

import { h, svg } from "./dom.js";
import { number } from "./format.js";

/** One row's interval on an axis from `from` to `to`. The numbers stand beside it as text. */
export function whisker({ value, low, high }, [from, to]) {
  const place = (x) => (100 * (x - from)) / (to - from || 1);
  const known = [low, high].every(Number.isFinite) && low !== null && high !== null;
  return svg(
    "svg",
    { class: "whisker", viewBox: "0 0 100 12", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("line", { class: "track", x1: 0, x2: 100, y1: 6, y2: 6 }),
    known ? svg("line", { class: "range", x1: place(low), x2: place(high), y1: 6, y2: 6 }) : null,
    svg("line", { class: "dot", x1: place(value), x2: place(value), y1: 6, y2: 6 }),
  );
}

/** The axis that holds all rows: 0 to 1 where they fit, so that suites can be compared by eye. */
export function span(rows) {
  const ends = rows.flatMap(({ value, low, high }) => [value, low, high]).filter((x) => Number.isFinite(x) && x !== null);
  const [least, most] = [Math.min(...ends), Math.max(...ends)];
  if (least >= 0 && most <= 1) return [0, 1];
  const margin = 0.04 * (most - least || Math.abs(most) || 1);
  return [least - margin, most + margin];
}

const [WIDE, HIGH, LEFT, BELOW] = [640, 180, 62, 26];

/** Draw losses by step: `points` are {step, loss, held} with held true for the held-out rows'. */
export function lossChart(name, points) {
  const steps = points.map(({ step }) => step);
  const losses = points.map(({ loss }) => loss);
  const [first, last] = [Math.min(...steps), Math.max(...steps)];
  const [least, most] = [Math.min(...losses), Math.max(...losses)];
  const x = (step) => LEFT + ((WIDE - LEFT - 8) * (step - first)) / (last - first || 1);
  const y = (loss) => 16 + ((HIGH - BELOW - 16) * (most - loss)) / (most - least || 1);
  const train = points.filter(({ held }) => !held);
  const held = points.filter((point) => point.held);
  const line = train.map(({ step, loss }) => `${x(step).toFixed(1)},${y(loss).toFixed(1)}`).join(" ");
  const ticks = [...new Set([most, (most + least) / 2, least])];
  const latest = train.at(-1);
  const words = [latest ? `loss ${number(latest.loss)} at step ${latest.step}` : "", held.length ? `held out ${number(held.at(-1).loss)}` : ""];
  return h(
    "figure",
    { class: "curve" },
    h("figcaption", {}, h("b", {}, h("bdi", {}, name)), ` ${words.filter(Boolean).join(" · ")}`),
    svg(
      "svg",
      { class: "loss", viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": `Loss by step: ${words.filter(Boolean).join(", ")}` },
      ticks.map((tick) => svg("line", { class: "grid", x1: LEFT, x2: WIDE, y1: y(tick), y2: y(tick) })),
      ticks.map((tick) => svg("text", { x: LEFT - 6, y: y(tick) + 4, "text-anchor": "end" }, number(tick))),
      svg("text", { x: LEFT, y: HIGH - 6 }, `step ${first}`),
      last > first ? svg("text", { x: WIDE - 4, y: HIGH - 6, "text-anchor": "end" }, `${last}`) : null,
      svg("polyline", { class: "train", points: line }),
      train.length === 1 ? svg("circle", { class: "train", cx: x(train[0].step), cy: y(train[0].loss), r: 3 }) : null,
      held.map(({ step, loss }) => svg("circle", { class: "held", cx: x(step), cy: y(loss), r: 4 })),
    ),
  );
}
