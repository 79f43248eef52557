// The list of samples: its controls, its state in the address, its pages.
const AT_ONCE = 10;
const fields = { left: "left", right: "right", by: "by", diff: "against", show: "filter", slice: "slice", sort: "sort", find: "search" };
const state = { left: meta.left, right: meta.right, by: 0, diff: "reference", show: "", slice: "", sort: "order", find: "", at: 0, sample: "" };
const DEFAULTS = { ...state };
const COUNTS = new Set(["left", "right", "by", "at"]);
let index = null;
let turn = 0; // of drawing: a later one makes an earlier one stop
let written = null;

function address(changes = {}) {
  const values = { ...state, ...changes };
  const parts = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== DEFAULTS[name]) parts.set(name, value);
  }
  if (!values.sample) parts.delete("sample");
  return `#${parts.toString() || "samples"}`;
}

// Take the state from the address. Whatever it says becomes a choice that exists.
function read() {
  const hash = location.hash.slice(1);
  if (!hash.includes("=")) return false;
  const parts = new URLSearchParams(hash);
  for (const name of Object.keys(DEFAULTS)) {
    const value = parts.get(name);
    state[name] = value === null ? DEFAULTS[name] : COUNTS.has(name) ? Math.max(0, Math.trunc(Number(value)) || 0) : value;
  }
  for (const side of ["left", "right"]) if (state[side] >= meta.candidates.length) state[side] = DEFAULTS[side];
  if (state.by >= meta.keys.length) state.by = 0;
  for (const [name, id] of Object.entries(fields)) {
    element(id).value = state[name];
    if (element(id).value !== String(state[name])) {
      element(id).value = DEFAULTS[name];
      state[name] = DEFAULTS[name];
    }
  }
  return true;
}

function write() {
  written = address();
  history.replaceState(null, "", written); // does not scroll, and leaves "back" alone
}

function fill() {
  const option = (value, text) => make("option", { value }, text);
  for (const side of ["left", "right"]) element(side).append(...meta.candidates.map((one, at) => option(at, one.name)));
  element("by").append(...meta.keys.map((number, key) => option(key, meta.numbers[number].name)));
  element("slice").append(...index.slices.map(([field, value]) => option(`${field}: ${value}`, `${field}: ${value}`)));
  element("by").closest("label").hidden = meta.keys.length === 0;
  element("slice").closest("label").hidden = index.slices.length === 0;
  for (const choice of element("filter").options) {
    const flags = index.flags[choice.value];
    if (flags && flags.every((places) => places.length === 0)) choice.disabled = true;
  }
  for (const [name, id] of Object.entries(fields)) element(id).value = state[name];
}

function tell(text) { element("found").textContent = text; }

function pager(count) {
  const pages = Math.max(1, Math.ceil(count / AT_ONCE));
  const now = Math.floor(state.at / AT_ONCE) + 1;
  element("pager").hidden = pages < 2;
  element("previous").disabled = now <= 1;
  element("next").disabled = now >= pages;
  element("of").textContent = `page ${now} of ${pages}`;
}

async function draw(focus = false) {
  turn += 1;
  const mine = turn;
  const isStale = () => mine !== turn;
  let places = chosen(index, state);
  const words = fold(state.find).split(/\s+/).filter(Boolean);
  if (words.length) {
    places = await searched(places, words, isStale, (done, all) => { if (all > 3) tell(`searching: ${done} of ${all} pages`); });
    if (places === null) return;
  }
  const wanted = state.sample ? index.ids.indexOf(state.sample) : -1;
  const spot = places.indexOf(wanted);
  if (spot >= 0) state.at = spot - (spot % AT_ONCE);
  state.at = Math.min(state.at - (state.at % AT_ONCE), Math.max(0, places.length - 1));
  state.at -= state.at % AT_ONCE;
  const shown = places.slice(state.at, state.at + AT_ONCE);
  if (wanted >= 0 && spot < 0) shown.unshift(wanted);
  const views = [];
  for (const place of shown) {
    const sample = await sampleAt(place);
    if (isStale()) return;
    views.push(sampleView(sample, place, state, address({ sample: sample.i, at: 0 })));
  }
  element("list").replaceChildren(...views);
  const missing = state.sample && wanted < 0 ? `There is no sample ${state.sample}. ` : wanted >= 0 && spot < 0 ? `${state.sample} is shown first though the filter leaves it out. ` : "";
  tell(`${missing}${places.length} of ${index.ids.length} samples`);
  pager(places.length);
  const target = wanted >= 0 ? element("list").querySelector(`[data-place="${wanted}"]`) : null;
  target?.classList.add("target");
  if (focus) (target ?? element("list").firstElementChild)?.querySelector("h3").focus();
  if (focus) (target ?? element("samples")).scrollIntoView();
}

function failed(error) { tell(error.message); }

function changed() {
  Object.assign(state, { at: 0, sample: "" });
  write();
  draw().catch(failed);
}

function listen() {
  let later = 0;
  for (const [name, id] of Object.entries(fields)) {
    element(id).addEventListener(id === "search" ? "input" : "change", (event) => {
      state[name] = COUNTS.has(name) ? Number(event.target.value) : event.target.value;
      clearTimeout(later);
      later = setTimeout(changed, id === "search" ? 200 : 0);
    });
  }
  element("swap").addEventListener("click", () => {
    [state.left, state.right] = [state.right, state.left];
    element("left").value = state.left;
    element("right").value = state.right;
    write();
    draw().catch(failed);
  });
  for (const [id, step] of [["previous", -AT_ONCE], ["next", AT_ONCE]]) {
    element(id).addEventListener("click", () => {
      Object.assign(state, { at: state.at + step, sample: "" });
      write();
      draw(true).catch(failed);
    });
  }
  element("tools").addEventListener("submit", (event) => event.preventDefault());
  element("list").addEventListener("click", (event) => {
    const cite = event.target.closest("[data-cite]");
    if (!cite) return;
    const row = element(cite.dataset.cite);
    row.closest("details").open = true;
    row.focus();
  });
  addEventListener("hashchange", () => {
    if (location.hash !== written && read()) draw(true).catch(failed);
  });
}

async function start() {
  index = await indexed();
  fill();
  const isLink = read();
  listen();
  element("tools").hidden = false;
  element("few").hidden = true;
  await draw(isLink);
  document.documentElement.dataset.samples = "ready";
}
