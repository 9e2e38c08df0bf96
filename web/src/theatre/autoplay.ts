/** Starts by itself: with sound where the browser allows it, else muted with a way out. */
import type { Notice } from "./notice";

export function startPlaying(video: HTMLVideoElement, notice: Notice): void {
  video.play().catch((error: unknown) => {
    if (!(error instanceof DOMException) || error.name !== "NotAllowedError" || video.muted) return;
    video.dataset["autoMuted"] = "";
    video.muted = true;
    // Refused even so: the play button and the poster are there.
    video.play().then(() => offerSound(video, notice), () => restoreSound(video));
  });
}

function offerSound(video: HTMLVideoElement, notice: Notice): void {
  notice.say("Playing without sound.", { label: "Unmute", run: () => restoreSound(video) });
  const heard = (): void => {
    if (video.muted) return;
    delete video.dataset["autoMuted"];
    video.removeEventListener("volumechange", heard);
    notice.clear();
  };
  video.addEventListener("volumechange", heard);
}

function restoreSound(video: HTMLVideoElement): void {
  delete video.dataset["autoMuted"];
  video.muted = false;
}
