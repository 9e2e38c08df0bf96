/** The numbers that matter most, each with its change, its course, and the way to what it means. */
import type { Overview, TimeSeries } from "../api/analytics";
import { element, vector } from "../page/element";
import { say } from "../page/keyed";
import { defined } from "./glossary";
import { metricOf, shown, TILES, type Metric, type Unit } from "./metrics";

export interface Tiles {
  root: HTMLElement;
  set: (overview: Overview, course: TimeSeries, charted: string) => void;
}

export function tiles(onChart: (metric: string) => void): Tiles {
  const root = element("ul", { class: "tiles", "aria-label": "Key metrics" });
  const made = TILES.map((key) => tile(metricOf(key), () => onChart(key)));
  root.append(...made.map(({ root }) => root));
  return { root, set: (overview, course, charted) => made.forEach((one) => one.set(overview, course, charted)) };
}

function tile(metric: Metric, onChart: () => void): { root: HTMLElement; set: Tiles["set"] } {
  const value = element("strong", { class: "value", "data-testid": `tile-${metric.key}` }, "…");
  const change = element("span", { class: "change" });
  const more = element("span", { class: "hint" });
  const line = vector("svg", { class: "spark", viewBox: "0 0 100 28", preserveAspectRatio: "none", "aria-hidden": "true" });
  const button = element("button", { type: "button", class: "tile-button", "aria-label": `Show ${metric.name.toLowerCase()} over time` });
  button.addEventListener("click", onChart);
  return {
    root: element("li", { class: "tile" }, element("h3", {}, defined(metric)), element("p", { class: "tile-value" }, value, " ", change), more, line, button),
    set(overview, course, charted) {
      button.setAttribute("aria-pressed", String(charted === metric.key));
      const startup = metric.key === "startup_ms" ? overview.percentiles["startup_ms"] : undefined;
      const now = startup ? startup.p50 : (overview.metrics[metric.key]?.value ?? null);
      say(value, shown(now, metric.unit));
      say(more, startup ? `median; ${shown(startup.p95, "ms")} for one in twenty` : aside(metric, overview));
      const before = overview.previous;
      const old = startup ? before?.percentiles["startup_ms"]?.p50 : before?.metrics[metric.key]?.value;
      drawChange(change, metric, now, old);
      drawSpark(line, course.points.map(({ metrics }) => metrics[metric.key] ?? null));
    },
  };
}

/** What stands beside the number; nothing, where it is not known. */
function aside(metric: Metric, overview: Overview): string {
  const said = (key: string, unit: Unit, words: string): string => {
    const value = overview.metrics[key]?.value ?? null;
    return value === null ? "" : words.replace("{}", shown(value, unit));
  };
  switch (metric.key) {
    case "plays":
      return said("attempts", "count", overview.metrics["attempts"]?.value === 1 ? "of {} attempt" : "of {} attempts");
    case "rebuffer_ratio":
      return said("rebuffer_free_share", "percent", "{} without a stall");
    case "start_failure_pct":
      return said("ebvs_pct", "percent", "{} left before the start");
    case "watched_ms":
      return said("completion_pct", "percent", "{} of the clip, on average");
    case "avg_bitrate_kbps":
      return said("top_bitrate_share", "percent", "{} at the best quality");
    case "experience_score":
      return "of 100";
    case "unique_viewers":
      return "within 0.8 %";
    default:
      return "";
  }
}

function drawChange(place: HTMLElement, metric: Metric, now: number | null, old: number | null | undefined): void {
  place.className = "change";
  if (now === null || old === null || old === undefined) return say(place, "");
  if (old === 0) return say(place, now === 0 ? "" : "new");
  const percent = ((now - old) / Math.abs(old)) * 100;
  const size = Math.abs(percent);
  if (size < 0.5) return say(place, "±0 %");
  const good = metric.better && (percent > 0) === (metric.better === "up");
  place.classList.add(metric.better === null ? "even" : good ? "good" : "bad");
  const amount = size >= 1000 ? "×" + (now / old).toFixed(0) : `${size < 10 ? size.toFixed(1) : Math.round(size)} %`;
  place.replaceChildren(
    element("span", { "aria-hidden": "true" }, `${percent > 0 ? "▲" : "▼"} ${amount}`),
    element("span", { class: "visually-hidden" }, `${percent > 0 ? "up" : "down"} ${amount} from the time before${metric.better === null ? "" : good ? ", better" : ", worse"}`),
  );
}

function drawSpark(place: SVGSVGElement, values: (number | null)[]): void {
  const known = values.filter((value) => value !== null);
  const most = Math.max(...known, 0);
  const runs: string[] = [];
  let run = "";
  values.forEach((value, at) => {
    if (value === null) return void ((run = ""), runs.push(""));
    const [x, y] = [(at / Math.max(1, values.length - 1)) * 100, 26 - (most ? (value / most) * 24 : 0)];
    run += `${run ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    runs[runs.length ? runs.length - 1 : 0] = run;
  });
  place.replaceChildren(vector("path", { d: runs.join("") || "M0 26", "vector-effect": "non-scaling-stroke" }));
}
