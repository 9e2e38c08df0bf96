/**
 * The reporting library for players on other pages: one file without dependencies, served at `/player/clipper-qoe.js`.
 * Its types are written out in `player/clipper-qoe.d.ts`.
 */
import { rungName } from "../theatre/rungs";
import type { Reading } from "./batch";
import { contextOf } from "./context";
import { reportPlayback, type Report } from "./report";

export const VERSION = "1.0.0";

export interface Options {
  /** The clip's UUID or slug, or what else you call it. */
  clip: string;
  /** Where Clipper is; where this file came from, when it is left out. */
  server?: string;
  /** Seconds between signs of life, until the server asks for another pace. */
  interval?: number;
  /** What else is to be known of each moment, such as `{mode: "theatre"}`. */
  more?: () => Record<string, unknown>;
}

export interface Reporter {
  /** The session's id, for your own records. */
  readonly session: string;
  /** Playback was given up; nothing is reported after it. */
  failed(code: string): void;
  /** The viewer is done here, though the page stays. */
  stop(): void;
}

/** What is used of hls.js; any build of it will do. */
export interface HlsLike {
  media: HTMLMediaElement | null;
  levels: { url?: string[] | string; uri?: string; width?: number; height?: number; bitrate: number }[];
  currentLevel: number;
  autoLevelEnabled: boolean;
  bandwidthEstimate: number;
  on(event: string, listener: (event: string, data: { details?: string; fatal?: boolean }) => void): void;
  off(event: string, listener: (event: string, data: { details?: string; fatal?: boolean }) => void): void;
}

/** A page that stays in trouble for so long has failed, whatever its player still tries. */
const GIVEN_UP_MS = 30_000;

/** Reports what hls.js plays. Call it once the element is attached, before playback is asked for. */
export function reportHls(hls: HlsLike, options: Options): Reporter {
  const video = hls.media;
  if (!video) throw new Error("Attach hls.js to its element first.");
  const version = (hls.constructor as { version?: string }).version;
  let report: Report | undefined;
  let trouble: string | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const fail = (): void => {
    if (trouble) report?.session.fatal(trouble);
  };
  // Before the reporter's own: who leaves while nothing works has not simply left.
  addEventListener("pagehide", fail);
  report = start(video as HTMLVideoElement, options, version ? `hls.js/${version}` : "hls.js", () => readHls(hls));
  const { session } = report;
  const onSwitched = (): void => session.rendition();
  const onHealthy = (): void => {
    clearTimeout(timer);
    trouble = null;
  };
  const onError = (_event: string, data: { details?: string; fatal?: boolean }): void => {
    if (!data.fatal) return;
    const code = data.details ?? "fatal";
    session.error(code);
    trouble ??= code;
    clearTimeout(timer);
    timer = setTimeout(fail, GIVEN_UP_MS);
  };
  const heard = [
    ["hlsLevelSwitched", onSwitched],
    ["hlsFragBuffered", onHealthy],
    ["hlsError", onError],
  ] as const;
  for (const [event, listener] of heard) hls.on(event, listener);
  return reporter(report, () => {
    clearTimeout(timer);
    removeEventListener("pagehide", fail);
    for (const [event, listener] of heard) hls.off(event, listener);
  });
}

/** Reports any media element: what it plays with is not asked, so that bit rates and renditions stay unknown unless `more` says them. */
export function reportElement(video: HTMLVideoElement, options: Options & { player?: string }): Reporter {
  const report = start(video, options, options.player ?? "element", () => ({}));
  const onError = (): void => report.session.fatal(`media.${video.error?.code ?? 0}`);
  video.addEventListener("error", onError);
  return reporter(report, () => video.removeEventListener("error", onError));
}

function start(video: HTMLVideoElement, options: Options, player: string, engine: () => Reading): Report {
  const read = (): Reading => {
    const reading = engine();
    return options.more ? { ...reading, x: { ...reading.x, ...options.more() } } : reading;
  };
  return reportPlayback({
    cid: options.clip,
    ctx: contextOf(navigator, player, `clipper-qoe/${VERSION}`),
    video,
    engine: read,
    server: options.server ?? new URL(import.meta.url).origin,
    ...(options.interval ? { intervalMs: options.interval * 1000 } : {}),
  });
}

function reporter(report: Report, end: () => void): Reporter {
  return {
    session: report.session.sid,
    failed: (code) => report.session.fatal(code),
    stop() {
      end();
      report.stop();
    },
  };
}

function readHls(hls: HlsLike): Reading {
  const level = hls.levels[hls.currentLevel];
  const reading: Reading = { x: { auto: hls.autoLevelEnabled, ...(level ? { q: rungName(level) } : {}) } };
  if (level) reading.br = { v: Math.round(level.bitrate / 1000) };
  if (hls.bandwidthEstimate > 0) reading.mtp = { "": Math.round(hls.bandwidthEstimate / 100_000) * 100 };
  return reading;
}
