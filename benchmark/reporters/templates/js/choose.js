// Which samples are shown, and in which order.
const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
const WORST = 0.1; // share of samples that "worst" shows

// Return `value`, turned so that more is better; null stays null.
function turned(index, at, key, place) {
  const value = index.values[at]?.[key]?.[place];
  if (value === null || value === undefined) return null;
  return meta.numbers[meta.keys[key]].higher === false ? -value : value;
}

function gain(index, state, place) {
  const [left, right] = [turned(index, state.left, state.by, place), turned(index, state.right, state.by, place)];
  return left === null || right === null ? null : right - left;
}

// Right with one and wrong with the other: on the chosen number if it is a yes or no, else on any
// number that is; where none is, any difference on the chosen one.
function flipped(index, state, place) {
  const keys = index.yesNo[state.by] ? [state.by] : index.yesNo.flatMap((yes, key) => (yes ? [key] : []));
  return (keys.length ? keys : [state.by]).some((key) => {
    const [left, right] = [turned(index, state.left, key, place), turned(index, state.right, key, place)];
    return left !== null && right !== null && left !== right;
  });
}

function flagged(index, state, flag) {
  const found = new Set([...index.flags[flag][state.left], ...index.flags[flag][state.right]]);
  return (place) => found.has(place);
}

// Return how a filter decides.
function filterOf(index, state) {
  const show = state.show;
  if (show === "flipped") return (place) => flipped(index, state, place);
  if (show === "better") return (place) => gain(index, state, place) > 0;
  if (show === "worse") return (place) => gain(index, state, place) < 0;
  if (show === "worst") {
    const values = index.ids.map((_, place) => turned(index, state.right, state.by, place)).filter((value) => value !== null).sort((a, b) => a - b);
    const bar = values[Math.max(0, Math.ceil(WORST * values.length) - 1)];
    return (place) => {
      const value = turned(index, state.right, state.by, place);
      return value !== null && value <= bar;
    };
  }
  if (show in index.flags) return flagged(index, state, show);
  return () => true;
}

const last = (value) => (value === null ? Infinity : value);
const SORTS = {
  order: null,
  lost: (index, state) => (place) => last(gain(index, state, place)),
  gained: (index, state) => (place) => { const value = gain(index, state, place); return value === null ? Infinity : -value; },
  lowest: (index, state) => (place) => last(turned(index, state.right, state.by, place)),
  highest: (index, state) => (place) => { const value = turned(index, state.right, state.by, place); return value === null ? Infinity : -value; },
  id: null,
};

// Return the places of the samples that filter and slice leave, sorted.
function chosen(index, state) {
  const isShown = filterOf(index, state);
  const slice = index.slices.findIndex(([field, value]) => `${field}: ${value}` === state.slice);
  const places = (slice < 0 ? index.ids.map((_, place) => place) : index.sliced[slice]).filter(isShown);
  if (state.sort === "id") return places.sort((a, b) => (index.ids[a] < index.ids[b] ? -1 : index.ids[a] > index.ids[b] ? 1 : a - b));
  const value = SORTS[state.sort]?.(index, state);
  if (!value) return places;
  const values = new Map(places.map((place) => [place, value(place)]));
  return places.sort((a, b) => (values.get(a) === values.get(b) ? a - b : values.get(a) - values.get(b)));
}

// Leave those whose texts have all the words; page by page, so that a large run can be searched.
async function searched(places, words, isStale, tell) {
  const kept = new Set();
  const pages = [...new Set(places.map((place) => Math.floor(place / meta.page)))].sort((a, b) => a - b);
  const wanted = new Set(places);
  for (const [done, at] of pages.entries()) {
    const samples = await page(at);
    if (isStale()) return null;
    samples.forEach((sample, offset) => {
      const place = at * meta.page + offset;
      if (!wanted.has(place)) return;
      const text = fold([sample.i, ...sample.t, ...sample.r, ...sample.p.map((turn) => turn[1]), ...sample.a.map((one) => one.x ?? "")].join("\n"));
      if (words.every((word) => text.includes(word))) kept.add(place);
    });
    tell(done + 1, pages.length);
  }
  return places.filter((place) => kept.has(place));
}
