/** Signing in with an API key, and out again. */
import { currentKey, forgetKey, storeKey } from "../api/key";
import { element } from "../page/element";
import { drawHeader, SIGNED_IN } from "../page/header";

export function accountSection(onChange: () => void): HTMLElement {
  const section = element("section", { id: "account", class: "panel account", "aria-label": "Sign-in" });
  const draw = (): void => {
    section.replaceChildren(currentKey() ? signedIn(changed) : signInForm(changed));
  };
  const changed = (): void => {
    draw();
    drawHeader();
    onChange();
  };
  addEventListener(SIGNED_IN, changed);
  draw();
  return section;
}

function signedIn(changed: () => void): HTMLElement {
  const out = element("button", { type: "button", class: "button small" }, "Sign out");
  out.addEventListener("click", () => {
    forgetKey();
    changed();
  });
  return element("div", { class: "signed-in" }, element("i", { class: "dot on" }), element("span", {}, "Signed in with an API key"), out);
}

function signInForm(changed: () => void): HTMLElement {
  const input = element("input", {
    id: "api-key",
    name: "key",
    type: "password",
    autocomplete: "off",
    spellcheck: "false",
    placeholder: "clk_…",
    required: true,
    "data-testid": "key-input",
  });
  const form = element(
    "form",
    { class: "sign-in" },
    element("h2", {}, "Sign in to upload"),
    element("p", { class: "hint" }, "Open the link that the server printed at its first start, or paste an API key here. It stays in this browser."),
    element("label", { for: "api-key" }, "API key"),
    element("div", { class: "inline" }, input, element("button", { class: "button primary", "data-testid": "key-submit" }, "Sign in")),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!input.value.trim()) return;
    storeKey(input.value);
    changed();
  });
  return form;
}
