/** Choosing the time and what it is narrowed to. */
import { element } from "../page/element";
import { act } from "../page/section";
import { bounds, DIMENSION_NAMES, DIMENSIONS, RANGES, type Dimension, type View } from "./query";

export interface Filters {
  root: HTMLElement;
  set: (view: View, clipTitle: string | null) => void;
}

export function filters(change: (part: Partial<View>) => void): Filters {
  const range = element("select", { "aria-label": "Time", "data-testid": "range" }, ...RANGES.map(([value, label]) => element("option", { value }, label)), element("option", { value: "custom" }, "From … to …"));
  const [from, to] = ["Begin (UTC)", "End (UTC)"].map((name) => element("input", { type: "datetime-local", "aria-label": name })) as [HTMLInputElement, HTMLInputElement];
  const custom = element("div", { class: "custom", hidden: true }, from, element("span", { "aria-hidden": "true" }, "–"), to);
  const compare = element("input", { type: "checkbox", id: "compare" });
  const chips = element("ul", { class: "chips", "aria-label": "Narrowed to" });
  const dimension = element("select", { "aria-label": "Narrow by" }, element("option", { value: "" }, "Narrow by…"), ...DIMENSIONS.map((one) => element("option", { value: one }, DIMENSION_NAMES[one])));
  const value = element("input", { type: "text", "aria-label": "Value", placeholder: "Value", autocomplete: "off", spellcheck: "false", maxlength: 128, hidden: true });
  let view: View;
  range.addEventListener("change", () => {
    if (range.value !== "custom") return change({ range: range.value, from: "", to: "" });
    const edge = bounds(view, Date.now());
    from.value = local(edge.from);
    to.value = local(edge.to);
    custom.hidden = false;
    from.focus();
  });
  for (const field of [from, to])
    field.addEventListener("change", () => {
      const [begin, end] = [utc(from.value), utc(to.value)];
      to.setCustomValidity(begin && end && begin >= end ? "The end must be after the beginning." : "");
      if (!to.reportValidity() || !begin || !end) return;
      change({ range: "custom", from: begin, to: end });
    });
  compare.addEventListener("change", () => change({ compare: compare.checked }));
  dimension.addEventListener("change", () => {
    value.hidden = dimension.value === "";
    if (!value.hidden) value.focus();
  });
  value.addEventListener("change", () => {
    if (!value.value.trim()) return;
    change({ filters: { ...view.filters, [dimension.value]: value.value.trim() } });
    value.value = "";
    dimension.value = "";
    value.hidden = true;
  });
  return {
    root: element("search", { class: "filters", "aria-label": "What is looked at" }, range, custom, element("label", { class: "check", for: "compare" }, compare, "Compare with the time before"), dimension, value, chips),
    set(shown, clipTitle) {
      view = shown;
      range.value = shown.range;
      custom.hidden = shown.range !== "custom";
      if (shown.range === "custom") {
        from.value = shown.from.slice(0, 16);
        to.value = shown.to.slice(0, 16);
      }
      compare.checked = shown.compare;
      const chosen = Object.entries(shown.filters) as [Dimension, string][];
      chips.replaceChildren(
        ...chosen.map(([name, chosen]) => {
          const label = `${DIMENSION_NAMES[name]}: ${name === "clip" ? (clipTitle ?? chosen) : chosen}`;
          const { [name]: _gone, ...rest } = shown.filters;
          return element("li", {}, act(`${label} ✕`, () => change({ filters: rest }), { class: "button quiet", name: `Do not narrow to ${label}` }));
        }),
      );
    },
  };
}

/** Fields know no zones; what stands in them is UTC, as in all of these pages. */
function local(at: number): string {
  return new Date(at).toISOString().slice(0, 16);
}

function utc(text: string): string {
  const at = Date.parse(`${text}Z`);
  return Number.isNaN(at) ? "" : new Date(at).toISOString();
}
