/** Numbers for those who want to know why it looks as it looks. */
import type { Fragment } from "hls.js";
import { element, vector } from "../page/element";
import { bytes } from "../page/format";
import { bufferedAhead } from "../qoe/report";
import type { Session } from "../qoe/session";
import { AUTO, type Engine } from "./engine";

const EVERY_MS = 500;
const KEPT = 60;

export interface Stats {
  root: HTMLElement;
  toggle: () => boolean;
  /** How long the last switch took that the viewer had asked for. */
  switched: (ms: number) => void;
}

export function createStats(video: HTMLVideoElement, engine: Engine, session: () => Session): Stats {
  let timer: ReturnType<typeof setInterval> | undefined;
  let switchMs: number | null = null;
  let last: Fragment | null = null;
  engine.hls?.on("hlsFragBuffered" as never, ((_: unknown, { frag }: { frag: Fragment }) => (last = frag)) as never);
  const list = element("dl");
  const lines = { buffer: sparkline(), bandwidth: sparkline() };
  const close = element("button", { type: "button", class: "button small" }, "Close");
  const root = element("section", { class: "stats", "aria-label": "Statistics", noautohide: true, hidden: true }, list, close);
  const draw = (): void => {
    const ahead = bufferedAhead(video.buffered, video.currentTime);
    lines.buffer.add(ahead);
    lines.bandwidth.add(engine.hls?.bandwidthEstimate ?? 0);
    const rows = [...picture(video, engine), ...network(engine, last, ahead, lines), ...delays(session(), switchMs)];
    list.replaceChildren(...rows.flatMap(([name, ...value]) => [element("dt", {}, name), element("dd", {}, ...value)]));
  };
  const toggle = (): boolean => {
    root.hidden = !root.hidden;
    clearInterval(timer);
    if (root.hidden) return false;
    draw();
    timer = setInterval(draw, EVERY_MS);
    return true;
  };
  close.addEventListener("click", toggle);
  return { root, toggle, switched: (ms) => (switchMs = ms) };
}

type Row = [string, ...(string | Node)[]];

function picture(video: HTMLVideoElement, engine: Engine): Row[] {
  const box = video.getBoundingClientRect();
  const level = engine.hls?.levels[engine.hls.currentLevel];
  const { droppedVideoFrames: dropped, totalVideoFrames: total } = video.getVideoPlaybackQuality();
  const codecs = level && [level.videoCodec, level.audioCodec].filter(Boolean).join(" + ");
  return [
    ["Rendition", `${engine.playing ?? "none"} · ${engine.choice === AUTO ? "Auto" : "chosen"}${level ? ` · ${rate(level.bitrate)}` : ""}`],
    ["Picture", `${video.videoWidth} × ${video.videoHeight} on ${Math.round(box.width * devicePixelRatio)} × ${Math.round(box.height * devicePixelRatio)}`],
    ...(codecs ? ([["Codecs", codecs]] as Row[]) : []),
    ["Dropped frames", `${dropped} of ${total}${total ? ` (${((100 * dropped) / total).toFixed(1)} %)` : ""}`],
  ];
}

function network(engine: Engine, last: Fragment | null, ahead: number, lines: Record<"buffer" | "bandwidth", Sparkline>): Row[] {
  const bandwidth = engine.hls?.bandwidthEstimate;
  const rows: Row[] = [];
  if (bandwidth) rows.push(["Bandwidth", rate(bandwidth), lines.bandwidth.root]);
  rows.push(["Buffer", `${ahead.toFixed(1)} s`, lines.buffer.root]);
  if (last) {
    const { loading, total } = last.stats;
    const first = Math.round(loading.first - loading.start);
    rows.push(["Last segment", `${bytes(total)} in ${Math.round(loading.end - loading.start)} ms, first byte after ${first} ms`]);
  }
  return rows;
}

function delays(session: Session, switchMs: number | null): Row[] {
  const firstFrame = performance.getEntriesByName("clipper.first-frame")[0]?.startTime;
  const rows: Row[] = [];
  if (firstFrame !== undefined) rows.push(["First frame", `${Math.round(firstFrame)} ms after the page was asked for`]);
  if (switchMs !== null) rows.push(["Last switch", `${switchMs} ms`]);
  rows.push(["CMCD session", session.sid]);
  return rows;
}

export function rate(bitsPerSecond: number): string {
  return bitsPerSecond >= 1e6 ? `${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s` : `${Math.round(bitsPerSecond / 1e3)} kbit/s`;
}

interface Sparkline {
  root: SVGElement;
  add: (value: number) => void;
}

function sparkline(): Sparkline {
  const line = vector("polyline");
  const root = vector("svg", { viewBox: "0 0 60 16", class: "sparkline", "aria-hidden": "true", preserveAspectRatio: "none" }, line);
  const values: number[] = [];
  return {
    root,
    add: (value) => {
      values.push(value);
      if (values.length > KEPT) values.shift();
      const highest = Math.max(...values, 1e-9);
      line.setAttribute("points", values.map((v, i) => `${i + KEPT - values.length},${(15 - (14 * v) / highest).toFixed(1)}`).join(" "));
    },
  };
}
