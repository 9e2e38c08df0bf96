/** What this browser remembers about how its viewer likes to watch. */

export interface Preferences {
  volume: number;
  muted: boolean;
  quality: string;
  theatre: boolean;
  /** The language of the captions, or none. */
  captions: string | null;
  /** What was wished for; without a wish, short clips loop. */
  loop: boolean | null;
  /** bit/s, with the time it was measured: last week's network says little about today's. */
  throughput: { bps: number; at: number } | null;
}

const STORAGE_NAME = "clipper.theatre";
const DEFAULTS: Preferences = { volume: 1, muted: false, quality: "auto", theatre: true, captions: null, loop: null, throughput: null };
const THROUGHPUT_TRUST_MS = 24 * 3600 * 1000;
/** Enough for 480p within a second or two, and not so much that a slow line stalls at once. */
const UNKNOWN_THROUGHPUT = 3_000_000;
const FASTEST_TRUSTED = 50_000_000;

export function readPreferences(storage: Pick<Storage, "getItem"> | undefined = safeStorage()): Preferences {
  try {
    const kept = JSON.parse(storage?.getItem(STORAGE_NAME) ?? "{}") as Partial<Preferences>;
    const merged = { ...DEFAULTS, ...kept };
    return { ...merged, volume: Math.min(1, Math.max(0, Number(merged.volume) || 0)) };
  } catch {
    return { ...DEFAULTS };
  }
}

export function remember(change: Partial<Preferences>): void {
  const storage = safeStorage();
  try {
    storage?.setItem(STORAGE_NAME, JSON.stringify({ ...readPreferences(storage), ...change }));
  } catch {
    // A full or forbidden storage costs the memory, not the playback.
  }
}

/** The bit rate to assume before the first measurement. */
export function startingEstimate(preferences: Preferences, now: number, downlinkMbps = 0): number {
  const kept = preferences.throughput;
  if (kept && kept.bps > 0 && now - kept.at < THROUGHPUT_TRUST_MS) return Math.min(kept.bps, FASTEST_TRUSTED);
  // What the browser guesses about the line, rounded and capped by it for privacy.
  return downlinkMbps > 0 ? downlinkMbps * 1_000_000 : UNKNOWN_THROUGHPUT;
}

function safeStorage(): Storage | undefined {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
}
