/** Fingers and double clicks: skip by tapping twice at a side, go faster while holding, fill the screen. */
import type { Flash } from "./flash";

const DOUBLE_TAP_MS = 300;
const HOLD_MS = 550;
const STEADY_PX = 12;
const SKIP_SECONDS = 10;
const FAST = 2;

export interface Touched {
  controller: HTMLElement;
  video: HTMLVideoElement;
  flash: Flash;
  seekBy: (seconds: number) => void;
  toggleFullscreen: () => void;
}

export function listenToGestures(touched: Touched): void {
  const { controller, toggleFullscreen } = touched;
  listenToTaps(touched);
  listenToHolds(touched);
  // A double click does not say what made it, and two taps make one.
  let pointer = "";
  controller.addEventListener("pointerdown", (event) => (pointer = event.pointerType));
  controller.addEventListener("dblclick", (event) => pointer !== "touch" && onPicture(event) && toggleFullscreen());
}

/** Each further tap at the same side skips once more. */
function listenToTaps({ controller, flash, seekBy, toggleFullscreen }: Touched): void {
  let last = { at: -Infinity, place: "" };
  let skipped = 0;
  controller.addEventListener("pointerup", (event) => {
    if (event.pointerType !== "touch" || !onPicture(event)) return;
    const place = placeOf(event.clientX, controller.getBoundingClientRect());
    const again = event.timeStamp - last.at < DOUBLE_TAP_MS && place === last.place;
    last = { at: event.timeStamp, place };
    if (!again) return void (skipped = 0);
    if (place === "middle") return toggleFullscreen();
    skipped += SKIP_SECONDS;
    seekBy(place === "left" ? -SKIP_SECONDS : SKIP_SECONDS);
    flash.show(`${place === "left" ? "−" : "+"}${skipped} s`, place);
  });
}

export function placeOf(x: number, box: { left: number; width: number }): "left" | "middle" | "right" {
  const share = (x - box.left) / box.width;
  if (share < 0.36) return "left";
  return share > 0.64 ? "right" : "middle";
}

function listenToHolds({ controller, video, flash }: Touched): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let start: { x: number; y: number } | undefined;
  let before: number | undefined;
  controller.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "touch" || !onPicture(event)) return;
    start = { x: event.clientX, y: event.clientY };
    timer = setTimeout(() => {
      if (video.paused) return;
      before = video.playbackRate;
      video.playbackRate = FAST;
      flash.show(`${FAST}× while you hold`);
    }, HOLD_MS);
  });
  const letGo = (): void => {
    clearTimeout(timer);
    if (before !== undefined) video.playbackRate = before;
    before = undefined;
  };
  controller.addEventListener("pointermove", (event) => {
    if (start && Math.hypot(event.clientX - start.x, event.clientY - start.y) > STEADY_PX) clearTimeout(timer);
  });
  for (const name of ["pointerup", "pointercancel", "pointerleave"]) controller.addEventListener(name, letGo);
  controller.addEventListener("contextmenu", (event) => cameFromFinger(event) && event.preventDefault());
}

function cameFromFinger(event: MouseEvent): boolean {
  return (event as PointerEvent).pointerType === "touch";
}

/** Not on a control, where a tap means something else. */
function onPicture(event: Event): boolean {
  const path = event.composedPath().filter((node): node is Element => node instanceof Element);
  return !path.some((node) => node.matches("media-control-bar, button, .menu-anchor, .stage-notice, .stats"));
}
