/** The library: every clip, newest first as the server orders them, page by page. */
import { isSettled, progressOf, type Clip } from "../api/clip";
import { fetchClip, fetchClips } from "../api/clips";
import { sentence } from "../api/problem";
import { clipCard } from "../page/card";
import { element } from "../page/element";
import { openPage } from "../page/header";
import { statePanel } from "../page/state";

const PAGE_SIZE = 24;
const REFRESH_MS = 4000;
/** Cards that are refreshed at a time, so that a long backfill does not become a flood of requests. */
const REFRESHED = 6;

const main = openPage();
const grid = element("ul", { class: "grid" });
const more = element("button", { type: "button", class: "button more", hidden: true }, "Show more");
const trouble = element("div");
const busy = new Map<string, Clip>();
let cursor: string | null = null;
let loading = false;

main.append(
  element(
    "div",
    { class: "page-head" },
    element("h1", {}, "Clips"),
    element("a", { class: "button primary", href: "/upload" }, "Upload a clip"),
  ),
  grid,
  trouble,
  more,
);
grid.replaceChildren(...Array.from({ length: 8 }, skeleton));
more.addEventListener("click", () => void loadMore());
new IntersectionObserver(([entry]) => entry?.isIntersecting && void loadMore(), { rootMargin: "600px" }).observe(more);
setInterval(() => void refreshBusy(), REFRESH_MS);
void loadMore();

async function loadMore(): Promise<void> {
  if (loading) return;
  loading = true;
  grid.setAttribute("aria-busy", "true");
  trouble.replaceChildren();
  try {
    const first = cursor === null;
    const page = await fetchClips(PAGE_SIZE, cursor);
    if (first) grid.replaceChildren();
    cursor = page.next_cursor;
    show(page.clips);
    if (first && !page.clips.length) showEmpty();
    more.hidden = cursor === null;
  } catch (error) {
    showTrouble(error);
  } finally {
    loading = false;
    grid.setAttribute("aria-busy", "false");
  }
}

function show(clips: Clip[]): void {
  for (const clip of clips) {
    grid.append(clipCard(clip));
    if (!isSettled(progressOf(clip))) busy.set(clip.id, clip);
  }
}

function showEmpty(): void {
  document.querySelector<HTMLElement>(".page-head .button")?.setAttribute("hidden", "");
  trouble.replaceChildren(
    statePanel("Nothing here yet", "Upload a video and it becomes a clip that plays well on every screen and line.", { label: "Upload the first clip", href: "/upload" }),
  );
}

function showTrouble(error: unknown): void {
  grid.querySelectorAll(".skeleton").forEach((card) => card.remove());
  // Hidden, or the observer would hammer a server that is already in trouble.
  more.hidden = true;
  trouble.replaceChildren(statePanel("The clips could not be loaded", sentence(error), { label: "Try again", run: () => void loadMore() }));
}

async function refreshBusy(): Promise<void> {
  if (document.hidden) return;
  for (const id of [...busy.keys()].slice(0, REFRESHED)) {
    const clip = await fetchClip(id).catch(() => null);
    if (!clip) continue;
    const card = grid.querySelector(`[data-clip="${CSS.escape(id)}"]`);
    // A card under the keyboard focus is left alone; replacing it would throw the focus away.
    if (card && !card.contains(document.activeElement)) card.replaceWith(clipCard(clip));
    if (isSettled(progressOf(clip))) busy.delete(id);
  }
}

function skeleton(): HTMLElement {
  return element("li", { class: "card skeleton", "aria-hidden": "true" }, element("div", { class: "poster" }), element("h3"), element("p"));
}
