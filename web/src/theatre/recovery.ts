/** What to do when playback breaks: try again with growing patience, and say so. */
import Hls, { type ErrorData } from "hls.js";

export interface RecoveryEvents {
  /** `retry` tries at once instead of waiting. */
  onTrouble: (message: string, retry?: () => void) => void;
  onRecovered: () => void;
  onGivenUp: (code: string, message: string, retry: () => void) => void;
  onError: (code: string) => void;
}

const ATTEMPTS = 10;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 15_000;
/** A second media error within this time means that the first cure did not take. */
const RELAPSE_MS = 5000;
const MEDIA_CURES = 3;

export class Recovery {
  #events: RecoveryEvents;
  #reload: () => void;
  #attempts = 0;
  #troubled = false;
  /** Requests have failed since the last one that did not. */
  #failing = false;
  #cures = 0;
  #curedAt = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #again: (() => void) | null = null;

  /** `reload` starts the whole presentation over at the playhead. */
  constructor(reload: () => void, events: RecoveryEvents) {
    this.#reload = reload;
    this.#events = events;
    addEventListener("online", () => (this.#again ? this.#again() : this.healthy()));
    addEventListener("offline", () => {
      this.#troubled = true;
      events.onTrouble("You are offline. What is loaded goes on playing.");
    });
  }

  /** The picture stands still. When the network was failing before, now the viewer has to know. */
  stalled(hls: Hls): void {
    if (this.#failing && !this.#again) this.#trouble(() => hls.startLoad());
  }

  handle(hls: Hls, data: ErrorData, video: HTMLVideoElement): void {
    if (!data.fatal) return this.#tellOfStall(hls, data, video);
    this.#events.onError(data.details);
    if (data.type === Hls.ErrorTypes.MEDIA_ERROR) return this.#cureMedia(hls, data);
    if (data.type === Hls.ErrorTypes.NETWORK_ERROR) return this.#waitForNetwork(hls, data);
    this.#giveUp(data.details, "This clip cannot be played in this browser.");
  }

  healthy(): void {
    this.#failing = false;
    if (!this.#troubled) return;
    this.#reset();
    this.#events.onRecovered();
  }

  /** hls.js tries again by itself; the viewer need not know of it unless the picture stands still. */
  #tellOfStall(hls: Hls, data: ErrorData, video: HTMLVideoElement): void {
    if (data.type !== Hls.ErrorTypes.NETWORK_ERROR) return;
    this.#failing = true;
    if (video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA) this.stalled(hls);
  }

  #trouble(retry: () => void): void {
    this.#troubled = true;
    this.#events.onTrouble("The connection was lost. Trying again…", retry);
  }

  #waitForNetwork(hls: Hls, data: ErrorData): void {
    const status = data.response?.code ?? 0;
    // 4xx is an answer, not an outage; only these may change by waiting.
    const answered = status >= 400 && status < 500 && status !== 404 && status !== 408 && status !== 429;
    if (answered || this.#attempts >= ATTEMPTS) return this.#giveUp(data.details, "The video cannot be loaded.");
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#attempts);
    this.#attempts += 1;
    this.#again = () => {
      clearTimeout(this.#timer);
      this.#again = null;
      if (hls.levels.length) hls.startLoad();
      else this.#reload();
    };
    this.#timer = setTimeout(this.#again, wait);
    this.#trouble(this.#again);
  }

  #cureMedia(hls: Hls, data: ErrorData): void {
    const now = performance.now();
    this.#cures = now - this.#curedAt < RELAPSE_MS ? this.#cures + 1 : 1;
    this.#curedAt = now;
    if (this.#cures > MEDIA_CURES) return this.#giveUp(data.details, "This clip cannot be decoded by this browser.");
    if (this.#cures > 1) hls.swapAudioCodec();
    hls.recoverMediaError();
  }

  #giveUp(code: string, message: string): void {
    this.#reset();
    this.#events.onGivenUp(code, message, () => this.#reload());
  }

  #reset(): void {
    clearTimeout(this.#timer);
    this.#again = null;
    this.#attempts = 0;
    this.#troubled = false;
  }
}
