/** What the stage shows while there is nothing to play: progress, the failure, or the embed. */
import { failureText, titleOf, type Clip, type Progress } from "../api/clip";
import { progressBar } from "../page/bar";
import { element } from "../page/element";
import { percent } from "../page/format";
import { poster } from "../page/poster";

/** Draws into `place` and returns how to tell it of progress. */
export function showWaiting(place: HTMLElement, clip: Clip): (progress: Progress) => void {
  const bar = progressBar("Encoding", "encode-progress");
  const title = element("h2");
  const text = element("p");
  const panel = element("div", { class: "waiting-panel", role: "status" }, title, text, bar.root);
  const embed = embedFrame(clip);
  place.replaceChildren(
    embed ?? backdrop(clip),
    element("div", { class: embed ? "waiting beside-embed" : "waiting" }, panel),
  );
  return (progress) => {
    const failed = progress.hls_processing_status === "failed";
    panel.classList.toggle("failed", failed);
    bar.root.hidden = failed;
    if (failed) {
      title.textContent = "This clip could not be prepared";
      text.textContent = failureText(progress.failure);
      return;
    }
    const waiting = progress.hls_processing_status === "pending";
    title.textContent = waiting ? "Waiting for its turn" : "Preparing your clip";
    const done = waiting ? null : progress.percent;
    text.textContent = done === null ? "Playback starts here by itself." : `${percent(done)} · playback starts here by itself.`;
    bar.set(done);
  };
}

function backdrop(clip: Clip): HTMLElement {
  const picture = poster(clip, "eager");
  picture.classList.add("backdrop");
  return picture;
}

function embedFrame(clip: Clip): HTMLElement | null {
  const src = clip.embed_url ? embedAddress(clip.embed_url, location.hostname) : null;
  if (!src) return null;
  return element("iframe", {
    class: "embed",
    src,
    title: titleOf(clip),
    allow: "fullscreen; picture-in-picture; autoplay",
    sandbox: "allow-scripts allow-same-origin allow-presentation allow-popups",
    referrerpolicy: "strict-origin-when-cross-origin",
  });
}

/** Only web addresses may be framed, and Twitch wants to be told who frames it. */
export function embedAddress(address: string, host: string): string | null {
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    return null;
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") return null;
  const twitch = url.hostname === "twitch.tv" || url.hostname.endsWith(".twitch.tv");
  if (twitch && !url.searchParams.has("parent")) url.searchParams.set("parent", host);
  return url.href;
}
