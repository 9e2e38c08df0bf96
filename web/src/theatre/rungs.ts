/** Names for the renditions of a presentation. Pure. */

export interface Rendition {
  url?: string[] | string;
  uri?: string;
  width?: number;
  height?: number;
}

const KNOWN = ["480p", "720p", "1080p", "2K", "4K"];

/** The playlist's file name says it (`720p.m3u8`); for foreign presentations the short side does. */
export function rungName(rendition: Rendition): string {
  const url = Array.isArray(rendition.url) ? rendition.url[0] : rendition.url;
  const file = (rendition.uri ?? url ?? "").split(/[?#]/)[0]!.split("/").pop()!.replace(/\.m3u8$/i, "");
  const known = KNOWN.find((name) => name.toLowerCase() === file.toLowerCase());
  if (known) return known;
  const side = Math.min(rendition.width ?? 0, rendition.height ?? 0);
  if (side === 0) return "audio";
  if (side === 1440) return "2K";
  return side === 2160 ? "4K" : `${side}p`;
}

export interface Rung {
  name: string;
  level: number;
}

/** Best first, as menus show them; of two levels with one name the richer one stands for both. */
export function rungsOf(levels: (Rendition & { bitrate: number })[]): Rung[] {
  const named = levels.map((level, index) => ({ name: rungName(level), level: index, bitrate: level.bitrate, height: level.height ?? 0 }));
  named.sort((a, b) => b.height - a.height || b.bitrate - a.bitrate);
  const seen = new Set<string>();
  return named.filter(({ name }) => !seen.has(name) && seen.add(name)).map(({ name, level }) => ({ name, level }));
}
