/** What one can do with a clip, under the stage. */
import type { Clip } from "../api/clip";
import { element, icon } from "../page/element";
import type { Loop } from "./loop";

export interface ActionHandlers {
  share: () => void;
  toggleStats: () => void;
  loop: Loop;
}

export function actionRow(clip: Clip, handlers: ActionHandlers): HTMLElement {
  const share = button("Share", ["M12 15V4", "M8 8l4-4 4 4", "M5 12v8h14v-8"], handlers.share);
  const stats = button("Statistics", ["M5 20V10", "M12 20V4", "M19 20v-7"], handlers.toggleStats);
  const loop = button("Loop", ["M17 2l4 4-4 4", "M3 11V9a3 3 0 0 1 3-3h15", "M7 22l-4-4 4-4", "M21 13v2a3 3 0 0 1-3 3H3"], () => handlers.loop.toggle());
  handlers.loop.watch((on) => loop.setAttribute("aria-pressed", String(on)));
  return element("div", { class: "actions" }, share, loop, downloadLink(clip), stats);
}

/** What is not finished cannot be downloaded. */
function downloadLink(clip: Clip): HTMLElement | null {
  const finished = clip.hls_processing_status === "completed" || clip.hls_processing_status === "partial";
  if (!finished) return null;
  const href = `/api/video/${encodeURIComponent(clip.slug)}/download.mp4`;
  return element("a", { class: "button quiet", href, download: true }, icon("M12 4v11", "M8 11l4 4 4-4", "M5 20h14"), "Download");
}

function button(text: string, paths: string[], run: () => void): HTMLButtonElement {
  const node = element("button", { type: "button", class: "button quiet" }, icon(...paths), text);
  node.addEventListener("click", run);
  return node;
}
