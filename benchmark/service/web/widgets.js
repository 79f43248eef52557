// Small pieces that several pages show.

import { address, json } from "./api.js";
import { h, say } from "./dom.js";
import * as format from "./format.js";

/** A word with its mark, so that colour is not all that tells states apart. */
export function pill({ word, mark, tone }) {
  return h("span", { class: `pill ${tone}` }, h("span", { "aria-hidden": "true" }, `${mark} `), word);
}

const UNKNOWN = (word) => ({ word, mark: "?", tone: "plain" });
export const statePill = (state) => pill(format.STATES[state] ?? UNKNOWN(String(state)));
export const verdictPill = (verdict) => pill(verdictOf(verdict));

/** A verdict, of a run or of one gate. */
export const verdictOf = (verdict) => format.VERDICTS[verdict] ?? UNKNOWN(String(verdict));

/** Replace what stands in `box`, unless `key` says that it stands there already. */
export function show(box, key, make) {
  if (box.dataset.shown === key) return;
  box.dataset.shown = key;
  box.replaceChildren(...[make()].flat().filter(Boolean));
}

/** A bar with its words below. `label` names it for those who do not see the page. */
export function progressBar(label) {
  const bar = h("progress", { max: "1", "aria-label": label });
  const step = h("span", { class: "step" });
  const amounts = h("span", { class: "amounts" });
  const element = h("div", { class: "progress" }, bar, h("p", {}, step, " ", amounts));
  return {
    element,
    update(job, short = false) {
      const { progress } = job;
      const fraction = progress?.fraction;
      const known = Number.isFinite(fraction) && fraction !== null;
      if (known) bar.value = Math.min(1, Math.max(0, fraction));
      else bar.removeAttribute("value");
      element.classList.toggle("still", !format.active(job.state));
      bar.hidden = !known && !format.active(job.state);
      say(step, format.step(progress) || (job.state === "running" ? "Starting" : ""));
      const share = known ? `${Math.floor(bar.value * 100)} %` : "";
      say(amounts, [share, format.amounts(progress, short)].filter(Boolean).map((part) => `· ${part}`).join(" "));
    },
  };
}

/** A time as people say it, with the exact one on hovering. */
export function time(value) {
  if (!value) return h("span", {}, "–");
  return h("time", { datetime: value, title: format.moment(value) }, format.ago(value));
}

/** What went wrong, where, and what to do next. */
export function errorBox(error, retry = null) {
  const problems = error.problems ?? [{ what: error.what ?? String(error), where: error.where, hint: error.hint }];
  const again = retry && h("button", { type: "button", on: { click: retry } }, "Try again");
  return h("div", { class: "problem", role: "alert" }, problems.map(problemLine), again);
}

export function problemLine({ what, where, hint }) {
  return h(
    "p",
    {},
    where ? [h("code", {}, where), " "] : null,
    h("b", {}, h("bdi", {}, format.plain(what ?? ""))),
    hint ? h("span", { class: "hint" }, `; ${format.plain(hint)}`) : null,
  );
}

/** Names and values, in a list; values may be elements. `pairs` without a value are left out. */
export function facts(pairs) {
  return h(
    "dl",
    { class: "facts" },
    pairs.filter(([, value]) => value).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );
}

/** Ask in a dialog; resolves to true when confirmed. Escape and Cancel are "no". */
export function confirm(title, text, verb) {
  const keep = h("button", { type: "submit", value: "no" }, "Keep it");
  const go = h("button", { type: "submit", value: "yes", class: "danger" }, verb);
  const dialog = h(
    "dialog",
    { "aria-labelledby": "dialog-title", "aria-describedby": "dialog-text" },
    h("h2", { id: "dialog-title" }, title),
    h("p", { id: "dialog-text" }, text),
    h("form", { method: "dialog", class: "buttons" }, keep, go),
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}

let allowed = null;

/** The suites that may be run, asked once. */
export function suites(signal) {
  allowed ??= json(address("suites"), { signal }).catch((error) => {
    allowed = null;
    throw error;
  });
  return allowed;
}

export function forgetSuites() {
  allowed = null;
}

/** Say at the top that the service does not answer; null when it does again. */
export function offline(error, seconds = 0) {
  const banner = document.getElementById("offline");
  banner.hidden = !error;
  if (error) {
    const next = seconds >= 2 ? ` Next try in ${format.duration(seconds)}.` : "";
    say(banner, `${error.what}${error.hint ? `: ${error.hint}` : "."}${next}`);
  } else say(banner, "");
}

