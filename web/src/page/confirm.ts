/** Asks before something is done that cannot be taken back, or costs the machine something. */
import { element } from "./element";

export interface Question {
  title: string;
  text: string;
  yes: string;
  danger?: boolean;
  /** More to fill in, below the text. */
  fields?: HTMLElement[];
}

/** What was filled in, or null when it is not to be done. */
export function ask({ title, text, yes, danger = false, fields = [] }: Question): Promise<FormData | null> {
  const form = element(
    "form",
    { method: "dialog" },
    ...fields,
    element(
      "div",
      { class: "dialog-foot" },
      element("button", { class: "button", value: "no", formnovalidate: true }, "Leave it"),
      element("button", { class: danger ? "button danger" : "button primary", value: "yes", "data-testid": "confirm" }, yes),
    ),
  );
  const dialog = element("dialog", { class: "ask", "aria-labelledby": "ask-title" }, element("h2", { id: "ask-title" }, title), element("p", { class: "hint" }, text), form);
  document.body.append(dialog);
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue === "yes" ? new FormData(form) : null);
      dialog.remove();
    });
    dialog.showModal();
  });
}
