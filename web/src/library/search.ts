/** What the library is narrowed to; kept in the address, so that a view can be shared and gone back to. */
import type { ClipQuery } from "../api/clips";
import { element, icon } from "../page/element";

const TYPING_MS = 250;

const STATES = [
  ["", "All clips"],
  ["completed", "Ready"],
  ["processing", "Processing"],
  ["pending", "Waiting"],
  ["failed", "Failed"],
] as const;

const ORDERS = [
  ["", "Newest first"],
  ["oldest", "Oldest first"],
  ["views", "Most viewed"],
  ["longest", "Longest first"],
] as const;

export interface Search {
  root: HTMLElement;
  query: () => ClipQuery;
  narrowed: () => boolean;
  clear: () => void;
}

export function searchBar(onChange: () => void): Search {
  const text = element("input", { type: "search", placeholder: "Search titles", "aria-label": "Search titles", autocomplete: "off", maxlength: 200, "data-testid": "search" });
  const state = choice("State", STATES);
  const order = choice("Order", ORDERS);
  const read = (): void => {
    const asked = new URLSearchParams(location.search);
    text.value = asked.get("q") ?? "";
    state.value = asked.get("status") ?? "";
    order.value = asked.get("sort") ?? "";
  };
  const query = (): ClipQuery => ({ q: text.value.trim(), status: state.value, sort: order.value });
  const change = (): void => {
    const asked = new URLSearchParams(Object.entries(query()).filter(([, value]) => value)).toString();
    history.replaceState(null, "", asked ? `?${asked}` : location.pathname);
    onChange();
  };
  let typing: ReturnType<typeof setTimeout> | undefined;
  text.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(change, TYPING_MS);
  });
  for (const select of [state, order]) select.addEventListener("change", change);
  addEventListener("popstate", () => (read(), onChange()));
  listenForSlash(text);
  read();
  return {
    root: element("search", { class: "search" }, element("span", { class: "search-field" }, icon("M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13z", "M20 20l-4.8-4.8"), text), state, order),
    query,
    narrowed: () => text.value.trim() !== "" || state.value !== "",
    clear: () => {
      text.value = "";
      state.value = "";
      change();
      text.focus();
    },
  };
}

function choice(name: string, options: readonly (readonly [string, string])[]): HTMLSelectElement {
  return element("select", { "aria-label": name }, ...options.map(([value, label]) => element("option", { value }, label)));
}

/** `/` goes to the search, as in most places where there is one. */
function listenForSlash(text: HTMLInputElement): void {
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || (event.target as Element).matches("input, select, textarea")) return;
    event.preventDefault();
    text.select();
  });
}
