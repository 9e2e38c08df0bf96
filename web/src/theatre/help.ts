/** The dialog that lists the keys. */
import { element } from "../page/element";
import { BINDINGS } from "./keyboard";

export function helpDialog(): HTMLDialogElement {
  const rows = BINDINGS.flatMap(({ shown, does }) => [
    element("dt", {}, ...shown.map((key) => (key === "…" ? "…" : element("kbd", {}, key)))),
    element("dd", {}, does),
  ]);
  const dialog = element(
    "dialog",
    { class: "help", "aria-labelledby": "help-title" },
    element("h2", { id: "help-title" }, "Keyboard shortcuts"),
    element("dl", {}, ...rows),
    element("form", { method: "dialog" }, element("button", { class: "button" }, "Close")),
  );
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  return dialog;
}
