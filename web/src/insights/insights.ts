/** The insights page: how people's sessions went, together and one by one. */
import { gate } from "../page/gate";
import { openPage } from "../page/header";
import { poll, type Poll } from "../page/poll";
import { settle } from "../page/settle";
import { overviewPage, type OverviewPage } from "./overview";
import { addressOf, isLive, readView, type View } from "./query";
import { sessionPage, type SessionPage } from "./session";

const REFRESH_MS = 20_000;

const main = openPage();
let pages: { overview: OverviewPage; session: SessionPage } | undefined;
let view: View = readView(location.search);
let refreshing: Poll | undefined;

gate(main, {
  title: "Insights",
  invitation: "Sign in to see how clips were played",
  // Whoever owns clips may see how they did; the server counts nobody else's for them.
  may: () => true,
  refusal: "",
  open,
  close: () => refreshing?.stop(),
});

addEventListener("popstate", () => {
  view = readView(location.search);
  void show();
});
// Links between views are links, for new tabs and for the keyboard, but need no new page.
document.addEventListener("click", (event) => {
  const link = (event.target as Element).closest<HTMLAnchorElement>("a[data-view]");
  if (!link || event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  history.pushState(null, "", link.href);
  view = readView(location.search);
  void show();
  scrollTo({ top: 0 });
});

function open(): void {
  pages = { overview: overviewPage(change), session: sessionPage() };
  const arrived = settle(main, 1);
  void show().finally(arrived);
  let first = true;
  refreshing = poll(async () => {
    if (!first && isLive(view) && !view.session) await pages?.overview.refresh();
    first = false;
  }, REFRESH_MS);
}

function change(part: Partial<View>): void {
  view = { ...view, ...part };
  history.pushState(null, "", addressOf(view));
  void show();
}

async function show(): Promise<void> {
  if (!pages) return;
  const { overview, session } = pages;
  const shown = view.session ? session : overview;
  if (main.firstElementChild !== shown.root) main.replaceChildren(shown.root);
  document.title = view.session ? "Session · Insights · Clipper" : "Insights · Clipper";
  await shown.show(view);
}
