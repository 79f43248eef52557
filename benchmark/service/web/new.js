// The form that starts a run: an allowed suite with changes, or a suite written here.

import { ApiError, address, json } from "./api.js";
import { announce, h, say } from "./dom.js";
import { errorBox, problemLine, suites } from "./widgets.js";

/** Show the form; ?suite=NAME chooses one. */
export function newPage(main, { query, signal }) {
  const form = h("form", { class: "form", novalidate: true, on: { submit } });
  const fields = {
    suite: field("suite", "Suite", h("select", { required: true, disabled: true }, h("option", { value: "" }, "Loading …"))),
    suite_yaml: field("suite_yaml", "Suite as YAML", h("textarea", { rows: "14", spellcheck: "false", autocapitalize: "off", required: true }), "Only models, data and plugins that this service allows."),
    limit: field("limit", "Limit", h("input", { type: "number", min: "1", step: "1", inputmode: "numeric" }), "Test examples at most; empty for all."),
    overrides: field("overrides", "Overrides", h("textarea", { rows: "3", spellcheck: "false", autocapitalize: "off" }), "One a line, as `bench run` takes them: generation.max_new_tokens=64"),
    name: field("name", "Name", h("input", { type: "text", maxlength: "200", autocomplete: "off" }), "To find it again; optional."),
    priority: field("priority", "Priority", h("input", { type: "number", step: "1", value: "0", inputmode: "numeric" }), "Higher runs earlier."),
  };
  const about = h("p", { class: "about", id: "about" });
  const problem = h("div");
  const go = h("button", { type: "submit", class: "primary" }, "Start the run");
  const source = choice(switched);
  let known = [];

  fields.suite.element.append(about);
  form.append(
    source.element,
    fields.suite.element,
    fields.suite_yaml.element,
    h("div", { class: "pair" }, fields.limit.element, fields.priority.element),
    fields.overrides.element,
    fields.name.element,
    problem,
    h("div", { class: "buttons" }, go),
  );
  main.replaceChildren(h("div", { class: "head" }, h("h1", { tabindex: "-1" }, "New run")), form);
  fields.suite.input.addEventListener("change", describe);
  switched("suite");
  load();

  async function load() {
    const select = fields.suite.input;
    problem.replaceChildren();
    try {
      known = await suites(signal);
    } catch (error) {
      if (!signal.aborted && error.status !== 401) problem.replaceChildren(errorBox(error, load));
      return;
    }
    select.replaceChildren(...known.map(({ name }) => h("option", { value: name }, name)));
    select.disabled = known.length === 0;
    const wanted = new URLSearchParams(query).get("suite");
    if (known.some(({ name }) => name === wanted)) select.value = wanted;
    if (!known.length) fields.suite.wrong([{ what: "This service allows no suite by name", hint: "write one as YAML instead" }]);
    describe();
  }

  function describe() {
    const chosen = known.find(({ name }) => name === fields.suite.input.value);
    const candidates = chosen?.candidates?.length ? `Candidates: ${chosen.candidates.join(", ")}` : "";
    about.replaceChildren(h("span", {}, chosen?.description ?? ""), h("br"), h("span", {}, candidates));
  }

  function switched(kind) {
    fields.suite.element.hidden = kind !== "suite";
    fields.suite_yaml.element.hidden = kind !== "yaml";
  }

  function asked() {
    const { limit, overrides, name, priority } = fields;
    const lines = overrides.input.value.split("\n").map((line) => line.trim()).filter(Boolean);
    const more = limit.input.value ? [`limit=${limit.input.value}`] : [];
    const which = source.value() === "yaml" ? { suite_yaml: fields.suite_yaml.input.value } : { suite: fields.suite.input.value };
    return { ...which, overrides: [...more, ...lines], priority: Number(priority.input.value || 0), name: name.input.value.trim() };
  }

  /** What can be said without asking the service; false when there is something. */
  function plausible() {
    let good = true;
    for (const { input, element, wrong } of Object.values(fields)) {
      wrong([]);
      if (element.hidden || input.disabled || input.checkValidity()) continue;
      wrong([{ what: input.validity.valueMissing ? "This is needed" : input.validationMessage }]);
      good = false;
    }
    return good;
  }

  async function submit(event) {
    event.preventDefault();
    problem.replaceChildren();
    if (!plausible()) return toFirst();
    go.disabled = true;
    say(go, "Starting …");
    try {
      const job = await json(address("jobs"), { method: "POST", body: asked(), signal });
      announce("The run is queued");
      location.hash = `#/jobs/${encodeURIComponent(job.id)}`;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      if (error.status !== 401) refused(error);
    }
    go.disabled = false;
    say(go, "Start the run");
  }

  /** Show each of the service's lines at the field it is about, the others below the form. */
  function refused(error) {
    const rest = [];
    const lines = new Map();
    for (const line of error.problems) {
      const name = [400, 422].includes(error.status) ? fieldOf(line.where) : null;
      if (name) lines.set(name, [...(lines.get(name) ?? []), line]);
      else rest.push(line);
    }
    for (const [name, found] of lines) fields[name].wrong(found);
    if (rest.length) problem.replaceChildren(errorBox({ problems: rest }));
    if (lines.size) toFirst();
  }

  /** "overrides.0" is the overrides' matter; a place within a suite is that of the text, or of the changes. */
  function fieldOf(where) {
    const top = /^(?:body[.:])?([a-z_]+)/.exec(where ?? "")?.[1];
    const yaml = source.value() === "yaml";
    if (top === "limit" && fields.limit.input.value) return "limit";
    if (top in fields && (top !== "suite_yaml" || yaml) && (top !== "suite" || !yaml)) return top;
    if (yaml) return "suite_yaml";
    return where && fields.overrides.input.value.trim() ? "overrides" : null;
  }

  function toFirst() {
    form.querySelector("[aria-invalid=true]")?.focus();
  }
}

/** A field with its label, its hint, and room for what is wrong with it. */
function field(name, label, input, hint = "") {
  const below = h("div", { class: "wrong", id: `${name}-wrong` });
  const help = hint ? h("p", { class: "help", id: `${name}-help` }, hint) : null;
  input.id = `field-${name}`;
  input.setAttribute("aria-describedby", [help?.id, below.id].filter(Boolean).join(" "));
  const element = h("div", { class: "field" }, h("label", { for: input.id }, label), help, input, below);
  function wrong(problems) {
    below.replaceChildren(...problems.map(problemLine));
    if (problems.length) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  }
  return { element, input, wrong };
}

function choice(switched) {
  const radio = (value, text, checked) =>
    h("label", { class: "check" }, h("input", { type: "radio", name: "source", value, checked, on: { change: () => switched(value) } }), text);
  const element = h("fieldset", {}, h("legend", {}, "What to run"), radio("suite", "A suite of this service", true), radio("yaml", "A suite that I paste", false));
  return { element, value: () => element.querySelector(":checked").value };
}
