/** The same numbers by clip, quality, country and so on: sorted by any of them, and narrowed with a click. */
import type { Breakdown, BreakdownRow } from "../api/analytics";
import { Problem } from "../api/problem";
import { element } from "../page/element";
import { section } from "../page/section";
import { COLUMNS, metricOf, shown } from "./metrics";
import { addressOf, DIMENSION_NAMES, DIMENSIONS, type Dimension, type View } from "./query";

export interface BreakdownTable {
  root: HTMLElement;
  set: (answer: Breakdown, view: View) => void;
  fail: (error: unknown) => void;
}

const ROWS = 20;
export { ROWS as BREAKDOWN_ROWS };

export function breakdown(change: (part: Partial<View>) => void): BreakdownTable {
  const select = element("select", { "aria-label": "By", "data-testid": "breakdown-by" }, ...DIMENSIONS.map((one) => element("option", { value: one }, `By ${DIMENSION_NAMES[one].toLowerCase()}`)));
  select.addEventListener("change", () => change({ by: select.value as Dimension }));
  const head = element("tr");
  const body = element("tbody", { "data-testid": "breakdown" });
  const scroll = element("div", { class: "table-scroll", role: "region", "aria-label": "Breakdown", tabindex: 0 }, element("table", {}, element("caption", { class: "visually-hidden" }, "Breakdown"), element("thead", {}, head), body));
  const rest = element("p", { class: "hint" });
  const part = section("breakdown", "Breakdown", "", scroll, rest);
  part.side.append(select);
  return {
    root: part.root,
    fail(error) {
      part.root.hidden = error instanceof Problem && error.code === "not_found";
      part.trouble(error);
    },
    set(answer, view) {
      part.root.hidden = false;
      part.trouble(null);
      select.value = view.by;
      head.replaceChildren(element("th", { scope: "col" }, DIMENSION_NAMES[view.by]), ...COLUMNS.map((key) => columnHead(key, view, change)));
      const most = Object.fromEntries(COLUMNS.map((key) => [key, Math.max(0, ...answer.rows.map(({ metrics }) => metrics[key] ?? 0))]));
      body.replaceChildren(...answer.rows.map((row) => breakdownRow(row, view, most)));
      rest.textContent = !answer.rows.length
        ? "Nothing was played in this time."
        : answer.total_rows > answer.rows.length
          ? `The first ${answer.rows.length} of ${answer.total_rows}.`
          : "";
    },
  };
}

function columnHead(key: string, view: View, change: (part: Partial<View>) => void): HTMLElement {
  const [down, up] = [view.sort === `-${key}`, view.sort === key];
  const { name, means } = metricOf(key);
  const button = element("button", { type: "button", class: "sorter", title: means }, name, element("span", { "aria-hidden": "true" }, down ? " ▼" : up ? " ▲" : ""));
  button.addEventListener("click", () => change({ sort: down ? key : `-${key}` }));
  return element("th", { scope: "col", class: "number", "aria-sort": down ? "descending" : up ? "ascending" : null }, button);
}

function breakdownRow(row: BreakdownRow, view: View, most: Record<string, number>): HTMLElement {
  const label = row.title?.trim() || row.slug || nameOf(view.by, row.value);
  const narrowed = addressOf({ ...view, filters: { ...view.filters, [view.by]: row.slug || row.value || "unknown" } });
  const link = element("a", { href: narrowed, "data-view": true }, label);
  const few = row.small_sample ? element("span", { class: "few", title: "Fewer than 100 attempts: percentages are anecdotes" }, "few") : null;
  return element("tr", {}, element("th", { scope: "row" }, link, " ", few), ...COLUMNS.map((key) => metricCell(key, row.metrics[key] ?? null, most[key] ?? 0)));
}

function metricCell(key: string, value: number | null, most: number): HTMLElement {
  const metric = metricOf(key);
  const bar = element("i", { class: metric.better === "down" ? "share down" : "share", "aria-hidden": "true" });
  bar.style.setProperty("width", `${most > 0 && value !== null ? Math.max(0, (value / most) * 100) : 0}%`);
  return element("td", { class: "number" }, shown(value, metric.unit), element("span", { class: "share-track" }, bar));
}

const COUNTRIES = new Intl.DisplayNames("en", { type: "region", fallback: "code" });

export function nameOf(dimension: Dimension, value: string): string {
  if (!value) return "Not known";
  if (dimension !== "country" || !/^[A-Z]{2}$/.test(value)) return value;
  return COUNTRIES.of(value) ?? value;
}
