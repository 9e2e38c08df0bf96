/** The picture that stands for a clip: a moment of it, a picture of one's own, or whatever the encoder finds. */
import { type Clip } from "../api/clip";
import { putPoster, resetPoster } from "../api/clips";
import { element, vector } from "../page/element";
import { clock } from "../page/format";
import { poster } from "../page/poster";
import { readStoryboard, type Tile } from "../page/storyboard";

type Act = (action: () => Promise<unknown>) => Promise<void>;

export function posterPart(clip: Clip, act: Act): HTMLElement {
  const now = element("div", { class: "poster-now" }, poster(clip, "eager"));
  const reset = element("button", { type: "button", class: "button", hidden: !clip.poster_chosen }, "Choose automatically");
  reset.addEventListener("click", () => void act(() => resetPoster(clip.id)));
  const parts = [clip.hls_available && clip.duration ? momentForm(clip, clip.duration, now, act) : null, fileForm(clip, act), reset];
  return element("section", {}, element("h3", {}, "Poster"), element("div", { class: "poster-choice" }, now, element("div", { class: "poster-ways" }, ...parts)));
}

function momentForm(clip: Clip, duration: number, now: HTMLElement, act: Act): HTMLElement {
  const slider = element("input", { id: "poster-moment", type: "range", min: 0, max: Math.max(0, duration - 0.1).toFixed(1), step: 0.1, value: 0 });
  const told = element("output", { for: "poster-moment" }, clock(0));
  const show = frames(clip, now);
  slider.addEventListener("input", () => {
    told.textContent = clock(slider.valueAsNumber);
    slider.setAttribute("aria-valuetext", clock(slider.valueAsNumber));
    show(slider.valueAsNumber);
  });
  const form = element("form", {}, element("label", { for: "poster-moment" }, "A moment of the clip ", told), slider, element("button", { class: "button" }, "Use this moment"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void act(() => putPoster(clip.id, JSON.stringify({ at: slider.valueAsNumber }), "application/json"));
  });
  return form;
}

/** Shows roughly what is at a moment, by the small pictures that there are. */
function frames(clip: Clip, place: HTMLElement): (at: number) => void {
  const address = clip.storyboard_url;
  if (!address) return () => undefined;
  const image = vector("image");
  const frame = vector("svg", { preserveAspectRatio: "xMidYMid slice", "aria-hidden": "true" }, image);
  const tiles = fetch(address)
    .then(async (response): Promise<Tile[]> => (response.ok ? readStoryboard(await response.text(), address) : []))
    .catch((): Tile[] => []);
  return (at) =>
    void tiles.then((known) => {
      const tile = known.find(({ start, end }) => at >= start && at < end) ?? known.at(-1);
      if (!tile) return;
      image.setAttribute("href", tile.sheet);
      frame.setAttribute("viewBox", `${tile.x} ${tile.y} ${tile.width} ${tile.height}`);
      if (!frame.isConnected) place.firstElementChild?.append(frame);
    });
}

function fileForm(clip: Clip, act: Act): HTMLElement {
  const file = element("input", { id: "poster-file", type: "file", accept: "image/jpeg,image/png,image/webp", required: true, "data-testid": "poster-file" });
  const form = element("form", {}, element("label", { for: "poster-file" }, "A picture (JPEG, PNG or WebP)"), file, element("button", { class: "button" }, "Use this picture"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const picked = file.files?.[0];
    if (picked) void act(() => putPoster(clip.id, picked, picked.type || "image/jpeg"));
  });
  return form;
}
