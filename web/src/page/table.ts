/** Tables that scroll sideways by themselves where the screen is too narrow, by keyboard too. */
import { element } from "./element";

export interface Table {
  root: HTMLElement;
  body: HTMLElement;
}

/** A column that begins with `#` holds numbers; an empty one holds buttons. */
export function table(caption: string, columns: string[]): Table {
  const head = columns.map((column) =>
    column === "" ? element("td") : element("th", { scope: "col", class: column.startsWith("#") ? "number" : null }, column.replace(/^#/, "")),
  );
  const body = element("tbody");
  const root = element(
    "div",
    { class: "table-scroll", role: "region", "aria-label": caption, tabindex: 0 },
    element("table", {}, element("caption", { class: "visually-hidden" }, caption), element("thead", {}, element("tr", {}, ...head)), body),
  );
  return { root, body };
}

export function cell(text = "", kind?: "number" | "mono"): HTMLElement {
  return element("td", { class: kind ?? null }, text);
}
