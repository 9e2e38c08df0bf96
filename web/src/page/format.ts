/** Numbers and times in the form that people read. */

export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = `${String(m).padStart(h ? 2 : 1, "0")}:${String(s).padStart(2, "0")}`;
  return h ? `${h}:${tail}` : tail;
}

export function bytes(count: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export function percent(value: number): string {
  return `${Math.round(Math.min(100, Math.max(0, value)))} %`;
}

export function views(count: number): string {
  return count === 1 ? "1 view" : `${new Intl.NumberFormat("en", { notation: "compact" }).format(count)} views`;
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

export function ago(iso: string, now: number = Date.now()): string {
  const seconds = (Date.parse(iso) - now) / 1000;
  if (Number.isNaN(seconds)) return "";
  const format = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  for (const [unit, size] of STEPS) {
    if (Math.abs(seconds) >= size) return format.format(Math.round(seconds / size), unit);
  }
  return "just now";
}

/** Owners may be people or opaque ids; an id is cut to what the eye can compare. */
export function ownerName(owner: string): string {
  return /^[0-9a-f]{8}-[0-9a-f-]{27}$/i.test(owner) ? owner.slice(0, 8) : owner;
}

/** Up to two letters for a clip that has no poster yet. */
export function initials(title: string): string {
  const words = title.split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  return words.slice(0, 2).map((word) => [...word][0]!.toUpperCase()).join("") || "▶";
}

/** A hue that belongs to this title and stays the same on every visit. */
export function hue(title: string): number {
  let hash = 7;
  for (const char of title) hash = (hash * 31 + char.codePointAt(0)!) % 3600;
  return hash % 360;
}
