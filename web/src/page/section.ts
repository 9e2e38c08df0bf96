/** A titled part of a page that loads by itself, and says so where it cannot. */
import { sentence } from "../api/problem";
import { element } from "./element";
import { say } from "./keyed";

export interface Section {
  root: HTMLElement;
  /** Beside the title. */
  side: HTMLElement;
  body: HTMLElement;
  /** Shows what went wrong, or takes it away. */
  trouble: (error: unknown) => void;
}

export function section(id: string, title: string, text: string, ...content: HTMLElement[]): Section {
  const side = element("div", { class: "buttons" });
  const trouble = element("p", { class: "trouble", role: "alert" });
  const body = element("div", { class: "section-body" }, ...content);
  const head = element("div", { class: "section-head" }, element("div", {}, element("h2", { id: `${id}-title` }, title), text ? element("p", { class: "hint" }, text) : null), side);
  return {
    root: element("section", { id, class: "panel", "aria-labelledby": `${id}-title` }, head, trouble, body),
    side,
    body,
    trouble: (error) => say(trouble, error === null ? "" : sentence(error)),
  };
}

export function act(label: string, run: () => void, more: { class?: string; name?: string; hook?: string } = {}): HTMLButtonElement {
  const button = element("button", { type: "button", class: more.class ?? "button small", "aria-label": more.name, "data-testid": more.hook }, label);
  button.addEventListener("click", run);
  return button;
}
