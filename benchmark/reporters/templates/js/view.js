// One sample as elements. Foreign text only ever becomes a text node.
const THIN = "\u202f";
const SIGNS = { good: "✓", bad: "✗", apart: "?" };

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== undefined && child !== null));
  return node;
}

function shownNumber(value, decimals) {
  if (value === null || value === undefined) return "–";
  const [whole, rest] = Math.abs(value).toFixed(decimals).split(".");
  const spaced = whole.replace(/\B(?=(\d{3})+$)/g, THIN);
  return (value < 0 && Number(value.toFixed(decimals)) ? "\u2212" : "") + spaced + (rest ? `.${rest}` : "");
}

// Cut pieces of an answer where its citations begin and end.
function marked(pieces, spans, cites, names) {
  const nodes = [];
  let place = 0;
  for (const piece of pieces) {
    if (piece.op === "del") {
      nodes.push(make("del", {}, piece.text));
      continue;
    }
    const end = place + piece.text.length;
    const parts = [];
    let done = place;
    for (const [start, stop, which] of spans) {
      if (stop <= done || start >= end) continue;
      const [first, last] = [Math.max(start, done), Math.min(stop, end)];
      if (first > done) parts.push(piece.text.slice(done - place, first - place));
      const cite = cites[which];
      parts.push(make("button", {
        type: "button", class: `cite ${cite[2]}`, title: `${cite[1]}: ${cite[3]}`,
        "aria-describedby": `${names}-${which}`, "data-cite": `${names}-${which}`,
      }, piece.text.slice(first - place, last - place)));
      done = last;
    }
    if (done < end) parts.push(piece.text.slice(done - place));
    nodes.push(...(piece.op === "ins" ? [make("ins", {}, ...parts)] : parts));
    place = end;
  }
  return nodes;
}

function compared(answer, other, what) {
  const whole = [{ op: "same", text: answer.x }];
  if (typeof other !== "string" || !other) return { pieces: whole, note: "" };
  const found = diff(answer.x, other);
  if (!found) return { pieces: whole, note: "too long to compare word by word" };
  const shared = `${Math.round(100 * found.share)}${THIN}% of words shared with ${what}`;
  if (found.share === 1) return { pieces: whole, note: `same words as ${what}` };
  if (found.share < 0.15) return { pieces: whole, note: `${shared}: no differences drawn` };
  return { pieces: found.pieces, note: shared };
}

function citations(answer, names) {
  if (!answer.d.length) return null;
  const wrong = answer.d.filter((cite) => cite[2] === "bad").length;
  const title = `${answer.d.length} citation${answer.d.length === 1 ? "" : "s"}${wrong ? `, ${wrong} wrong` : ""}`;
  const rows = answer.d.map(([text, verdict, tone, reason, link], which) => make(
    "li", { class: tone, id: `${names}-${which}`, tabindex: -1 },
    make("span", { class: "sign", "aria-hidden": "true" }, SIGNS[tone] ?? "?"), " ", make("b", {}, text), " ",
    make("span", { class: "tag" }, verdict), " ", reason, " ",
    link.startsWith(meta.site) ? make("a", { href: link, rel: "noreferrer" }, "Légifrance") : null,
  ));
  return make("details", { open: wrong > 0 }, make("summary", {}, title), make("ul", { class: "cites" }, ...rows));
}

function opinions(sample, at) {
  const mine = sample.v.filter((one) => one.on.includes(at));
  if (!mine.length) return null;
  const shown = mine.map((one) => {
    const order = one.on.length > 1
      ? ` of ${one.on.map((who) => meta.candidates[who]?.name ?? who).join(" against ")}` : "";
    const votes = one.votes.map(([member, label, why]) => make("li", {}, make("b", {}, label), ` ${member}${why ? `: ${why}` : ""}`));
    return make("div", { class: "opinion" },
      make("p", {}, make("b", {}, `${one.judge}${order}: ${one.label}`),
        one.split ? make("span", { class: "tag" }, "judges disagree") : null),
      one.error || one.why ? make("p", { class: "muted" }, one.error || one.why) : null,
      votes.length > 1 ? make("ul", {}, ...votes) : null);
  });
  const brief = mine.map((one) => `${one.judge} ${one.label}`).join(", ");
  return make("details", {}, make("summary", {}, `Judges: ${brief}${mine.some((one) => one.split) ? " (they disagree)" : ""}`), ...shown);
}

function scores(answer) {
  const rows = answer.s.map((value, place) => [meta.numbers[place], value]).filter(([, value]) => value !== null);
  if (!rows.length) return null;
  return make("details", {}, make("summary", {}, "Scores of this answer"),
    make("dl", { class: "scores" }, ...rows.map(([number, value]) => make("div", {},
      make("dt", {}, number.name), make("dd", {}, shownNumber(value, number.decimals))))));
}

function textBox(label, ...nodes) {
  return make("div", { class: "text", tabindex: 0, role: "group", "aria-label": label, dir: "auto" }, ...nodes);
}

function answerColumn(sample, at, other, state, names) {
  const answer = sample.a[at];
  const name = meta.candidates[at].name;
  const number = meta.keys[state.by];
  const value = number === undefined ? null : answer.s[number];
  const head = make("h4", {}, name, " ");
  if (value !== null && value !== undefined) {
    const theirs = sample.a[other].s[number];
    const { decimals, higher } = meta.numbers[number];
    const better = theirs !== null && value !== theirs && higher !== null ? (value > theirs) === higher : null;
    head.append(make("span", { class: `primary-score ${better === null ? "" : better ? "better" : "worse"}`, title: meta.numbers[number].name },
      shownNumber(value, decimals), better === null ? "" : make("span", { class: "mark" }, better ? " ▲" : " ▼")));
  }
  const column = make("div", { class: "column answer" }, head);
  if (answer.x === null) {
    column.append(make("p", { class: "error" }, `No answer: ${answer.e}`));
  } else {
    const against = state.diff === "reference" ? sample.r[0] : state.diff === "other" && at !== other ? sample.a[other].x : null;
    const what = state.diff === "reference" ? "the reference" : meta.candidates[other].name;
    const { pieces, note } = compared(answer, against, what);
    column.append(
      textBox(`Answer of ${name}`, ...(answer.x ? marked(pieces, answer.c, answer.d, names) : [make("span", { class: "empty" }, "empty answer")])),
      make("p", { class: "note" }, `${answer.n} tokens`, answer.k ? make("b", {}, ", cut at the token limit") : null, note ? ` · ${note}` : null));
  }
  column.append(...[citations(answer, names), opinions(sample, at), scores(answer)].filter(Boolean));
  return column;
}

function sampleView(sample, place, state, link) {
  const source = make("div", { class: "column source" });
  for (const [role, text] of sample.p) {
    source.append(make("h4", {}, "Prompt", role === "user" ? null : make("span", { class: "muted" }, ` (${role})`)), textBox("Prompt", text));
  }
  sample.r.forEach((text, which) => source.append(make("h4", {}, which ? `Reference ${which + 1}` : "Reference"), textBox("Reference", text)));
  if (!sample.r.length) source.append(make("h4", {}, "Reference"), make("p", { class: "empty" }, "none"));
  return make("article", { class: "sample", "data-place": place },
    make("h3", { tabindex: -1 }, make("a", { href: link, class: "permalink", title: "link to this sample" }, sample.i),
      ...sample.t.flatMap((tag) => [" ", make("span", { class: "tag" }, tag)])),
    make("div", { class: "columns" }, source,
      answerColumn(sample, state.left, state.right, state, `c${place}-l`),
      answerColumn(sample, state.right, state.left, state, `c${place}-r`)));
}
