/** A clip in a grid: its picture, title, and what there is to know before a click. */
import { titleOf, watchPath, type Clip } from "../api/clip";
import { element } from "./element";
import { ago, clock, ownerName, percent, views } from "./format";
import { poster } from "./poster";
import { previewOnHover } from "./preview";

export function clipCard(clip: Clip): HTMLElement {
  const picture = poster(clip);
  picture.append(...[badge(clip) ?? privacy(clip), duration(clip)].filter((node) => node !== null));
  const card = element(
    "li",
    { class: "card", "data-clip": clip.id },
    element("a", { href: watchPath(clip) }, picture, element("h3", {}, titleOf(clip))),
    element("p", { class: "meta" }, metaLine(clip)),
  );
  previewOnHover(card, picture, clip);
  return card;
}

function privacy(clip: Clip): HTMLElement | null {
  return clip.visibility === "private" ? element("span", { class: "badge" }, "Private") : null;
}

export function metaLine(clip: Clip): string {
  const facts = [
    clip.owner_id ? ownerName(clip.owner_id) : null,
    clip.views ? views(clip.views) : null,
    clip.created_at ? ago(clip.created_at) : null,
  ];
  return facts.filter(Boolean).join(" · ");
}

/** Only states that a viewer should know of; a clip that simply plays needs no label. */
export function badge(clip: Clip): HTMLElement | null {
  switch (clip.hls_processing_status) {
    case "completed":
    case "partial":
      return null;
    case "failed":
      return clip.hls_available ? null : element("span", { class: "badge failed" }, "Failed");
    case "pending":
      return clip.hls_available ? null : element("span", { class: "badge" }, "Waiting");
    case "processing": {
      const done = clip.encoding?.percent;
      return element("span", { class: "badge busy" }, done ? `Processing ${percent(done)}` : "Processing");
    }
  }
}

function duration(clip: Clip): HTMLElement | null {
  return clip.duration ? element("span", { class: "duration" }, clock(clip.duration)) : null;
}
