// Numbers, times and words as people read them.

/** What the states are called, how they look, and what goes with them. */
export const STATES = {
  queued: { word: "Queued", mark: "○", tone: "plain" },
  running: { word: "Running", mark: "▸", tone: "busy" },
  cancelling: { word: "Cancelling", mark: "▸", tone: "unsure" },
  cancelled: { word: "Cancelled", mark: "■", tone: "plain" },
  succeeded: { word: "Done", mark: "✓", tone: "good" },
  failed: { word: "Failed", mark: "✗", tone: "bad" },
  incomplete: { word: "Incomplete", mark: "!", tone: "unsure" },
};

export const VERDICTS = {
  pass: { word: "Pass", mark: "✓", tone: "good" },
  fail: { word: "Fail", mark: "✗", tone: "bad" },
  inconclusive: { word: "Inconclusive", mark: "?", tone: "unsure" },
};

const EXITS = {
  0: "pass",
  1: "a gate failed",
  2: "usage or configuration error",
  3: "inconclusive",
  4: "run incomplete",
  130: "interrupted",
};

export const open = (state) => ["queued", "running", "cancelling"].includes(state);
export const active = (state) => ["running", "cancelling"].includes(state);

export function exitCode(code) {
  return code in EXITS ? `${code} (${EXITS[code]})` : String(code);
}

/** 0.1234567 → "0.123", 12345.6 → "12,346". */
export function number(value) {
  if (typeof value !== "number" || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (Number.isInteger(value) || size >= 1000) return Math.round(value).toLocaleString("en");
  return value.toFixed(size >= 100 ? 1 : size >= 10 ? 2 : 3);
}

/** A score, always with three decimals where it is small, so that columns line up. */
export function score(value) {
  return Number.isFinite(value) && Math.abs(value) < 10 ? value.toFixed(3) : number(value);
}

/** Seconds → "8 s", "3 min 20 s", "2 h 5 min", "1 d 3 h". */
export function duration(seconds) {
  if (typeof seconds !== "number" || !(seconds >= 0) || !Number.isFinite(seconds)) return "";
  const whole = Math.round(seconds);
  const parts = [
    [86400, "d"],
    [3600, "h"],
    [60, "min"],
    [1, "s"],
  ];
  const first = parts.findIndex(([size]) => whole >= size);
  if (first < 0) return seconds > 0 ? "under 1 s" : "0 s";
  const [[size, unit], next] = [parts[first], parts[first + 1]];
  const rest = next ? Math.floor((whole % size) / next[0]) : 0;
  return `${Math.floor(whole / size)} ${unit}${rest ? ` ${rest} ${next[1]}` : ""}`;
}

/** Seconds between two times of the API; the second defaults to now. */
export function between(start, end) {
  const from = Date.parse(start ?? "");
  const to = end ? Date.parse(end) : Date.now();
  return Number.isNaN(from) || Number.isNaN(to) ? null : Math.max(0, (to - from) / 1000);
}

export function ago(time) {
  const seconds = between(time);
  if (seconds === null) return "–";
  if (seconds < 60) return "just now";
  if (seconds < 7 * 86400) return `${duration(seconds).replace(/ \d+ \w+$/, "")} ago`;
  return new Date(time).toISOString().slice(0, 10);
}

export function moment(time) {
  const date = new Date(time ?? NaN);
  return Number.isNaN(date.getTime()) ? "–" : date.toLocaleString("en-GB");
}

export function bytes(size) {
  if (typeof size !== "number") return "";
  const step = size > 0 ? Math.min(3, Math.floor(Math.log10(size) / 3)) : 0;
  return `${(size / 1000 ** step).toFixed(step ? 1 : 0)} ${["B", "kB", "MB", "GB"][step]}`;
}

/** "Generating · lora", the step that a job is at. */
export function step(progress) {
  return [progress?.stage, progress?.item].filter(Boolean).join(" · ");
}

/** "12 of 32 answers · 281 tok/s · about 3 min left", as much of it as is known. */
export function amounts(progress, short = false) {
  if (!progress) return "";
  const { done, total, unit, tokens_per_second: speed, cost, eta_seconds: eta } = progress;
  const parts = [];
  if (Number.isFinite(done) && done !== null && (done > 0 || total)) {
    const whole = total ? ` of ${number(total)}` : "";
    parts.push(`${number(done)}${whole}${unit ? ` ${unit}` : ""}`);
  }
  if (!short && speed) parts.push(`${number(Math.round(speed))} tok/s`);
  if (!short && cost) parts.push(`cost ${number(cost)}`);
  if (Number.isFinite(eta) && eta !== null) parts.push(`about ${duration(eta)} left`);
  return parts.join(" · ");
}

/** A log's line without the codes that colour a terminal, and without what turns text around. */
export function plain(line) {
  return String(line)
    .replace(/\u001b\[[0-9;?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)/g, "")
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f\u202a-\u202e\u2066-\u2069]/g, "");
}
