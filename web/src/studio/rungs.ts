/** How far each quality of an encoding is, where the server says so. */
import type { Progress } from "../api/clip";
import { element } from "../page/element";
import { percent } from "../page/format";

export function drawRungs(place: HTMLElement, progress: Progress): void {
  const rungs = progress.rungs ?? [];
  place.hidden = rungs.length === 0;
  place.replaceChildren(
    ...rungs.map(({ quality, percent: share, playable }) => {
      const done = share ?? 0;
      const meter = element("i");
      meter.style.transform = `scaleX(${done / 100})`;
      return element("li", { "data-done": String(done >= 100), "data-playable": String(playable === true) }, meter, element("span", {}, quality), element("span", {}, percent(done)));
    }),
  );
}
