/** A clip's picture, or a calm gradient of its own where there is none. */
import { titleOf, type Clip } from "../api/clip";
import { element } from "./element";
import { hue, initials } from "./format";

export function poster(clip: Clip, loading: "lazy" | "eager" = "lazy"): HTMLElement {
  const title = titleOf(clip);
  const frame = element("div", { class: "poster" }, element("span", { class: "initials", "aria-hidden": "true" }, initials(title)));
  frame.style.setProperty("--hue", String(hue(title)));
  if (clip.poster_url) {
    const image = element("img", { src: clip.poster_url, alt: "", loading, decoding: "async" });
    // A poster that fails to load leaves the gradient below it.
    image.addEventListener("error", () => image.remove());
    frame.append(image);
  }
  return frame;
}
