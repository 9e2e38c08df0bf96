/**
 * Reports on their way to the server.
 *
 * What has not been acknowledged stays here, bounded, and is sent again with the same event
 * ids, so the server can tell a repetition from news. One request is under way at a time.
 */
import type { Batch, Clock, Context, QoeEvent } from "./batch";

export type Verdict =
  | { kind: "accepted"; intervalMs?: number }
  | { kind: "refused" }
  | { kind: "later"; afterMs?: number }
  | { kind: "stop" };

export interface Transport {
  post(batch: Batch): Promise<Verdict>;
  beacon(batch: Batch): boolean;
}

export interface OutboxOptions {
  sid: string;
  cid: string;
  ctx: Context;
  clock: Clock;
  transport: Transport;
  random?: () => number;
  onInterval?: (ms: number) => void;
}

/** The order of magnitude of an hour without a server; beyond it the oldest are let go. */
export const MAX_WAITING = 1000;
export const MAX_EVENTS_PER_BATCH = 100;
/** Browsers refuse more than 64 KiB of unload traffic in all; this leaves room for others. */
export const MAX_BATCH_BYTES = 48 * 1024;
const FLUSH_MS = 4000;
const FIRST_RETRY_MS = 2000;
const LAST_RETRY_MS = 60_000;

export class Outbox {
  #options: OutboxOptions;
  #waiting: QoeEvent[] = [];
  /** Sent, or tried, and not yet acknowledged: its number and ids stay as they are. */
  #tried: Batch | null = null;
  #inFlight = false;
  #stopped = false;
  #batches = 0;
  #failures = 0;
  #rtt: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#waiting.length + (this.#tried?.events.length ?? 0);
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  add(event: QoeEvent): void {
    if (this.#stopped) return;
    this.#waiting.push(event);
    if (this.#waiting.length > MAX_WAITING) this.#waiting.shift();
    this.#flushIn(FLUSH_MS);
  }

  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#inFlight || this.#stopped) return;
    const batch = (this.#tried ??= this.#cut(MAX_BATCH_BYTES));
    if (!batch) return;
    this.#stamp(batch);
    this.#inFlight = true;
    const sent = this.#options.clock.mono();
    const verdict = await this.#options.transport.post(batch).catch((): Verdict => ({ kind: "later" }));
    this.#inFlight = false;
    if (verdict.kind === "accepted") this.#rtt = Math.round(this.#options.clock.mono() - sent);
    this.#settle(batch, verdict);
  }

  /** The page is going away or out of sight: say what can still be said without waiting. */
  flushOnLeave(): void {
    if (this.#stopped) return;
    // A request under way outlives the page by itself (keepalive); the one waiting for its retry does not.
    if (this.#tried && !this.#inFlight) {
      if (this.#beacon(this.#tried)) this.#tried = null;
      else return;
    }
    const batch = this.#cut(MAX_BATCH_BYTES);
    if (batch && !this.#beacon(batch)) this.#waiting.unshift(...batch.events);
  }

  #beacon(batch: Batch): boolean {
    this.#stamp(batch);
    return this.#options.transport.beacon(batch);
  }

  #settle(batch: Batch, verdict: Verdict): void {
    if (verdict.kind === "stop") {
      this.#stopped = true;
      this.#waiting = [];
      this.#tried = null;
      return;
    }
    if (verdict.kind === "later") {
      this.#failures += 1;
      this.#flushIn(verdict.afterMs ?? this.#backOff());
      return;
    }
    // A beacon may have taken the batch along meanwhile; only ours is cleared.
    if (this.#tried === batch) this.#tried = null;
    this.#failures = 0;
    if (verdict.kind === "accepted" && verdict.intervalMs) this.#options.onInterval?.(verdict.intervalMs);
    if (this.#waiting.length) this.#flushIn(FLUSH_MS);
  }

  #backOff(): number {
    const ceiling = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (this.#failures - 1));
    return ceiling * (0.5 + (this.#options.random ?? Math.random)() / 2);
  }

  #flushIn(ms: number): void {
    if (this.#timer !== undefined || this.#inFlight) return;
    this.#timer = setTimeout(() => void this.flush(), ms);
  }

  /** Takes the oldest events that fit into `room` bytes, or nothing. */
  #cut(room: number): Batch | null {
    if (!this.#waiting.length) return null;
    const { sid, cid, ctx } = this.#options;
    const batch: Batch = { schema: "qoe.batch.v1", sid, cid, batch: this.#batches++, sent_at: 0, sample: 1, ctx, events: [] };
    let left = room - byteLength(batch) - 64;
    while (this.#waiting.length && batch.events.length < MAX_EVENTS_PER_BATCH) {
      left -= byteLength(this.#waiting[0]) + 1;
      if (left < 0 && batch.events.length) break;
      batch.events.push(this.#waiting.shift()!);
    }
    return batch;
  }

  #stamp(batch: Batch): void {
    batch.sent_at = Math.round(this.#options.clock.now());
    if (this.#rtt !== undefined) batch.rtt_ms = this.#rtt;
  }
}

function byteLength(value: unknown): number {
  return new TextEncoder().encode(JSON.stringify(value)).length;
}
