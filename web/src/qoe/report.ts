/** Reports one media element's playback: the front door of this folder. */
import { browserClock, type Context, type Reading } from "./batch";
import { Outbox } from "./outbox";
import { Session } from "./session";
import { reportsTransport } from "./transport";

export interface ReportOptions {
  cid: string;
  ctx: Context;
  video: HTMLVideoElement;
  /** What only the player's engine knows: rendition, bitrate, throughput. */
  engine: () => Reading;
  /** True while a seek is the player's own doing, which is no seek of the viewer's. */
  ownSeek?: () => boolean;
  intervalMs?: number;
  /** The origin of a Clipper elsewhere. */
  server?: string;
}

const DEFAULT_INTERVAL_MS = 10_000;

export interface Report {
  session: Session;
  outbox: Outbox;
  /** Tells that the viewer is done, and listens no more. */
  stop: () => void;
}

export function reportPlayback(options: ReportOptions): Report {
  const { video, engine, cid, ctx } = options;
  const end = new AbortController();
  let outbox: Outbox | undefined;
  const session = new Session(cid, {
    clock: browserClock,
    read: () => merge(readElement(video), engine()),
    emit: (event) => outbox?.add(event),
  });
  const ticker = everyInterval(() => session.tick(), end.signal);
  ticker(options.intervalMs ?? DEFAULT_INTERVAL_MS);
  const transport = reportsTransport(session.sid, options.server);
  outbox = new Outbox({ sid: session.sid, cid, ctx, clock: browserClock, transport, onInterval: ticker });
  listenToElement(video, session, options.ownSeek ?? (() => false), end.signal);
  listenToPage(video, session, outbox, end.signal);
  const stop = (): void => {
    session.quit();
    outbox.flushOnLeave();
    end.abort();
  };
  return { session, outbox, stop };
}

/** Returns a function that (re)sets the interval; asking for the same one again changes nothing. */
function everyInterval(action: () => void, stop: AbortSignal): (ms: number) => void {
  let timer: ReturnType<typeof setInterval> | undefined;
  let current = 0;
  stop.addEventListener("abort", () => clearInterval(timer));
  return (ms) => {
    if (ms === current || stop.aborted) return;
    current = ms;
    clearInterval(timer);
    timer = setInterval(action, ms);
  };
}

function listenToElement(video: HTMLVideoElement, session: Session, ownSeek: () => boolean, signal: AbortSignal): void {
  let firstFrame: number | undefined;
  // Counted from navigation start: the wait that the viewer felt, page included.
  onFirstFrame(video, () => (firstFrame = Math.round(performance.mark("clipper.first-frame").startTime)));
  const on = (name: string, act: () => void): void => video.addEventListener(name, act, { signal });
  on("play", () => session.play());
  on("playing", () => session.playing({ first_frame_ms: firstFrame ?? Math.round(performance.now()) }));
  on("waiting", () => (video.seeking && ownSeek()) || session.waiting());
  on("seeking", () => ownSeek() || session.seeking());
  on("seeked", () => video.paused && session.seekedWhilePaused());
  on("pause", () => video.ended || session.pause());
  on("ended", () => session.ended());
}

function onFirstFrame(video: HTMLVideoElement, act: () => void): void {
  if ("requestVideoFrameCallback" in video) video.requestVideoFrameCallback(act);
  else (video as HTMLVideoElement).addEventListener("loadeddata", act, { once: true });
}

function listenToPage(video: HTMLVideoElement, session: Session, outbox: Outbox, signal: AbortSignal): void {
  const hidden = (): void => {
    if (document.visibilityState === "hidden") outbox.flushOnLeave();
  };
  const left = (): void => {
    session.quit();
    outbox.flushOnLeave();
  };
  document.addEventListener("visibilitychange", hidden, { signal });
  addEventListener("pagehide", left, { signal });
  addEventListener("pageshow", (event) => event.persisted && session.resume(video.paused), { signal });
}

function readElement(video: HTMLVideoElement): Reading {
  const reading: Reading = { pt: Math.round(video.currentTime * 1000) };
  const ahead = bufferedAhead(video.buffered, video.currentTime);
  reading.bl = { v: Math.round(ahead * 10) * 100 };
  const dropped = video.getVideoPlaybackQuality?.().droppedVideoFrames;
  if (dropped !== undefined) reading.dfa = dropped;
  if (video.playbackRate !== 1 && !video.paused) reading.pr = video.playbackRate;
  if (document.visibilityState === "hidden") reading.bg = true;
  const box = video.getBoundingClientRect();
  reading.x = { vp: [Math.round(box.width), Math.round(box.height), devicePixelRatio], src: [video.videoWidth, video.videoHeight] };
  return reading;
}

export function bufferedAhead(buffered: TimeRanges, at: number): number {
  for (let i = 0; i < buffered.length; i++) {
    if (buffered.start(i) <= at + 0.1 && at < buffered.end(i)) return buffered.end(i) - at;
  }
  return 0;
}

function merge(one: Reading, other: Reading): Reading {
  return { ...one, ...other, x: { ...one.x, ...other.x } };
}
