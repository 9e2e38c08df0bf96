/** The clip on lock screens, media keys and headsets. */
import { titleOf, type Clip } from "../api/clip";
import { ownerName } from "../page/format";

export function announceMedia(clip: Clip, seekBy: (seconds: number) => void): void {
  if (!("mediaSession" in navigator)) return;
  navigator.mediaSession.metadata = new MediaMetadata({
    title: titleOf(clip),
    artist: clip.owner_id ? ownerName(clip.owner_id) : "Clipper",
    artwork: clip.poster_url ? [{ src: clip.poster_url, type: "image/jpeg" }] : [],
  });
  navigator.mediaSession.setActionHandler("seekbackward", (details) => seekBy(-(details.seekOffset ?? 10)));
  navigator.mediaSession.setActionHandler("seekforward", (details) => seekBy(details.seekOffset ?? 10));
}
