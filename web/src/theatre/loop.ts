/** Short clips play again from the start, unless the viewer has said otherwise. */
import { readPreferences, remember } from "./preferences";

/** Up to here a clip is a moment, which one wants to see again. */
const SHORT_SECONDS = 20;
const NEAR_SECONDS = 1.5;

export class Loop {
  #video: HTMLVideoElement;
  #lastTime = 0;
  #onChange: (on: boolean) => void = () => {};

  constructor(video: HTMLVideoElement) {
    this.#video = video;
    video.addEventListener("durationchange", () => this.#settle());
    video.addEventListener("timeupdate", () => {
      if (!video.seeking) this.#lastTime = video.currentTime;
    });
  }

  get on(): boolean {
    return this.#video.loop;
  }

  /** A seek under way is the loop's, not the viewer's. */
  get wrapping(): boolean {
    const { loop, currentTime, duration } = this.#video;
    return loop && currentTime < NEAR_SECONDS && duration - this.#lastTime < NEAR_SECONDS;
  }

  toggle(): boolean {
    remember({ loop: !this.on });
    this.#settle();
    return this.on;
  }

  watch(onChange: (on: boolean) => void): void {
    this.#onChange = onChange;
    onChange(this.on);
  }

  #settle(): void {
    this.#video.loop = shouldLoop(this.#video.duration, readPreferences().loop);
    this.#onChange(this.on);
  }
}

export function shouldLoop(duration: number, wish: boolean | null): boolean {
  return wish ?? (Number.isFinite(duration) && duration > 0 && duration <= SHORT_SECONDS);
}
