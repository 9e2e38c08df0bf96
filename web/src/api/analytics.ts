/** What the server has made of the reports. */
import type { Unit } from "../insights/metrics";
import { request } from "./clips";

export interface Value {
  value: number | null;
  unit: Unit;
  n?: number;
  small_sample?: boolean;
}

export interface Percentiles {
  unit?: Unit;
  n?: number;
  small_sample?: boolean;
  p50: number | null;
  p90: number | null;
  p95: number | null;
  p99: number | null;
}

export interface Overview {
  from: string;
  to: string;
  sessions: number;
  small_sample: boolean;
  metrics: Record<string, Value>;
  percentiles: Record<string, Percentiles>;
  concurrent_viewers: { peak: number; peak_at: string | null } | null;
  previous?: {
    metrics: Record<string, { value: number | null; change_percent: number | null }>;
    percentiles: Record<string, Percentiles>;
  };
}

export interface Point {
  at: string;
  sessions: number;
  small_sample: boolean;
  metrics: Record<string, number | null>;
  percentiles?: Record<string, Percentiles>;
  concurrent_viewers?: number | null;
}

export interface TimeSeries {
  interval: string;
  units: Record<string, Unit>;
  points: Point[];
  previous?: { points: Point[] };
}

export interface BreakdownRow {
  value: string;
  slug?: string | null;
  title?: string | null;
  sessions: number;
  small_sample: boolean;
  metrics: Record<string, number | null>;
  percentiles?: Record<string, Percentiles>;
}

export interface Breakdown {
  by: string;
  units: Record<string, Unit>;
  rows: BreakdownRow[];
  total_rows: number;
}

const get = <T>(route: string, question: URLSearchParams, more: Record<string, string>, signal: AbortSignal): Promise<T> => {
  const asked = new URLSearchParams(question);
  for (const [name, value] of Object.entries(more)) if (value) asked.set(name, value);
  return request<T>(`/api/analytics/${route}?${asked}`, { signal });
};

export const fetchOverview = (question: URLSearchParams, compare: boolean, signal: AbortSignal): Promise<Overview> => get("overview", question, { compare: compare ? "previous" : "" }, signal);

export const fetchTimeSeries = (question: URLSearchParams, metrics: string[], percentiles: string[], compare: boolean, signal: AbortSignal): Promise<TimeSeries> =>
  get("timeseries", question, { metrics: metrics.join(","), percentiles: percentiles.join(","), compare: compare ? "previous" : "" }, signal);

export const fetchBreakdown = (question: URLSearchParams, by: string, metrics: string[], sort: string, limit: number, signal: AbortSignal): Promise<Breakdown> =>
  get("breakdown", question, { by, metrics: metrics.join(","), sort, limit: String(limit) }, signal);

/** The columns of `video_streaming_analytics` that the pages show. */
export interface SessionRow {
  id: string;
  clip_id: string | null;
  clip: string;
  live?: boolean;
  outcome: string;
  failure: string | null;
  truncated: boolean;
  quality: string | null;
  created_at: string;
  ended_at: string;
  watched_ms: number;
  playing_ms: number;
  paused_ms: number;
  seek_ms: number;
  media_ms: number;
  covered_ms: number;
  startup_ms: number | null;
  rebuffer_ms: number;
  buffering_events: number;
  quality_switches: number;
  average_bitrate_kbps: number | null;
  bandwidth_mbps: number | null;
  buffer_health: number | null;
  dropped_frames: number;
  warnings: number;
  startup_score: number | null;
  smoothness_score: number | null;
  quality_score: number | null;
  success_score: number | null;
  experience_score: number | null;
  country?: string | null;
  device?: string | null;
  player?: string | null;
  os?: string | null;
  browser?: string | null;
}

export interface SessionPage {
  sessions: SessionRow[];
  next_cursor: string | null;
}

export const fetchSessions = (question: URLSearchParams, more: { sort: string; outcome: string; cursor: string }, signal: AbortSignal): Promise<SessionPage> => get("sessions", question, more, signal);

export interface Retention {
  plays: number;
  /** From begin to end; shares from 0 to 1, heat of the most watched. */
  buckets: { start: number; end: number; retention: number | null; heat: number | null }[];
}

/** Times are milliseconds since the session's first record; points are such a time and a value. */
export interface Timeline {
  segments: { state: string; start_ms: number; end_ms: number; duration_ms: number }[];
  renditions: { at_ms: number; quality: string | null; bitrate_kbps: number | null }[];
  stalls: { start_ms: number; end_ms: number; duration_ms: number; background: boolean; after_seek: boolean }[];
  errors: { at_ms: number; codes: string[]; fatal: boolean }[];
  buffer_ms: [number, number][];
  bitrate_kbps: [number, number][];
  throughput_kbps: [number, number][];
}

export const fetchSession = (id: string): Promise<{ session: SessionRow; timeline: Timeline }> => request(`/api/analytics/sessions/${encodeURIComponent(id)}`, {});

export async function fetchRetention(clip: string, question: URLSearchParams): Promise<Retention> {
  const asked = new URLSearchParams(question);
  asked.delete("clip");
  return request<Retention>(`/api/analytics/clips/${encodeURIComponent(clip)}/retention?${asked}`, {});
}
