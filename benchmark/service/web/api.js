// Calls of the API. The token lives in this tab's session storage and in the header of a call:
// never in a URL, so in no history, no log and no Referer.

const BASE = new URL("api/v1", document.baseURI).href;
const KEY = "bench-token";

/** What went wrong: what, where (a field, or a place in the suite) and what to do next. */
export class ApiError extends Error {
  constructor(status, { what, where = "", hint = "", problems = null }, retry = null) {
    super(what);
    Object.assign(this, { status, what, where: where || "", hint: hint || "", retry });
    this.problems = problems?.length ? problems : [{ what, where: this.where, hint: this.hint }];
  }
}

export const token = {
  get: () => sessionStorage.getItem(KEY),
  set: (value) => sessionStorage.setItem(KEY, value),
  forget: () => sessionStorage.removeItem(KEY),
};

/** Return the address of something of the API; each part of its path is escaped. */
export function address(...parts) {
  return [BASE, ...parts.map((part) => encodeURIComponent(part))].join("/");
}

/** Return the address of a job's file; slashes part folders. */
export function fileAddress(id, path) {
  return address("jobs", id, "artefacts", ...path.split("/"));
}

function headers(more = {}) {
  const held = token.get();
  return { ...more, ...(held ? { Authorization: `Bearer ${held}` } : {}) };
}

/** Ask, and return the response. Raises ApiError, status 0 where nobody answers.
 *
 * Where a page asks (it passes its `signal`), 401 also leads to the form that asks for a token.
 */
export async function ask(url, { method = "GET", body, signal, more } = {}) {
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const json = body === undefined ? {} : { "Content-Type": "application/json" };
  let response;
  try {
    response = await fetch(url, {
      method,
      signal,
      headers: headers({ Accept: "application/json", ...json, ...more }),
      credentials: "omit",
      cache: "no-store",
      redirect: "error",
      ...sent,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, {
      what: "The service cannot be reached",
      hint: "is `bench serve` running?",
    });
  }
  if (!response.ok) {
    const error = await refusal(response);
    if (response.status === 401 && signal) dispatchEvent(new Event("bench:signin"));
    throw error;
  }
  return response;
}

/** Ask, and return the JSON of the answer. */
export async function json(url, options) {
  const response = await ask(url, options);
  if (response.status === 204) return null;
  try {
    return await response.json();
  } catch (error) {
    if (options?.signal?.aborted) throw error;
    throw new ApiError(response.status, { what: "The service sent something that is not JSON" });
  }
}

const USUAL = {
  401: "A token is needed",
  403: "This token may not do that",
  404: "There is no such thing here",
  409: "That cannot be done in this state",
  413: "That is too large",
  429: "Too many requests",
};

async function refusal(response) {
  let told = {};
  try {
    told = await response.json();
  } catch {
    // Something between us and the service answered, in its own format: the status must do.
  }
  const { error = {}, problems } = told ?? {};
  const what = error.what || USUAL[response.status] || `The service answered ${response.status}`;
  const seconds = Number(response.headers.get("Retry-After"));
  return new ApiError(response.status, { ...error, what, problems }, seconds > 0 ? seconds : null);
}
