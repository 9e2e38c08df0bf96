/** A soft glow around the stage in the colours of the picture. */
import { element } from "../page/element";

const EVERY_MS = 250;

export function startAmbient(video: HTMLVideoElement, place: HTMLElement): void {
  const saving = (navigator as { connection?: { saveData?: boolean } }).connection?.saveData === true;
  if (saving || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const canvas = element("canvas", { class: "ambient", width: 16, height: 9, "aria-hidden": "true" });
  const context = canvas.getContext("2d");
  if (!context) return;
  place.prepend(canvas);
  context.globalAlpha = 0.35; // each frame only tints the last one, so cuts do not flash
  setInterval(() => {
    if (video.paused || document.hidden || document.fullscreenElement || video.readyState < 2) return;
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
  }, EVERY_MS);
}
