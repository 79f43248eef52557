// Asking for a token, when the service answers 401.

import { address, ask, token } from "./api.js";
import { h, say } from "./dom.js";

/** Show the form in the page's place; `done` is called once the service takes the token. */
export function signIn(main, done) {
  const refused = Boolean(token.get());
  token.forget();
  const input = h("input", { type: "password", id: "token", autocomplete: "off", required: true, spellcheck: "false", "aria-describedby": "token-wrong token-help" });
  const wrong = h("p", { class: "wrong", id: "token-wrong", role: "alert" }, refused ? "This token is not accepted (any more)." : "");
  const go = h("button", { type: "submit", class: "primary" }, "Sign in");
  main.replaceChildren(
    h("div", { class: "head" }, h("h1", { tabindex: "-1" }, "Sign in")),
    h(
      "form",
      { class: "form", on: { submit } },
      h("div", { class: "field" }, h("label", { for: "token" }, "Token"), h("p", { class: "help", id: "token-help" }, "Kept in this tab until it is closed, or until you sign out."), input, wrong),
      h("div", { class: "buttons" }, go),
    ),
  );
  input.focus();

  async function submit(event) {
    event.preventDefault();
    const value = input.value.trim();
    say(wrong, "");
    // What a header cannot carry is no token; the browser would only throw.
    if (!/^[\x21-\x7e]+$/.test(value)) return say(wrong, "A token has no spaces and only plain letters.");
    go.disabled = true;
    token.set(value);
    try {
      await ask(`${address("jobs")}?limit=1`);
      return done();
    } catch (error) {
      token.forget();
      say(wrong, error.status === 401 ? "This token is not accepted." : `${error.what}.`);
    }
    go.disabled = false;
    input.select();
    input.focus();
  }
}
