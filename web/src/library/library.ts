/** The library: every clip, as it is searched for and ordered, page by page. */
import { isSettled, progressOf, type Clip } from "../api/clip";
import { fetchClip, fetchClips } from "../api/clips";
import { sentence } from "../api/problem";
import { clipCard } from "../page/card";
import { element } from "../page/element";
import { openPage } from "../page/header";
import { statePanel } from "../page/state";
import { searchBar } from "./search";

const PAGE_SIZE = 24;
const REFRESH_MS = 4000;
/** Cards that are refreshed at a time, so that a long backfill does not become a flood of requests. */
const REFRESHED = 6;

const main = openPage();
const grid = element("ul", { class: "grid", "aria-label": "Clips" });
const more = element("button", { type: "button", class: "button more", hidden: true }, "Show more");
const trouble = element("div");
const told = element("p", { class: "visually-hidden", role: "status" });
const search = searchBar(() => void startOver());
const busy = new Map<string, Clip>();
let cursor: string | null = null;
let loading: AbortController | null = null;

main.append(
  element(
    "div",
    { class: "page-head" },
    element("h1", {}, "Clips"),
    search.root,
    element("a", { class: "button primary", href: "/studio" }, "Upload"),
  ),
  told,
  grid,
  trouble,
  more,
);
more.addEventListener("click", () => void loadMore());
new IntersectionObserver(([entry]) => entry?.isIntersecting && void loadMore(), { rootMargin: "600px" }).observe(more);
setInterval(() => void refreshBusy(), REFRESH_MS);
void startOver();

/** A new search drops the answer of the one before, which may still be under way. */
async function startOver(): Promise<void> {
  loading?.abort();
  loading = null;
  cursor = null;
  more.hidden = true;
  busy.clear();
  if (!grid.children.length) grid.replaceChildren(...Array.from({ length: 8 }, skeleton));
  await loadMore();
}

async function loadMore(): Promise<void> {
  if (loading) return;
  const mine = (loading = new AbortController());
  grid.setAttribute("aria-busy", "true");
  trouble.replaceChildren();
  try {
    const first = cursor === null;
    const page = await fetchClips(search.query(), PAGE_SIZE, cursor, mine.signal);
    if (first) grid.replaceChildren();
    cursor = page.next_cursor;
    show(page.clips);
    if (first && !page.clips.length) showEmpty();
    told.textContent = `${grid.children.length}${cursor ? " and more" : ""} clips`;
    more.hidden = cursor === null;
  } catch (error) {
    if (!mine.signal.aborted) showTrouble(error);
  } finally {
    if (loading === mine) {
      loading = null;
      grid.setAttribute("aria-busy", "false");
    }
  }
}

function show(clips: Clip[]): void {
  for (const clip of clips) {
    grid.append(clipCard(clip));
    if (!isSettled(progressOf(clip))) busy.set(clip.id, clip);
  }
}

function showEmpty(): void {
  const panel = search.narrowed()
    ? statePanel("Nothing matches", "No clip has that in its title and is in that state.", { label: "Show all clips", run: search.clear })
    : statePanel("Nothing here yet", "Upload a video and it becomes a clip that plays well on every screen and line.", { label: "Upload the first clip", href: "/studio" });
  trouble.replaceChildren(panel);
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
  return element("li", { class: "card skeleton", "aria-hidden": "true" }, element("div", { class: "poster" }), element("div", { class: "line" }), element("div", { class: "line" }));
}
