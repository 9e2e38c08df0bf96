/** The small pictures of a clip: which part of which sheet is shown when. */

export interface Tile {
  start: number;
  end: number;
  sheet: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

/** WebVTT whose cues name a sheet and a box in it (`#xywh=`). What is no such cue is left out. */
export function readStoryboard(vtt: string, address: string): Tile[] {
  const tiles: Tile[] = [];
  for (const block of vtt.split(/\r?\n\r?\n/)) {
    const lines = block.split(/\r?\n/);
    const at = lines.findIndex((line) => line.includes("-->"));
    if (at < 0) continue;
    const [start, end] = lines[at]!.split("-->").map(seconds);
    const told = /^(.+)#xywh=(\d+),(\d+),(\d+),(\d+)$/.exec(lines[at + 1]?.trim() ?? "");
    if (!told || start === undefined || end === undefined) continue;
    const [x, y, width, height] = told.slice(2).map(Number) as [number, number, number, number];
    tiles.push({ start, end, sheet: new URL(told[1]!, new URL(address, location.href)).href, x, y, width, height });
  }
  return tiles;
}

function seconds(stamp: string): number {
  return stamp.trim().split(/\s/)[0]!.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}

/** The tile at a share (0 to 1) of the way through. */
export function tileAt(tiles: Tile[], share: number): Tile | undefined {
  return tiles[Math.min(tiles.length - 1, Math.max(0, Math.floor(share * tiles.length)))];
}
