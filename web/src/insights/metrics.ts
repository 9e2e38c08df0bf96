/** What is measured: its name, its unit, which way is better, and what it means. */

export type Unit = "count" | "ms" | "percent" | "kbps" | "per_hour" | "per_minute" | "octaves" | "score";

export interface Metric {
  key: string;
  name: string;
  unit: Unit;
  /** Which way is better; some numbers are only numbers. */
  better: "up" | "down" | null;
  /** One sentence for people, and the formula where there is one. */
  means: string;
  formula?: string;
}

const metric = (key: string, name: string, unit: Unit, better: Metric["better"], means: string, formula?: string): Metric => ({ key, name, unit, better, means, ...(formula ? { formula } : {}) });

export const METRICS: Metric[] = [
  metric("plays", "Plays", "count", "up", "Sessions in which a picture moved.", "sessions that reached the state playing"),
  metric("attempts", "Attempts", "count", "up", "Sessions in which somebody, or autoplay, asked for playback."),
  metric("sessions", "Sessions", "count", null, "Everything that reported, also players that were never asked to play."),
  metric("unique_viewers", "Viewers", "count", "up", "How many different people, as well as that can be told: a name is kept for a day. Counted approximately, within 0.8 %."),
  metric("watched_ms", "Watch time", "ms", "up", "Time that people spent with the player: starting, playing, stalled, seeking.", "Σ (starting + playing + stalls + seeking)"),
  metric("playing_ms", "Playing time", "ms", "up", "Time in which the picture moved."),
  metric("completion_pct", "Watched of the clip", "percent", "up", "How much of the clip was seen at least once, on average.", "Σ media seen ÷ Σ duration, of plays"),
  metric("completed", "Watched to the end", "count", "up", "Plays that saw nearly all of the clip."),
  metric("startup_ms", "Startup time", "ms", "down", "From asking for playback to the first moving picture, without time in pause.", "Σ startup ÷ plays; percentiles are of sessions"),
  metric("page_to_first_frame_ms", "Page to first frame", "ms", "down", "From opening the page to the first moving picture: the wait that the viewer felt."),
  metric("rebuffer_ratio", "Stalled", "percent", "down", "Share of the watched time in which the picture stood still for want of data.", "Σ stalls ÷ Σ watched time"),
  metric("connection_rebuffer_ratio", "Stalled by the line", "percent", "down", "The same without stalls right after a seek.", "Σ stalls not within 2 s of a seek ÷ Σ (playing + these)"),
  metric("rebuffer_count", "Stalls", "count", "down", "Stalls of at least 250 ms that somebody saw."),
  metric("rebuffer_per_hour", "Stalls per hour", "per_hour", "down", "Stalls per hour of watched time."),
  metric("rebuffer_free_share", "Without a stall", "percent", "up", "Share of plays that never stalled."),
  metric("start_failure_pct", "Start failures", "percent", "down", "Share of attempts that ended with an error before the first picture.", "failed before playing ÷ attempts"),
  metric("playback_failure_pct", "Failures", "percent", "down", "Share of attempts that ended with an error, before or after the first picture."),
  metric("midstream_failure_pct", "Broke off", "percent", "down", "Share of plays that ended with an error."),
  metric("ebvs_pct", "Left before the start", "percent", "down", "Share of attempts that were given up before the first picture, after at least a second.", "left while starting, ≥ 1 s ÷ attempts"),
  metric("abandonment_pct", "Left in a stall", "percent", "down", "Share of plays that ended in a stall or within 10 s of one."),
  metric("business_exception_pct", "Refused", "percent", "down", "Share of attempts that were refused for want of rights."),
  metric("avg_bitrate_kbps", "Bit rate", "kbps", "up", "Of what was shown, by media time.", "Σ bits shown ÷ Σ media time"),
  metric("throughput_kbps", "Throughput", "kbps", "up", "What players measured of their lines."),
  metric("top_bitrate_share", "At the best quality", "percent", "up", "Share of playing time at the highest bit rate that the player could have had."),
  metric("quality_switches", "Quality switches", "count", null, "Changes to another rendition of the pictures."),
  metric("switches_per_min", "Switches per minute", "per_minute", "down", "Changes of quality per minute of playing."),
  metric("buffer_health_ms", "Buffer", "ms", "up", "Media ready ahead of the playhead, over time."),
  metric("seek_latency_ms", "Seek time", "ms", "down", "From a seek to a moving picture."),
  metric("dropped_frame_pct", "Dropped frames", "percent", "down", "Frames that the device could not show in time."),
  metric("request_error_pct", "Request errors", "percent", "down", "Requests of players that failed."),
  metric("telemetry_loss_pct", "Reports lost", "percent", "down", "Numbered reports that never came."),
  metric("rebuffer_ms", "Time stalled", "ms", "down", "Stalls of a session together."),
  metric("live_latency_ms", "Live latency", "ms", "down", "How far behind the live edge a player was."),
  metric("request_latency_ms", "Request latency", "ms", "down", "From a player's request to the first byte of the answer, where players tell."),
  metric("experience_score", "Experience", "score", "up", "One number for a session, from 0 to 100; the four scores that it is made of stand beside it.", "geometric mean of startup, smoothness (twice) and quality; 0 when it failed, 50 when left before the start"),
  metric("startup_score", "Startup score", "score", "up", "100 for a start at once.", "800 ÷ (8 + startup in s)"),
  metric("smoothness_score", "Smoothness score", "score", "up", "100 for no stall.", "mean of 100 ÷ √(1 + (stalls ÷ 2)²) and 100 × exp(−10 × stalled share)"),
  metric("quality_score", "Quality score", "score", "up", "100 for a picture as fine as the screen that it is on."),
  metric("success_score", "Success score", "score", "up", "100 played, 50 left before the start, 0 failed."),
];

const BY_KEY = new Map(METRICS.map((one) => [one.key, one]));

/** A server may know more than this page. */
export function metricOf(key: string): Metric {
  return BY_KEY.get(key) ?? { key, name: key.replaceAll("_", " "), unit: "count", better: null, means: "" };
}

export const TILES = ["plays", "unique_viewers", "watched_ms", "startup_ms", "rebuffer_ratio", "start_failure_pct", "avg_bitrate_kbps", "experience_score"];
export const COLUMNS = ["plays", "watched_ms", "startup_ms", "rebuffer_ratio", "start_failure_pct", "avg_bitrate_kbps", "experience_score"];
/** What can be drawn over time, beside the tiles. */
export const CHARTED = [...TILES, "attempts", "connection_rebuffer_ratio", "rebuffer_per_hour", "ebvs_pct", "midstream_failure_pct", "abandonment_pct", "completion_pct", "throughput_kbps", "top_bitrate_share", "switches_per_min", "buffer_health_ms", "dropped_frame_pct", "telemetry_loss_pct"];
export const PERCENTILES = ["startup_ms", "page_to_first_frame_ms", "seek_latency_ms", "rebuffer_ms", "watched_ms", "avg_bitrate_kbps", "buffer_health_ms", "throughput_kbps", "live_latency_ms", "request_latency_ms"];

const count = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

export function shown(value: number | null | undefined, unit: Unit): string {
  if (value === null || value === undefined) return "–";
  switch (unit) {
    case "count":
      return value >= 100_000 ? compact.format(value) : count.format(value);
    case "ms":
      return duration(value);
    case "percent":
      return `${digits(value, value !== 0 && value < 10 ? 2 : 1)} %`;
    case "kbps":
      return value >= 1000 ? `${digits(value / 1000, 1)} Mbit/s` : `${Math.round(value)} kbit/s`;
    case "per_hour":
    case "per_minute":
    case "octaves":
      return digits(value, 2);
    case "score":
      return digits(value, 1);
  }
}

function digits(value: number, most: number): string {
  return new Intl.NumberFormat("en", { maximumFractionDigits: most }).format(value);
}

export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const s = ms / 1000;
  if (s < 60) return `${digits(s, s < 10 ? 2 : 1)} s`;
  const whole = Math.round(s);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (s < 360_000) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${count.format(s / 3600)} h`;
}
