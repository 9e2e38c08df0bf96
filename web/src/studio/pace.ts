/** How fast an upload goes, and how long it still takes, by what it did in the last seconds. */
import { bytes } from "../page/format";

const WINDOW_MS = 8000;
/** What is shorter says nothing. */
const SHORTEST_MS = 800;

export class Pace {
  #samples: { at: number; sent: number }[] = [];

  add(sent: number, at: number): void {
    const last = this.#samples.at(-1);
    // A try that began anew stands further back.
    if (last && sent < last.sent) this.#samples = [];
    this.#samples.push({ at, sent });
    while (this.#samples.length > 2 && at - this.#samples[0]!.at > WINDOW_MS) this.#samples.shift();
  }

  /** Bytes a second, or null while that is not known. */
  get perSecond(): number | null {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (!first || !last || last.at - first.at < SHORTEST_MS) return null;
    return ((last.sent - first.sent) / (last.at - first.at)) * 1000;
  }

  /** `12 MB of 80 MB · 4 MB/s · 17 s left`. */
  tell(sent: number, total: number): string {
    const done = `${bytes(sent)} of ${bytes(total)}`;
    const speed = this.perSecond;
    if (!speed || sent >= total) return done;
    return `${done} · ${bytes(speed)}/s · ${left((total - sent) / speed)} left`;
  }
}

export function left(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  if (seconds < 90 * 60) return `${Math.ceil(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
