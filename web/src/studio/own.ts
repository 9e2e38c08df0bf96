/** The clips of who is signed in, newest first, with what can be done to them. */
import { isSettled, progressOf, titleOf, watchPath, type Clip } from "../api/clip";
import { fetchClip, fetchClips, type Deleted } from "../api/clips";
import { sentence } from "../api/problem";
import { badge } from "../page/card";
import { element } from "../page/element";
import { ago, bytes, clock, views } from "../page/format";
import { poster } from "../page/poster";
import { statePanel } from "../page/state";
import { openManager } from "./manage";
import { deletedRow } from "./trash";

const PAGE_SIZE = 20;
const REFRESH_MS = 3000;

export interface OwnClips {
  root: HTMLElement;
  /** Begins anew with the newest. */
  show: (owner: string) => Promise<void>;
}

export function ownClips(): OwnClips {
  let owner = "";
  let cursor: string | null = null;
  const rows = new Map<string, { clip: Clip; row: HTMLElement }>();
  const list = element("ul", { class: "own" });
  const trouble = element("div");
  const more = element("button", { type: "button", class: "button more", hidden: true }, "Show more");
  const root = element("section", { "aria-labelledby": "own-title" }, element("h2", { id: "own-title" }, "Your clips"), list, trouble, more);

  const draw = (clip: Clip): HTMLElement => {
    const row = clipRow(clip, replace, (gone, deleted) => bury(gone, deletedRow(gone, deleted, replace)));
    rows.set(clip.id, { clip, row });
    return row;
  };
  const replace = (clip: Clip): void => {
    const known = rows.get(clip.id);
    if (!known) return;
    const focused = known.row.contains(document.activeElement);
    const row = draw(clip);
    known.row.replaceWith(row);
    if (focused) row.querySelector<HTMLElement>("button")?.focus();
  };
  const bury = (clip: Clip, mark: HTMLElement): void => {
    const known = rows.get(clip.id);
    if (!known) return;
    rows.set(clip.id, { clip: { ...clip, encoding: null, hls_processing_status: "completed" }, row: mark });
    known.row.replaceWith(mark);
    mark.querySelector("button")?.focus();
  };
  const load = async (first: boolean): Promise<void> => {
    trouble.replaceChildren();
    try {
      const page = await fetchClips({ owner }, PAGE_SIZE, first ? null : cursor);
      if (first) {
        rows.clear();
        list.replaceChildren();
      }
      list.append(...page.clips.map(draw));
      cursor = page.next_cursor;
      more.hidden = cursor === null;
      if (!rows.size) trouble.replaceChildren(element("p", { class: "hint" }, "Nothing yet: what you upload stands here."));
    } catch (error) {
      trouble.replaceChildren(statePanel("Your clips could not be loaded", sentence(error), { label: "Try again", run: () => void load(first) }));
    }
  };
  more.addEventListener("click", () => void load(false));
  setInterval(() => void refresh([...rows.values()].map(({ clip }) => clip), replace), REFRESH_MS);
  return {
    root,
    show: (whose) => {
      owner = whose;
      return load(true);
    },
  };
}

async function refresh(clips: Clip[], replace: (clip: Clip) => void): Promise<void> {
  if (document.hidden || document.querySelector("dialog[open]")) return;
  const busy = clips.filter((clip) => ["queued", "encoding", "retrying"].includes(clip.encoding?.state ?? "") || (!isSettled(progressOf(clip)) && clip.encoding?.state !== "awaiting_source"));
  for (const clip of busy.slice(0, 4)) {
    const now = await fetchClip(clip.id).catch(() => null);
    if (now) replace(now);
  }
}

function clipRow(clip: Clip, onChanged: (clip: Clip) => void, onDeleted: (clip: Clip, deleted: Deleted) => void): HTMLElement {
  const picture = poster(clip);
  const size = (clip.variants ?? []).reduce((sum, { file_size }) => sum + file_size, 0);
  const facts = [
    clip.visibility === "private" ? "Private" : null,
    clip.duration ? clock(clip.duration) : null,
    clip.hls_qualities?.length ? clip.hls_qualities.join(", ") : null,
    size ? bytes(size) : null,
    clip.captions?.length ? `Captions: ${clip.captions.map(({ language }) => language).join(", ")}` : null,
    clip.views ? views(clip.views) : null,
    clip.created_at ? ago(clip.created_at) : null,
  ];
  const manage = element("button", { type: "button", class: "button small", "aria-haspopup": "dialog", "aria-label": `Manage ${titleOf(clip)}` }, "Manage");
  manage.addEventListener("click", () => openManager(clip, onChanged, onDeleted));
  const title = element("h3", {}, element("a", { href: watchPath(clip) }, titleOf(clip)), " ", stateOf(clip));
  return element("li", { class: "own-row", "data-clip": clip.id }, picture, element("div", { class: "own-text" }, title, element("p", { class: "hint" }, facts.filter(Boolean).join(" · "))), manage);
}

/** Who made it wants to know more than who watches it. */
function stateOf(clip: Clip): HTMLElement | null {
  switch (clip.encoding?.state) {
    case "awaiting_source":
      return element("span", { class: "badge" }, "No video yet");
    case "cancelled":
      return element("span", { class: "badge" }, "Stopped");
    case "rejected":
      return element("span", { class: "badge failed" }, "Refused");
    case "partial":
      return element("span", { class: "badge" }, "Partly ready");
    default:
      return badge(clip);
  }
}
