/**
 * The wire form of a playback report, schema `qoe.batch.v1`.
 *
 * Field names are CMCD v2 keys (CTA-5004-B); a per-type list is an object keyed by object
 * type, with "" for a value that belongs to no type.
 */

/** s starting, p playing, k seeking, r rebuffering, a paused, e ended, f fatal, q quit. */
export type PlayerState = "s" | "p" | "k" | "r" | "a" | "e" | "f" | "q";

/** ps state change, bc rendition change, e error, t time interval. */
export type EventName = "ps" | "bc" | "e" | "t";

export type PerType = Record<string, number>;

/** What the player can say about itself at any moment; what it cannot say is left out. */
export interface Reading {
  pt?: number;
  bl?: PerType;
  br?: PerType;
  mtp?: PerType;
  dfa?: number;
  pr?: number;
  bg?: true;
  x?: Record<string, unknown>;
}

export interface QoeEvent extends Reading {
  id: string;
  ep: number;
  sn: number;
  ts: number;
  mono: number;
  e: EventName;
  sta?: PlayerState;
  msd?: number;
  ec?: string[];
}

export interface Context {
  player: string;
  ui: string;
  os?: string;
  browser?: string;
  device?: string;
  conn?: string;
}

export interface Batch {
  schema: "qoe.batch.v1";
  sid: string;
  cid: string;
  batch: number;
  sent_at: number;
  rtt_ms?: number;
  sample: number;
  ctx: Context;
  events: QoeEvent[];
}

/** Wall time for the server, monotonic time for durations: a corrected clock must not bend them. */
export interface Clock {
  now(): number;
  mono(): number;
}

export const browserClock: Clock = { now: () => Date.now(), mono: () => performance.now() };
