/**
 * One viewing of one clip, told as events.
 *
 * The caller says what the media element did; the session decides what that means for the
 * viewer. The promises: a stall counts only after playing and never inside a seek, a state is
 * told once however often the element repeats itself, and the start delay is told once.
 */
import { uuidv7 } from "../uuid";
import type { Clock, PlayerState, QoeEvent, Reading } from "./batch";

export interface SessionOptions {
  clock: Clock;
  read: () => Reading;
  emit: (event: QoeEvent) => void;
}

type Extra = Pick<QoeEvent, "msd" | "ec" | "x">;

export class Session {
  readonly sid: string;
  readonly cid: string;
  #options: SessionOptions;
  #state: PlayerState | null = null;
  #sequence = 0;
  #startedAt: number | null = null;
  #pausedMs = 0;
  #pausedAt: number | null = null;
  #hasPlayed = false;

  constructor(cid: string, options: SessionOptions) {
    this.sid = uuidv7(options.clock.now());
    this.cid = cid;
    this.#options = options;
  }

  get state(): PlayerState | null {
    return this.#state;
  }

  get over(): boolean {
    return this.#state === "f" || this.#state === "q";
  }

  /** The viewer, or autoplay, asked for playback. */
  play(): void {
    if (this.#hasPlayed) {
      if (this.#state === "a") this.#become("p");
      return;
    }
    const now = this.#options.clock.mono();
    this.#startedAt ??= now;
    if (this.#pausedAt !== null) this.#pausedMs += now - this.#pausedAt;
    this.#pausedAt = null;
    this.#become("s");
  }

  /** Frames are moving. `x` joins the very first of these reports. */
  playing(x?: Record<string, unknown>): void {
    if (this.#hasPlayed) return this.#become("p");
    if (this.#startedAt === null) this.play();
    this.#hasPlayed = true;
    const delay = this.#options.clock.mono() - (this.#startedAt ?? 0) - this.#pausedMs;
    this.#become("p", { msd: Math.max(0, Math.round(delay)), ...(x ? { x } : {}) });
  }

  seeking(): void {
    if (this.#hasPlayed) this.#become("k");
  }

  /** A seek that ends while paused has no `playing` to close it. */
  seekedWhilePaused(): void {
    if (this.#state === "k") this.#become("a");
  }

  waiting(): void {
    if (this.#state === "p") this.#become("r");
  }

  pause(): void {
    if (this.#state === null || this.#state === "e") return;
    if (!this.#hasPlayed) this.#pausedAt ??= this.#options.clock.mono();
    this.#become("a");
  }

  ended(): void {
    if (this.#hasPlayed) this.#become("e");
  }

  fatal(code: string): void {
    this.error(code);
    this.#become("f");
  }

  /** The viewer left. Nothing is said of a page that was opened and never asked to play. */
  quit(): void {
    if (this.#state !== null && this.#state !== "e") this.#become("q");
  }

  /** A page that comes back from the back-forward cache goes on where it was. */
  resume(paused: boolean): void {
    if (this.#state === "q") this.#become(paused ? "a" : "p", {}, true);
  }

  rendition(x?: Record<string, unknown>): void {
    this.#tell("bc", x ? { x } : {});
  }

  error(code: string): void {
    this.#tell("e", { ec: [code] });
  }

  tick(): void {
    if (this.#state !== null && this.#state !== "e") this.#tell("t");
  }

  #become(state: PlayerState, extra: Partial<Extra> = {}, again = false): void {
    if (state === this.#state || (this.over && !again)) return;
    this.#state = state;
    this.#tell("ps", extra);
  }

  #tell(name: QoeEvent["e"], extra: Partial<Extra> = {}): void {
    if (this.over && name !== "ps") return;
    const { x, ...reading } = this.#options.read();
    const { clock, emit } = this.#options;
    const { x: more, ...fields } = extra;
    const together = { ...x, ...more };
    emit({
      id: uuidv7(clock.now()),
      ep: 0,
      sn: this.#sequence++,
      ts: Math.round(clock.now()),
      mono: Math.round(clock.mono() * 10) / 10,
      e: name,
      ...(this.#state ? { sta: this.#state } : {}),
      ...reading,
      ...fields,
      ...(Object.keys(together).length ? { x: together } : {}),
    });
  }
}
