// What keeps a page up to date: asking again and again, and a stream of events.

import { ApiError, ask } from "./api.js";

const SLOWEST = 15;

/** Wait; false when the page was left meanwhile. */
export function pause(seconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(true), seconds * 1000);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve(false)), { once: true });
  });
}

/** Wait while nobody looks at the page. */
function seen(signal) {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => (document.hidden && !signal.aborted ? null : resolve());
    document.addEventListener("visibilitychange", done, { signal });
    signal.addEventListener("abort", resolve, { once: true });
  });
}

/** How long to wait before the next try, in seconds: as long as the service says, else ever longer. */
function patience(error, tries) {
  return error.retry ?? Math.min(SLOWEST, 2 ** tries);
}

const FINAL = [401, 403, 404]; // asking again changes nothing

/** Try until it works; undefined where it never will, or the page was left.
 *
 * `failed(error, seconds)` hears of each failure before the next try.
 */
export async function persist(work, failed, signal) {
  for (let tries = 0; !signal.aborted; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted) return undefined;
      if (!(error instanceof ApiError)) throw error;
      const wait = patience(error, tries);
      failed(error, wait);
      if (FINAL.includes(error.status)) return undefined;
      await pause(wait, signal);
    }
  }
  return undefined;
}

/** Call `look` again and again until the page is left; it returns the seconds until the next. */
export async function poll(look, failed, signal) {
  while (!signal.aborted) {
    const wait = await persist(look, failed, signal);
    if (wait === undefined) return;
    await pause(wait, signal);
    await seen(signal);
  }
}

/** Read events (text/event-stream) until the stream ends; remember the last id in `state`.
 *
 * EventSource sends no Authorization header, therefore by hand.
 */
async function read(response, state, heard) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let event = { name: "message", data: [] };
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    // A "\r" at the very end may be half of a "\r\n".
    const lines = (rest + value).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop();
    for (const line of lines) {
      if (line === "") {
        if (event.data.length) heard(event.name, event.data.join("\n"));
        event = { name: "message", data: [] };
        continue;
      }
      const [, field, text] = /^([^:]*):? ?(.*)$/s.exec(line);
      if (field === "event") event.name = text;
      else if (field === "data") event.data.push(text);
      else if (field === "id") state.id = text;
      else if (field === "retry" && /^\d+$/.test(text)) state.retry = Number(text) / 1000;
    }
  }
}

/** Follow a job's events until `end`, through dropped connections.
 *
 * `heard(name, data, id)` gets each event once: after a break the service goes on from the last
 * one that arrived, which `state` remembers. A job that was resumed has events behind an `end`, so
 * only a stream that stops there is at its end. `broken(error, seconds)` hears of a break,
 * `mended()` of its end.
 */
export async function follow(url, state, { heard, broken, mended, signal }) {
  let ended = false;
  let tries = 0;
  while (!ended && !signal.aborted) {
    let problem = new ApiError(0, { what: "The connection broke" });
    try {
      const more = { Accept: "text/event-stream", ...(state.id ? { "Last-Event-ID": state.id } : {}) };
      const response = await ask(url, { signal, more });
      mended();
      await read(response, state, (name, data) => {
        tries = 0;
        ended = name === "end";
        heard(name, parsed(data), state.id);
      });
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ApiError) problem = error;
      else if (!(error instanceof TypeError)) throw error; // a connection that breaks: TypeError
    }
    if (ended || signal.aborted) return;
    const wait = problem.retry ?? state.retry ?? patience(problem, tries);
    tries += 1;
    broken(problem, wait);
    if (FINAL.includes(problem.status)) return;
    await pause(wait, signal);
  }
}

function parsed(data) {
  try {
    return JSON.parse(data);
  } catch {
    return { line: data };
  }
}
