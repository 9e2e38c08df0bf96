/**
 * hls.js on our video, or the browser's own HLS where there is no Media Source.
 *
 * Knows the rungs and switches between them; says nothing to the viewer itself.
 */
import Hls, { type ErrorData, type Fragment } from "hls.js";
import workerPath from "hls.js/dist/hls.worker.js?url";
import { readPreferences, remember, startingEstimate } from "./preferences";
import { rungName, rungsOf, type Rung } from "./rungs";

export const AUTO = "auto";
const LONGEST_SWITCH_MS = 5000;

export interface EngineEvents {
  /** The rungs, the choice, or what is playing changed. */
  onRungs: () => void;
  /** Another rung reached the playhead; `switchMs` when the viewer had asked for it. */
  onSwitched: (switchMs: number | null) => void;
  /** Fatal or not: hls.js repairs the others itself, but that may take a while. */
  onError: (data: ErrorData) => void;
  /** Media arrives again after a fatal error. */
  onHealthy: () => void;
}

export class Engine {
  readonly hls: Hls | null;
  #video: HTMLVideoElement;
  #events: EngineEvents;
  #playing: string | null = null;
  #askedAt: number | null = null;
  #nudging = false;
  #choice = readPreferences().quality;

  constructor(video: HTMLVideoElement, events: EngineEvents) {
    this.#video = video;
    this.#events = events;
    this.hls = Hls.isSupported() ? createHls() : null;
    if (!this.hls) return;
    this.#listen(this.hls);
    this.hls.attachMedia(video);
  }

  static get supported(): boolean {
    return Hls.isSupported() || nativeHls(document.createElement("video"));
  }

  get name(): string {
    return this.hls ? `hls.js/${Hls.version}` : "native";
  }

  /** The rung at the playhead, or null before the first frame. */
  get playing(): string | null {
    return this.#playing;
  }

  get rungs(): Rung[] {
    return this.hls ? rungsOf(this.hls.levels) : [];
  }

  /** What the viewer wants: a rung's name, or `auto`. */
  get choice(): string {
    return this.rungs.some((rung) => rung.name === this.#choice) ? this.#choice : AUTO;
  }

  get switching(): boolean {
    return this.choice !== AUTO && this.#playing !== null && this.#playing !== this.choice;
  }

  /** A seek under way is ours, not the viewer's. */
  get nudging(): boolean {
    return this.#nudging;
  }

  /** Starts over at `at` seconds; also how rungs that were added later come in. */
  load(url: string, at: number): void {
    if (!this.hls) {
      this.#video.src = url;
      if (at > 0) this.#video.currentTime = at;
      return;
    }
    if (this.hls.levels.length) this.#goOnAfterReload(this.hls);
    this.hls.config.startPosition = at;
    this.hls.loadSource(url);
  }

  /** A new source stops the element, and brings its own seek to the old place. */
  #goOnAfterReload(hls: Hls): void {
    const wasPlaying = !this.#video.paused;
    this.#nudging = true;
    this.#video.addEventListener("canplay", () => (this.#nudging = false), { once: true });
    hls.once(Hls.Events.MANIFEST_PARSED, () => wasPlaying && void this.#video.play().catch(() => undefined));
  }

  choose(name: string): void {
    this.#choice = name;
    remember({ quality: name });
    const { hls } = this;
    if (!hls) return;
    const rung = this.rungs.find((candidate) => candidate.name === name);
    this.#askedAt = rung && rung.name !== this.#playing ? performance.now() : null;
    // A chosen rung replaces what is buffered, so that the click shows at once. Auto only
    // changes what comes next: nobody asked for a different picture this instant.
    if (rung) hls.currentLevel = rung.level;
    else hls.nextLevel = -1;
    this.#events.onRungs();
  }

  #listen(hls: Hls): void {
    hls.on(Hls.Events.MANIFEST_PARSED, () => {
      const rung = this.rungs.find((candidate) => candidate.name === this.choice);
      if (rung) hls.loadLevel = rung.level;
      this.#events.onRungs();
    });
    hls.on(Hls.Events.LEVEL_SWITCHED, (_, { level }) => this.#switched(hls, level));
    hls.on(Hls.Events.LEVELS_UPDATED, () => this.#events.onRungs());
    hls.on(Hls.Events.FRAG_BUFFERED, (_, { frag }) => {
      this.#showAtOnce(frag);
      remember({ throughput: { bps: Math.round(hls.bandwidthEstimate), at: Date.now() } });
      this.#events.onHealthy();
    });
    hls.on(Hls.Events.ERROR, (_, data) => this.#events.onError(data));
  }

  /**
   * The decoder goes on with the old rung until the next key frame, which may be seconds away;
   * seeking to where we are makes it start over in the new one.
   */
  #showAtOnce(frag: Fragment): void {
    const { currentTime } = this.#video;
    if (this.#askedAt === null || this.#nudging || frag.start > currentTime || frag.end <= currentTime) return;
    if (frag.level !== this.hls?.manualLevel) return;
    this.#nudging = true;
    this.#video.addEventListener("seeked", () => (this.#nudging = false), { once: true });
    this.#video.currentTime = currentTime;
  }

  #switched(hls: Hls, level: number): void {
    const rendition = hls.levels[level];
    if (!rendition) return;
    const name = rungName(rendition);
    const changed = name !== this.#playing;
    const askedAt = name === this.#choice ? this.#askedAt : null;
    this.#playing = name;
    this.#events.onRungs();
    if (askedAt === null) {
      if (changed) this.#events.onSwitched(null);
      return;
    }
    afterResize(this.#video, rendition.height, () => {
      if (this.#askedAt === askedAt) this.#askedAt = null;
      this.#events.onSwitched(Math.round(performance.now() - askedAt));
    });
  }
}

/** The switch is done when a frame of the new size is shown; hls.js tells only what is buffered there. */
function afterResize(video: HTMLVideoElement, height: number, done: () => void): void {
  if (video.videoHeight === height) return done();
  const shown = (): void => {
    clearTimeout(timer);
    video.removeEventListener("resize", shown);
    done();
  };
  // A playlist may name another size than the frames have; then there is nothing to wait for.
  const timer = setTimeout(shown, LONGEST_SWITCH_MS);
  video.addEventListener("resize", shown);
}

function createHls(): Hls {
  const downlink = (navigator as { connection?: { downlink?: number } }).connection?.downlink;
  return new Hls({
    workerPath,
    abrEwmaDefaultEstimate: startingEstimate(readPreferences(), Date.now(), downlink),
    abrEwmaDefaultEstimateMax: 50_000_000,
    // In Auto there is no use in more pixels than the stage has; a chosen rung is not capped.
    capLevelToPlayerSize: true,
    backBufferLength: 60,
    maxBufferLength: 30,
  });
}

function nativeHls(video: HTMLVideoElement): boolean {
  return video.canPlayType("application/vnd.apple.mpegurl") !== "";
}
