// The start: which page the address names, and who is signed in.

import { token } from "./api.js";
import { jobPage } from "./job.js";
import { jobsPage } from "./jobs.js";
import { leaderboardPage } from "./leaderboard.js";
import { newPage } from "./new.js";
import { reportPage } from "./report.js";
import { signIn } from "./signin.js";
import { forgetSuites, offline } from "./widgets.js";
import { h } from "./dom.js";

const ROUTES = [
  [/^\/jobs$/, "jobs", "Jobs", jobsPage],
  [/^\/jobs\/([^/]+)$/, "jobs", "Job", jobPage],
  [/^\/jobs\/([^/]+)\/report$/, "jobs", "Report", reportPage],
  [/^\/leaderboard$/, "leaderboard", "Leaderboard", leaderboardPage],
  [/^\/new$/, "new", "New run", newPage],
];

const main = document.getElementById("main");
const out = document.getElementById("sign-out");
let page = null; // ends what the page that is left was still doing

function go({ first = false } = {}) {
  page?.abort();
  page = new AbortController();
  offline(null);
  const [path, query = ""] = location.hash.slice(1).split(/\?(.*)/s);
  const [match, name, title, show] = found(path || "/jobs");
  for (const link of document.querySelectorAll("header nav a")) {
    if (link.dataset.page === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${title} · bench`;
  document.body.dataset.page = title.toLowerCase().replace(" ", "-");
  out.hidden = !token.get();
  show(main, { id: match[1] && decoded(match[1]), query, signal: page.signal });
  if (first) return;
  scrollTo(0, 0);
  main.querySelector("h1")?.focus({ preventScroll: true });
}

function found(path) {
  for (const [pattern, ...route] of ROUTES) {
    const match = pattern.exec(path);
    if (match) return [match, ...route];
  }
  return [[path], "", "Not found", unknown];
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function unknown(place) {
  place.replaceChildren(h("div", { class: "head" }, h("h1", { tabindex: "-1" }, "Not found")), h("p", {}, "There is no such page. ", h("a", { href: "#/jobs" }, "Jobs")));
}

// Any call that is refused for want of a token leads to the same form, once.
addEventListener("bench:signin", () => {
  if (document.body.dataset.page === "sign-in") return;
  page?.abort();
  offline(null);
  document.title = "Sign in · bench";
  document.body.dataset.page = "sign-in";
  out.hidden = true;
  forgetSuites();
  signIn(main, () => go());
});

out.addEventListener("click", () => {
  token.forget();
  forgetSuites();
  go();
});

document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault(); // "#main" is no page
  main.focus();
});

addEventListener("hashchange", () => go());
go({ first: true });
