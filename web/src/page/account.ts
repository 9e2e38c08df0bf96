/** Signing in with an API key, and out again: a dialog that every page can open. */
import { isSignedIn, signIn, signOut, whoAmI } from "../api/session";
import { sentence } from "../api/problem";
import { element } from "./element";

/** Sent to the window when somebody signed in or out. */
export const ACCOUNT = "clipper:account";

export function accountDialog(): HTMLDialogElement {
  const place = element("div");
  const close = element("form", { method: "dialog" }, element("button", { class: "button" }, "Close"));
  const dialog = element("dialog", { class: "account", "aria-labelledby": "account-title" }, place, close);
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  const changed = (): void => {
    dialog.close();
    dispatchEvent(new Event(ACCOUNT));
  };
  dialog.addEventListener("toggle", () => {
    if (!dialog.open) return;
    place.replaceChildren(...(isSignedIn() ? personalCard(changed) : [element("h2", { id: "account-title" }, "Sign in"), signInForm(changed)]));
    place.querySelector("input")?.focus();
  });
  return dialog;
}

function personalCard(changed: () => void): HTMLElement[] {
  const who = element("p", { class: "hint" }, "One moment…");
  void whoAmI().then((person) => {
    if (!person) return void (who.textContent = "The key that you signed in with is not known any more.");
    const can = person.scopes.includes("ops") ? "may upload and operate this server" : "may upload clips";
    who.textContent = `${person.user ?? "Somebody who was forgotten"} ${can}.`;
  });
  const out = element("button", { type: "button", class: "button wide", "data-testid": "sign-out" }, "Sign out");
  out.addEventListener("click", () => void signOut().then(changed));
  return [element("h2", { id: "account-title" }, "Signed in"), who, out];
}

/** Also stands in pages that are of no use to visitors. */
export function signInForm(changed: () => void): HTMLFormElement {
  const input = element("input", {
    id: `api-key-${document.querySelectorAll("form.sign-in").length}`,
    name: "key",
    type: "password",
    autocomplete: "off",
    spellcheck: "false",
    placeholder: "clk_…",
    required: true,
    "data-testid": "key-input",
  });
  const trouble = element("p", { class: "trouble", role: "alert" });
  const submit = element("button", { class: "button primary", "data-testid": "key-submit" }, "Sign in");
  const form = element(
    "form",
    { class: "sign-in" },
    element("p", { class: "hint" }, "Open the link that the server printed at its first start, or paste an API key here. It is kept where scripts cannot read it."),
    element("label", { for: input.id }, "API key"),
    element("div", { class: "inline" }, input, submit),
    trouble,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit.disabled = true;
    signIn(input.value)
      .then(changed, (error: unknown) => (trouble.textContent = sentence(error)))
      .finally(() => (submit.disabled = false));
  });
  return form;
}
