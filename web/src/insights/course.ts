/** The course of a session: what the player was doing as bands, bit rate and throughput as lines, and its buffer. */
import uPlot from "uplot";
import type { Timeline } from "../api/analytics";
import { element } from "../page/element";
import { clock } from "../page/format";
import { shown, type Unit } from "./metrics";

export const STATES: Record<string, { name: string; color: string }> = {
  starting: { name: "Starting", color: "--state-starting" },
  playing: { name: "Playing", color: "--state-playing" },
  stalled: { name: "Stalled", color: "--state-stalled" },
  seeking: { name: "Seeking", color: "--state-seeking" },
  paused: { name: "Paused", color: "--state-paused" },
};

const colorOf = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

interface Line {
  label: string;
  color: string;
  values: (number | null)[];
  stepped?: boolean;
}

export function course(timeline: Timeline): HTMLElement[] {
  const times = [...new Set([timeline.bitrate_kbps, timeline.throughput_kbps, timeline.buffer_ms].flat().map(([at]) => at))].sort((a, b) => a - b);
  const along = (points: [number, number][]): (number | null)[] => {
    const known = new Map(points);
    return times.map((at) => known.get(at) ?? null);
  };
  const bitrates: Line[] = [
    { label: "Bit rate", color: "--accent", values: along(timeline.bitrate_kbps), stepped: true },
    { label: "Throughput", color: "--link-line", values: along(timeline.throughput_kbps) },
  ];
  const buffer: Line[] = [{ label: "Buffer", color: "--good", values: along(timeline.buffer_ms) }];
  return [plotOf(timeline, times, "kbps", bitrates, 210), plotOf(timeline, times, "ms", buffer, 130)];
}

function plotOf(timeline: Timeline, times: number[], unit: Unit, lines: Line[], height: number): HTMLElement {
  const known = lines.filter(({ values }) => values.some((value) => value !== null));
  const label = known.length ? known.map((line) => `${line.label} up to ${shown(Math.max(...line.values.map((value) => value ?? 0)), unit)}`).join(", ") : `${lines[0]!.label} was not reported`;
  const place = element("div", { class: "plot", role: "img", "aria-label": label });
  const end = Math.max(1, times.at(-1) ?? 0, timeline.segments.at(-1)?.end_ms ?? 0) / 1000;
  let plot: uPlot | undefined;
  const draw = (): void => {
    plot?.destroy();
    plot = new uPlot(optionsOf(place.clientWidth, height, end, unit, lines, timeline, times), [times.map((at) => at / 1000), ...lines.map(({ values }) => values)], place);
  };
  // Drawn once it has a width.
  new ResizeObserver(() => place.clientWidth && (plot ? plot.setSize({ width: place.clientWidth, height }) : draw())).observe(place);
  matchMedia("(prefers-color-scheme: light)").addEventListener("change", () => place.isConnected && draw());
  return element("figure", { class: "course" }, element("figcaption", {}, element("ul", { class: "legend" }, ...lines.map(legendEntry))), place);
}

function legendEntry({ label, color }: Line): HTMLElement {
  const line = element("i", { "aria-hidden": "true" });
  line.style.setProperty("color", `var(${color})`);
  return element("li", {}, line, label);
}

function optionsOf(width: number, height: number, end: number, unit: Unit, lines: Line[], timeline: Timeline, times: number[]): uPlot.Options {
  const [muted, grid] = [colorOf("--muted"), colorOf("--line")];
  const axis = { stroke: muted, font: "12px system-ui, sans-serif", grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 } };
  const stepped = uPlot.paths.stepped!({ align: 1 });
  return {
    width,
    height,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, sync: { key: "course" } },
    scales: { x: { time: false, range: [0, end] }, y: { range: (_plot, _low, high) => [0, high > 0 ? high * 1.1 : 1] } },
    axes: [
      { ...axis, values: (_plot, ticks) => ticks.map(clock) },
      { ...axis, size: 78, values: (_plot, ticks) => ticks.map((tick) => shown(tick, unit)) },
    ],
    series: [{}, ...lines.map((line): uPlot.Series => ({ label: line.label, stroke: colorOf(line.color), width: 2, spanGaps: true, points: { show: lines[0]!.values.filter((value) => value !== null).length < 3 }, ...(line.stepped ? { paths: stepped } : {}) }))],
    plugins: [bands(timeline), readout(timeline, times, unit, lines)],
  };
}

/** States behind the lines, and in full colour at their foot. */
function bands({ segments }: Timeline): uPlot.Plugin {
  return {
    hooks: {
      drawClear: ({ ctx, bbox, valToPos }) => {
        ctx.save();
        for (const { state, start_ms, end_ms } of segments) {
          const known = STATES[state];
          if (!known) continue;
          const left = valToPos(start_ms / 1000, "x", true);
          const width = Math.max(1, valToPos(end_ms / 1000, "x", true) - left);
          ctx.fillStyle = colorOf(known.color);
          ctx.globalAlpha = state === "playing" ? 0.06 : 0.2;
          ctx.fillRect(left, bbox.top, width, bbox.height);
          ctx.globalAlpha = 1;
          ctx.fillRect(left, bbox.top + bbox.height - 5, width, 5);
        }
        ctx.restore();
      },
    },
  };
}

function readout({ segments }: Timeline, times: number[], unit: Unit, lines: Line[]): uPlot.Plugin {
  const box = element("div", { class: "tip", hidden: true });
  return {
    hooks: {
      init: (plot) => plot.over.append(box),
      setCursor: (plot) => {
        const at = plot.cursor.idx;
        const moment = at === null || at === undefined ? undefined : times[at];
        box.hidden = moment === undefined || (plot.cursor.left ?? -1) < 0;
        if (moment === undefined || box.hidden) return;
        const state = segments.find(({ start_ms, end_ms }) => start_ms <= moment && moment < end_ms)?.state ?? "";
        box.replaceChildren(element("strong", {}, `${clock(moment / 1000)} ${STATES[state]?.name ?? ""}`), ...lines.map(({ label, values }) => element("span", {}, `${label}: ${shown(values[at!], unit)}`)));
        box.style.setProperty("left", `${Math.min((plot.cursor.left ?? 0) + 14, Math.max(0, plot.over.clientWidth - box.offsetWidth))}px`);
      },
    },
  };
}
