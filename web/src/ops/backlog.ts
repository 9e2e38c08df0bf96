/** Reads a log backwards, page by page, and keeps what was asked for. */
import { fetchEvents, type LogEvent, type LogName } from "../api/ops";

export interface Filter {
  stream: string;
  type: string;
}

const PAGE = 100;
/** With a filter, pages are as large as the server gives them. */
const LARGE_PAGE = 1000;
const PAGES_AT_ONCE = 20;
const ENOUGH = 50;

export class Backlog {
  newest: number;
  looked = 0;
  #before: number;
  #log: LogName;
  #filter: Filter;

  constructor(log: LogName, head: number, filter: Filter) {
    this.#log = log;
    this.#filter = filter;
    this.newest = head;
    this.#before = head;
  }

  get atStart(): boolean {
    return this.#before <= 0;
  }

  /** Newest first; none, when a good stretch of the log has none. */
  async older(signal: AbortSignal): Promise<LogEvent[]> {
    const found: LogEvent[] = [];
    const narrowed = this.#filter.stream !== "" || this.#filter.type !== "";
    for (let pages = 0; pages < PAGES_AT_ONCE && found.length < ENOUGH && !this.atStart; pages++) {
      const size = Math.min(narrowed ? LARGE_PAGE : PAGE, this.#before);
      const page = await fetchEvents(this.#log, this.#before - size, size, signal);
      // Positions that retention has emptied give later ones instead.
      const before = this.#before;
      const here = page.filter(({ position }) => position <= before);
      this.#before -= size;
      this.looked += here.length;
      if (!here.length && page.length) this.#before = 0;
      found.push(...here.reverse().filter((event) => matches(event, this.#filter)));
    }
    return found;
  }
}

export function matches(event: LogEvent, { stream, type }: Filter): boolean {
  return event.stream_id.includes(stream) && event.event_type.toLowerCase().includes(type.toLowerCase());
}
