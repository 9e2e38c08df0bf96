/** One metric over time, with the time before behind it; as a table too. */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Point, TimeSeries } from "../api/analytics";
import { element } from "../page/element";
import { cell, table } from "../page/table";
import { defined } from "./glossary";
import { CHARTED, metricOf, shown, type Metric } from "./metrics";

const HEIGHT = 280;

/** Steps of an axis on which there are no halves. */
const WHOLE = Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat();

export interface Chart {
  root: HTMLElement;
  set: (series: TimeSeries, metric: string) => void;
}

interface Line {
  label: string;
  values: (number | null)[];
  color: string;
  dash?: number[];
  fill?: boolean;
}

export function chart(onChoose: (metric: string) => void): Chart {
  const select = element("select", { "aria-label": "Metric", "data-testid": "chart-metric" }, ...CHARTED.map((key) => element("option", { value: key }, metricOf(key).name)));
  select.addEventListener("change", () => onChoose(select.value));
  const means = element("p", { class: "hint" });
  const place = element("div", { class: "plot", role: "img" });
  const legend = element("ul", { class: "legend" });
  const rows = table("Values over time", ["Time (UTC)", "#Value", "#Before"]);
  const values = element("details", { class: "values" }, element("summary", {}, "As a table"), rows.root);
  const root = element("section", { class: "panel chart", "aria-label": "Over time" }, element("div", { class: "section-head" }, select, legend), means, place, values);
  let drawn: { series: TimeSeries; metric: Metric } | undefined;
  let plot: uPlot | undefined;
  const draw = (): void => {
    if (!drawn) return;
    const { series, metric } = drawn;
    plot?.destroy();
    const lines = linesOf(series, metric);
    legend.replaceChildren(...lines.map(({ label, color, dash }) => legendEntry(label, color, dash !== undefined)));
    plot = new uPlot(optionsOf(place.clientWidth || 600, series, metric, lines), [series.points.map(({ at }) => Date.parse(at) / 1000), ...lines.map(({ values }) => values)], place);
    place.setAttribute("aria-label", summary(series, metric, lines[0]!.values));
  };
  values.addEventListener("toggle", () => drawn && fill(rows.body, values.open ? drawn : null));
  new ResizeObserver(() => plot && plot.width !== place.clientWidth && plot.setSize({ width: place.clientWidth, height: HEIGHT })).observe(place);
  // Canvas knows no variables of style sheets: another scheme is drawn anew.
  matchMedia("(prefers-color-scheme: light)").addEventListener("change", draw);
  return {
    root,
    set(series, key) {
      const metric = metricOf(key);
      select.value = key;
      means.replaceChildren(defined(metric), `: ${metric.means}`);
      drawn = { series, metric };
      draw();
      fill(rows.body, values.open ? drawn : null);
    },
  };
}

function linesOf(series: TimeSeries, metric: Metric): Line[] {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string): string => style.getPropertyValue(name).trim();
  const main = (points: Point[]): (number | null)[] => points.map(({ metrics, percentiles }) => (metric.key === "startup_ms" && percentiles ? (percentiles["startup_ms"]?.p50 ?? null) : (metrics[metric.key] ?? null)));
  const lines: Line[] = [{ label: metric.key === "startup_ms" ? "Median" : metric.name, values: main(series.points), color: color("--accent"), fill: true }];
  if (metric.key === "startup_ms") lines.push({ label: "One in twenty", values: series.points.map(({ percentiles }) => percentiles?.["startup_ms"]?.p95 ?? null), color: color("--link") });
  if (metric.key === "plays" && series.points.some((point) => typeof point.concurrent_viewers === "number"))
    lines.push({ label: "Viewers at a time, at most", values: series.points.map((point) => point.concurrent_viewers ?? null), color: color("--good") });
  if (series.previous) lines.push({ label: "The time before", values: series.points.map((_, at) => main(series.previous!.points)[at] ?? null), color: color("--muted"), dash: [4, 4] });
  return lines;
}

function legendEntry(label: string, color: string, dashed: boolean): HTMLElement {
  const line = element("i", { class: dashed ? "dashed" : null, "aria-hidden": "true" });
  line.style.setProperty("color", color);
  return element("li", {}, line, label);
}

function optionsOf(width: number, series: TimeSeries, metric: Metric, lines: Line[]): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const [muted, grid] = ["--muted", "--line"].map((name) => style.getPropertyValue(name).trim()) as [string, string];
  const font = `12px ${style.fontFamily}`;
  const axis = { stroke: muted, font, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 } };
  const few = series.points.length < 3;
  return {
    width,
    height: HEIGHT,
    tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC"),
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    scales: { y: { range: (_plot, _low, high) => [0, high > 0 ? high * 1.08 : 1] } },
    axes: [{ ...axis, space: 76, values: (_plot, ticks) => labels(ticks, series.interval) }, { ...axis, size: 74, ...(metric.unit === "count" ? { incrs: WHOLE } : {}), values: (_plot, ticks) => ticks.map((tick) => shown(tick, metric.unit)) }],
    series: [{}, ...lines.map((line) => seriesOf(line, few))],
    plugins: [tooltip(series, metric, lines)],
  };
}

/** Hours, and the date where it changes; in UTC as all that stands here. */
function labels(ticks: number[], interval: string): string[] {
  let last = "";
  return ticks.map((tick) => {
    const iso = new Date(tick * 1000).toISOString();
    const day = moment(iso, "day");
    const text = interval === "day" ? day : iso.slice(11, 16);
    const full = interval !== "day" && day !== last ? `${text}\n${day}` : text;
    last = day;
    return full;
  });
}

function seriesOf({ label, color, dash, fill }: Line, few: boolean): uPlot.Series {
  return { label, stroke: color, width: 2, points: { show: few, size: 7 }, ...(dash ? { dash } : {}), ...(fill ? { fill: `${color}24` } : {}) };
}

/** What the pointer is over, in words. */
function tooltip(series: TimeSeries, metric: Metric, lines: Line[]): uPlot.Plugin {
  const box = element("div", { class: "tip", hidden: true });
  return {
    hooks: {
      init: (plot) => plot.over.append(box),
      setCursor: (plot) => {
        const at = plot.cursor.idx;
        const point = at === null || at === undefined ? undefined : series.points[at];
        box.hidden = !point || (plot.cursor.left ?? -1) < 0;
        if (!point || box.hidden) return;
        box.replaceChildren(
          element("strong", {}, moment(point.at, series.interval)),
          ...lines.map(({ label, values }) => element("span", {}, `${label}: ${shown(values[at!], metric.unit)}`)),
          ...(point.small_sample ? [element("span", { class: "hint" }, `few: ${point.sessions} sessions`)] : []),
        );
        const left = plot.cursor.left ?? 0;
        box.style.setProperty("left", `${Math.min(left + 14, Math.max(0, plot.over.clientWidth - box.offsetWidth))}px`);
      },
    },
  };
}

function summary({ points, interval }: TimeSeries, metric: Metric, values: (number | null)[]): string {
  const known = values.filter((value) => value !== null);
  if (!known.length) return `${metric.name} by ${interval}: nothing was measured.`;
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const peak = points[values.indexOf(high)]!;
  return `${metric.name} by ${interval}: between ${shown(low, metric.unit)} and ${shown(high, metric.unit)}, the highest at ${moment(peak.at, interval)}.`;
}

function fill(body: HTMLElement, drawn: { series: TimeSeries; metric: Metric } | null): void {
  if (!drawn) return body.replaceChildren();
  const { series, metric } = drawn;
  const lines = linesOf(series, metric);
  const before = lines.find(({ dash }) => dash)?.values;
  body.replaceChildren(
    ...series.points.map((point, at) =>
      element("tr", {}, element("th", { scope: "row" }, moment(point.at, series.interval)), cell(shown(lines[0]!.values[at], metric.unit), "number"), cell(shown(before?.[at], metric.unit), "number")),
    ),
  );
}

export function moment(iso: string, interval: string): string {
  const at = new Date(iso);
  const day = { day: "numeric", month: "short", timeZone: "UTC" } as const;
  return at.toLocaleString("en", interval === "day" ? day : { ...day, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}
