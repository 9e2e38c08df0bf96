/** What operators ask the server, and tell it. */
import type { Clip } from "./clip";
import { request } from "./clips";
import { problemFrom, unreachable } from "./problem";

export interface Rebuild {
  purpose: string;
  version: number;
  percent: number | null;
  events_per_second: number | null;
  seconds_left: number | null;
  error: string | null;
}

export interface Projection {
  name: string;
  version: number;
  log: string;
  position: number;
  lag: number;
  owner: string | null;
  updated_at: string | null;
  rebuild: Rebuild | null;
}

export interface Parked {
  position: number;
  stream_id: string;
  event_type: string;
  error: string;
  attempts: number;
  skipped: boolean;
  parked_at: string;
}

export interface EncodingClass {
  class: string;
  waiting: number;
  running: number;
  paused_at: string | null;
  oldest_age: number | null;
}

export interface Entry {
  clip: string;
  slug: string | null;
  generation: number;
  unit: number;
  class: string;
  priority: number;
  state: string;
  worker: string | null;
  percent: number;
  attempts: number;
  run_after: string | null;
  requested_at: string;
}

export interface Worker {
  node: string | null;
  clip: string;
  slug: string | null;
  generation: number;
  unit: number;
  since: string | null;
  percent: number;
}

export interface LogEvent {
  position: number;
  stream_id: string;
  version: number;
  event_type: string;
  schema_version: number;
  payload: Record<string, unknown>;
  metadata: Record<string, unknown>;
  recorded_at: string;
}

export type LogName = "clip" | "playback";

export interface Readiness {
  ready: boolean;
  checks: Record<string, string>;
}

const post = (body?: unknown): RequestInit => ({
  method: "POST",
  ...(body === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
});

const name = encodeURIComponent;

export const fetchProjections = async (): Promise<Projection[]> => (await request<{ projections: Projection[] }>("/api/ops/projections", {})).projections;

export const rebuild = (projection: string, rate: number | null): Promise<unknown> =>
  request(`/api/ops/projections/${name(projection)}/rebuild`, post(rate === null ? {} : { events_per_second: rate }));

export const fetchParked = async (projection: string): Promise<Parked[]> =>
  (await request<{ parked: Parked[] }>(`/api/ops/projections/${name(projection)}/parked?limit=50`, {})).parked;

export const settleParked = (projection: string, position: number, how: "retry" | "skip"): Promise<{ applied: number; parked: number }> =>
  request(`/api/ops/projections/${name(projection)}/parked/${position}/${how}`, post());

export const fetchQueue = (): Promise<{ classes: EncodingClass[]; entries: Entry[]; next_cursor: string | null }> => request("/api/ops/queue?limit=50", {});

export const holdClass = (which: string, how: "pause" | "resume"): Promise<{ classes: EncodingClass[] }> => request(`/api/ops/queue/${name(which)}/${how}`, post());

export const fetchWorkers = async (): Promise<Worker[]> => (await request<{ workers: Worker[] }>("/api/ops/workers", {})).workers;

export async function fetchEvents(log: LogName, after: number, limit: number, signal?: AbortSignal): Promise<LogEvent[]> {
  const { ok, status, body } = await text(`/api/ops/events?log=${log}&after=${after}&limit=${limit}`, signal);
  if (!ok) throw problemFrom(status, body);
  return body.split("\n").filter(Boolean).map((line) => JSON.parse(line) as LogEvent);
}

/** Not ready is an answer too. */
export async function fetchReadiness(): Promise<Readiness> {
  const { status, body } = await text("/readyz");
  try {
    return JSON.parse(body) as Readiness;
  } catch {
    throw problemFrom(status, body);
  }
}

export const fetchHistory = async (clip: string): Promise<LogEvent[]> => (await request<{ events: LogEvent[] }>(`/api/clips/${name(clip)}/history`, {})).events;

export const fetchClipAt = (clip: string, version: number): Promise<Clip> => request<Clip>(`/api/clips/${name(clip)}?at=${version}`, {});

export interface Storage {
  bytes: number;
  qualities: { quality: string; clips: number; bytes: number; seconds: number | null; bytes_per_clip: number | null; bytes_per_minute: number | null }[];
  owners: { owner_id: string | null; clips: number; bytes: number }[];
}

export const fetchStorage = (): Promise<Storage> => request("/api/ops/storage", {});

async function text(url: string, signal?: AbortSignal): Promise<{ ok: boolean; status: number; body: string }> {
  try {
    const response = await fetch(url, signal ? { signal } : {});
    return { ok: response.ok, status: response.status, body: await response.text() };
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw unreachable();
  }
}
