/** Under the stage: what this clip is, and what else there is to watch. */
import { titleOf, type Clip } from "../api/clip";
import { fetchClips } from "../api/clips";
import { badge, clipCard } from "../page/card";
import { element } from "../page/element";
import { ago, clock, ownerName, views } from "../page/format";

const RELATED = 8;

export function drawDetails(place: HTMLElement, clip: Clip): void {
  const facts = [
    clip.views ? views(clip.views) : null,
    clip.created_at ? ago(clip.created_at) : null,
    clip.duration ? clock(clip.duration) : null,
    clip.width && clip.height ? `${clip.width} × ${clip.height}` : null,
  ];
  place.replaceChildren(
    // Without the percent, which the stage tells and this line would not keep up with.
    element("h1", {}, titleOf(clip), " ", badge({ ...clip, encoding: null })),
    element(
      "p",
      { class: "meta" },
      clip.owner_id ? element("span", { class: "owner", title: clip.owner_id }, ownerName(clip.owner_id)) : null,
      element("span", {}, facts.filter(Boolean).join(" · ")),
    ),
  );
}

export async function drawRelated(place: HTMLElement, clip: Clip): Promise<void> {
  // The row is a courtesy; if it cannot be had, the page is whole without it.
  const page = await fetchClips({ status: "completed" }, RELATED + 1, null).catch(() => null);
  const others = page?.clips.filter((other) => other.id !== clip.id) ?? [];
  if (!others.length) return;
  place.replaceChildren(
    element("h2", { id: "related-title" }, "More clips"),
    element("ul", { class: "row" }, ...others.slice(0, RELATED).map(clipCard)),
  );
}
