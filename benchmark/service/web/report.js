// A job's report, in a frame that can neither see the page around it nor ask the service.
//
// A report holds what models wrote, and what reporters made of it: it is not trusted. It cannot be
// opened by its address, since no link carries a token; and opened from a blob: it would be a page
// of this origin. So its text is fetched here, with the token, and handed to `frame.html`: the
// iframe's sandbox and the file's own policy give it an opaque origin and no network.

import { ask, fileAddress } from "./api.js";
import { h } from "./dom.js";
import { save } from "./job_results.js";
import { persist } from "./live.js";
import { errorBox, offline } from "./widgets.js";

const SANDBOX = "allow-scripts allow-popups allow-popups-to-escape-sandbox";

export async function reportPage(main, { id, signal }) {
  const place = h("div", { class: "report" }, h("p", { class: "empty" }, "Loading the report …"));
  const keep = h("button", { type: "button", disabled: true }, "Download");
  main.replaceChildren(
    h(
      "div",
      { class: "head" },
      h("div", {}, h("p", { class: "crumb" }, h("a", { href: "#/jobs" }, "Jobs"), " › ", h("a", { href: `#/jobs/${encodeURIComponent(id)}` }, "Job")), h("h1", { tabindex: "-1" }, "Report")),
      keep,
    ),
    place,
  );
  const read = async () => (await ask(fileAddress(id, "report.html"), { signal, more: { Accept: "text/html" } })).text();
  const text = await persist(read, failed, signal);
  if (text === undefined) return;
  offline(null);
  keep.disabled = false;
  keep.addEventListener("click", () => save(new Blob([text]), `report-${id}.html`));
  const frame = h("iframe", { src: new URL("frame.html", import.meta.url).href, sandbox: SANDBOX, title: "Report", referrerpolicy: "no-referrer" });
  // "*": a sandboxed frame has no origin that could be named. What is sent is the report, no secret of ours.
  frame.addEventListener("load", () => frame.contentWindow.postMessage({ report: text }, "*"), { once: true });
  place.replaceChildren(frame);

  function failed(error, seconds) {
    if (error.status === 0 || error.status === 429 || error.status >= 500) offline(error, seconds);
    else if (error.status !== 401) place.replaceChildren(errorBox(error.status === 404 ? { what: "This job has no report", hint: "it is written when a run ends" } : error));
  }
}
