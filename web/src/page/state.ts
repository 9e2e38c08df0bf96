/** A page, or a part of one, that has nothing to show: says why and what to do about it. */
import { element, icon } from "./element";

type Way = { label: string; href: string } | { label: string; run: () => void };

export function statePanel(title: string, text: string, way: Way): HTMLElement {
  return element(
    "div",
    { class: "state", role: "status" },
    icon("M4 5h16v14H4z", "M10 9v6l5-3z"),
    element("h2", {}, title),
    element("p", {}, text),
    "href" in way ? element("a", { class: "button primary", href: way.href }, way.label) : runButton(way),
  );
}

function runButton(way: { label: string; run: () => void }): HTMLElement {
  const button = element("button", { class: "button primary", type: "button" }, way.label);
  button.addEventListener("click", way.run);
  return button;
}
