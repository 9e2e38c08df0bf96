/** A button with a radio menu above it, after the WAI-ARIA menu-button pattern. */
import { element } from "../page/element";

export interface Choice {
  value: string;
  label: string;
  note?: string;
}

export interface MenuOptions {
  name: string;
  /** Prefix of the stable hooks: `{hook}-button`, `{hook}-{value}`. */
  hook: string;
  onChoose: (value: string) => void;
}

export class RadioMenu {
  readonly root: HTMLElement;
  #button: HTMLButtonElement;
  #list: HTMLElement;
  #options: MenuOptions;
  #chosen = "";

  constructor(options: MenuOptions) {
    this.#options = options;
    const id = `${options.hook}-menu`;
    this.#button = element("button", {
      type: "button",
      class: "bar-button menu-button",
      "data-testid": `${options.hook}-button`,
      "aria-haspopup": "menu",
      "aria-expanded": "false",
      "aria-controls": id,
    });
    this.#list = element("div", { id, class: "menu", role: "menu", "aria-label": options.name, hidden: true });
    this.root = element("span", { class: "menu-anchor" }, this.#button, this.#list);
    this.#listen();
  }

  get open(): boolean {
    return !this.#list.hidden;
  }

  /** Draws the choices; an unchanged menu keeps its nodes, and with them the focus inside. */
  show(choices: Choice[], chosen: string): void {
    const focused = (document.activeElement as HTMLElement | null)?.dataset["value"];
    const keepFocus = this.open && this.#list.contains(document.activeElement);
    this.#chosen = chosen;
    this.#list.replaceChildren(...choices.map((choice) => this.#item(choice)));
    if (keepFocus) this.#items().find((item) => item.dataset["value"] === focused)?.focus();
  }

  /** What the button says, for the eye and in full for the ear. */
  label(text: string, spoken: string): void {
    if (this.#button.textContent !== text) this.#button.textContent = text;
    this.#button.setAttribute("aria-label", spoken);
    this.#button.title = spoken;
  }

  close(): void {
    if (!this.open) return;
    this.#list.hidden = true;
    this.#button.setAttribute("aria-expanded", "false");
    this.#keepControls(false);
  }

  #item(choice: Choice): HTMLElement {
    return element(
      "button",
      {
        type: "button",
        role: "menuitemradio",
        tabindex: -1,
        "aria-checked": String(choice.value === this.#chosen),
        "data-value": choice.value,
        "data-testid": `${this.#options.hook}-${choice.value.toLowerCase()}`,
      },
      element("span", {}, choice.label),
      choice.note ? element("small", {}, choice.note) : null,
    );
  }

  #listen(): void {
    this.#button.addEventListener("click", () => (this.open ? this.close() : this.#show()));
    this.#list.addEventListener("click", (event) => {
      const item = (event.target as Element).closest<HTMLElement>("[data-value]");
      if (!item) return;
      this.close();
      this.#button.focus();
      this.#options.onChoose(item.dataset["value"]!);
    });
    this.root.addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("pointerdown", (event) => {
      if (!event.composedPath().includes(this.root)) this.close();
    });
    this.root.addEventListener("focusout", (event) => {
      if (event.relatedTarget && !this.root.contains(event.relatedTarget as Node)) this.close();
    });
  }

  #show(): void {
    this.#list.hidden = false;
    this.#button.setAttribute("aria-expanded", "true");
    this.#keepControls(true);
    (this.#items().find((item) => item.dataset["value"] === this.#chosen) ?? this.#items()[0])?.focus();
  }

  #key(event: KeyboardEvent): void {
    if (!this.open) {
      if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
      this.#show();
    } else if (event.key === "Escape") {
      this.close();
      this.#button.focus();
    } else if (!this.#move(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  #move(key: string): boolean {
    const items = this.#items();
    const at = items.indexOf(document.activeElement as HTMLElement);
    const last = items.length - 1;
    const target: Record<string, number> = { ArrowDown: at === last ? 0 : at + 1, ArrowUp: at <= 0 ? last : at - 1, Home: 0, End: last };
    const to = target[key];
    if (to === undefined) return false;
    items[to]?.focus();
    return true;
  }

  #items(): HTMLElement[] {
    return [...this.#list.querySelectorAll<HTMLElement>("[data-value]")];
  }

  /** The controls fade when the pointer rests; not from under an open menu. */
  #keepControls(keep: boolean): void {
    this.root.closest("media-controller")?.setAttribute("autohide", keep ? "-1" : "2");
  }
}
