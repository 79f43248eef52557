// Word by word: which words of an answer are also in another text, by their longest common
// subsequence. White space is no difference.
const MOST_CELLS = 6e6; // of the table; texts that need more are not compared
const LONELY = 2; // so few equal words between two changes are chance, and only break up the text

// Return the pieces {op: "same" | "ins" | "del", text} of `answer` against `other`, and the share
// of words that both have; null if they are too long.
function diff(answer, other) {
  const right = answer.match(/\s*\S+\s*/g) ?? [];
  const left = other.match(/\s*\S+\s*/g) ?? [];
  const a = left.map((word) => word.trim());
  const b = right.map((word) => word.trim());
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end += 1;
  const steps = middle(a.slice(start, a.length - end), b.slice(start, b.length - end));
  if (!steps) return null;
  const ops = [...Array(start).fill("same"), ...steps, ...Array(end).fill("same")];
  const same = ops.filter((op) => op === "same").length;
  const share = a.length + b.length ? (2 * same) / (a.length + b.length) : 1;
  return { pieces: pieces(grouped(ops), left, right), share };
}

function middle(a, b) {
  if (a.length * b.length > MOST_CELLS) return null;
  const width = b.length + 1;
  const table = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const here = i * width + j;
      table[here] = a[i] === b[j] ? table[here + width + 1] + 1
        : Math.max(table[here + width], table[here + 1]);
    }
  }
  const ops = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) { ops.push("same"); i += 1; j += 1; }
    else if (j === b.length || (i < a.length && table[(i + 1) * width + j] >= table[i * width + j + 1])) { ops.push("del"); i += 1; }
    else { ops.push("ins"); j += 1; }
  }
  return ops;
}

// Merge what follows each other into [[op, count]]; lonely equal words become part of a change.
function grouped(ops) {
  const runs = [];
  for (const op of ops) {
    if (runs.length && runs.at(-1)[0] === op) runs.at(-1)[1] += 1;
    else runs.push([op, 1]);
  }
  return runs.flatMap(([op, count], place) => {
    const inside = place > 0 && place < runs.length - 1;
    return op === "same" && inside && count <= LONELY ? [["both", count]] : [[op, count]];
  });
}

function pieces(runs, left, right) {
  const found = [];
  let i = 0;
  let j = 0;
  let gone = "";
  let come = "";
  const flush = () => {
    if (gone) found.push({ op: "del", text: gone.endsWith(" ") || !come ? gone : `${gone} ` });
    if (come) found.push({ op: "ins", text: come });
    gone = come = "";
  };
  for (const [op, count] of runs) {
    const from = op === "ins" ? "" : left.slice(i, i + count).join("");
    const to = op === "del" ? "" : right.slice(j, j + count).join("");
    i += op === "ins" ? 0 : count;
    j += op === "del" ? 0 : count;
    if (op === "same") {
      flush();
      found.push({ op, text: to });
    } else {
      gone += from;
      come += to;
    }
  }
  flush();
  return found;
}
