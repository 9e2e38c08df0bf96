/** A card that shows what is in its clip while the pointer is on it: by itself, and by moving along it. */
import type { Clip } from "../api/clip";
import { element, vector } from "./element";
import { readStoryboard, tileAt, type Tile } from "./storyboard";

/** Long enough not to start on the way to something else. */
const PATIENCE_MS = 220;
const FRAME_MS = 650;

export function previewOnHover(card: HTMLElement, picture: HTMLElement, clip: Clip): void {
  if (!clip.storyboard_url) return;
  const address = clip.storyboard_url;
  let tiles: Promise<Tile[]> | undefined;
  let inside: AbortController | undefined;
  const enter = (): void => {
    inside?.abort();
    const here = (inside = new AbortController());
    setTimeout(() => {
      if (here.signal.aborted) return;
      tiles ??= load(address);
      void tiles.then((loaded) => loaded.length > 1 && !here.signal.aborted && play(picture, loaded, here.signal));
    }, PATIENCE_MS);
  };
  const leave = (): void => inside?.abort();
  card.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && enter());
  card.addEventListener("pointerleave", leave);
  card.addEventListener("focusin", (event) => (event.target as Element).matches(":focus-visible") && enter());
  card.addEventListener("focusout", leave);
}

/** A courtesy: what cannot be had leaves the poster. */
async function load(address: string): Promise<Tile[]> {
  try {
    const response = await fetch(address);
    return response.ok ? readStoryboard(await response.text(), address) : [];
  } catch {
    return [];
  }
}

function play(picture: HTMLElement, tiles: Tile[], stop: AbortSignal): void {
  const image = vector("image");
  const frame = vector("svg", { preserveAspectRatio: "xMidYMid slice", "aria-hidden": "true" }, image);
  const line = element("i");
  const preview = element("div", { class: "preview" }, frame, line);
  const show = (share: number): void => {
    const tile = tileAt(tiles, share)!;
    if (image.getAttribute("href") !== tile.sheet) image.setAttribute("href", tile.sheet);
    frame.setAttribute("viewBox", `${tile.x} ${tile.y} ${tile.width} ${tile.height}`);
    line.style.transform = `scaleX(${share})`;
  };
  let shown = 0;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const timer = still ? undefined : setInterval(() => show((shown = (shown + 1) % tiles.length) / (tiles.length - 1)), FRAME_MS);
  image.addEventListener("load", () => picture.append(preview), { once: true });
  picture.addEventListener(
    "pointermove",
    (event) => {
      clearInterval(timer);
      const box = picture.getBoundingClientRect();
      show(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)));
    },
    { signal: stop },
  );
  stop.addEventListener("abort", () => {
    clearInterval(timer);
    preview.remove();
  });
  show(0);
}
