/** Everybody's sessions together: tiles, course, percentiles, breakdown, and the way to each of them. */
import { fetchBreakdown, fetchOverview, fetchTimeSeries, type Overview, type TimeSeries } from "../api/analytics";
import { fetchClip } from "../api/clips";
import { titleOf } from "../api/clip";
import { Problem, sentence } from "../api/problem";
import { element } from "../page/element";
import { say } from "../page/keyed";
import { statePanel } from "../page/state";
import { breakdown, BREAKDOWN_ROWS } from "./breakdown";
import { chart } from "./chart";
import { exports } from "./exports";
import { filters } from "./filters";
import { glossary } from "./glossary";
import { CHARTED, COLUMNS, TILES } from "./metrics";
import { percentiles } from "./percentiles";
import { questionOf, type View } from "./query";
import { retention } from "./retention";
import { sessions } from "./sessions";
import { tiles } from "./tiles";

export interface OverviewPage {
  root: HTMLElement;
  show: (view: View) => Promise<void>;
  /** The same view again, without the flicker of a new one. */
  refresh: () => Promise<void>;
}

export function overviewPage(change: (part: Partial<View>) => void): OverviewPage {
  const parts = { filters: filters(change), exports: exports(), tiles: tiles((chart) => change({ chart })), chart: chart((chart) => change({ chart })), retention: retention(), percentiles: percentiles(), breakdown: breakdown(change), sessions: sessions() };
  const live = element("p", { class: "live-now", hidden: true });
  const few = element("p", { class: "notice-box", role: "status", hidden: true }, "There were fewer than 100 attempts in this time: take percentages as anecdotes.");
  const trouble = element("div");
  const numbers = element("div", { class: "numbers" }, few, parts.tiles.root, parts.chart.root, parts.retention.root, element("div", { class: "side-by-side" }, parts.breakdown.root, parts.percentiles.root), parts.sessions.root);
  const head = element("div", { class: "page-head" }, element("div", {}, element("h1", {}, "Insights"), live), parts.exports.root);
  const root = element("div", { class: "overview" }, head, parts.filters.root, trouble, numbers, glossary());
  const together = [parts.exports.root, parts.tiles.root, parts.chart.root, parts.percentiles.root];
  let view: View | undefined;
  let stop = new AbortController();

  const load = async (quiet: boolean): Promise<void> => {
    if (!view) return;
    const asked = view;
    stop.abort();
    const { signal } = (stop = new AbortController());
    const question = questionOf(asked, Date.now());
    parts.exports.set(question);
    if (!quiet) numbers.setAttribute("aria-busy", "true");
    const charted = CHARTED.includes(asked.chart) ? asked.chart : "plays";
    const metrics = [...new Set([...TILES, charted])];
    // Each part stands for itself: what one of them cannot show, another may.
    const details = quiet ? Promise.resolve() : parts.sessions.load(question, asked, signal);
    const rows = fetchBreakdown(question, asked.by, COLUMNS, asked.sort, BREAKDOWN_ROWS, signal).then(
      (answer) => signal.aborted || parts.breakdown.set(answer, asked),
      (error: unknown) => signal.aborted || parts.breakdown.fail(error),
    );
    try {
      const [overview, course] = await Promise.all([fetchOverview(question, asked.compare, signal), fetchTimeSeries(question, metrics, ["startup_ms"], asked.compare, signal), details, rows]);
      if (signal.aborted) return;
      trouble.replaceChildren();
      draw(overview, course, charted);
    } catch (error) {
      if (signal.aborted) return;
      // What is there is better than nothing while the server is away for a moment.
      if (quiet && error instanceof Problem && error.transient) return;
      together.forEach((part) => (part.hidden = true));
      // A server that keeps no sums shows its sessions all the same.
      if (error instanceof Problem && error.code === "not_found") return;
      trouble.replaceChildren(statePanel("The numbers could not be loaded", sentence(error), { label: "Try again", run: () => void load(false) }));
    } finally {
      if (!signal.aborted) numbers.setAttribute("aria-busy", "false");
    }
  };

  const draw = (overview: Overview, course: TimeSeries, charted: string): void => {
    together.forEach((part) => (part.hidden = false));
    const viewers = overview.concurrent_viewers;
    live.hidden = !viewers;
    if (viewers) say(live, `at most ${viewers.peak === 1 ? "1 viewer" : `${viewers.peak} viewers`} at a time`);
    live.classList.toggle("some", (viewers?.peak ?? 0) > 0);
    few.hidden = !overview.small_sample;
    parts.tiles.set(overview, course, charted);
    parts.chart.set(course, charted);
    parts.percentiles.set(overview);
  };

  const showClip = async (name: string | undefined): Promise<void> => {
    if (!name) return parts.retention.clear();
    try {
      const clip = await fetchClip(name);
      if (view?.filters.clip !== name) return;
      parts.filters.set(view, titleOf(clip));
      await parts.retention.show(clip, questionOf(view, Date.now()));
    } catch {
      parts.retention.clear();
    }
  };

  return {
    root,
    async show(shown) {
      const other = view?.filters.clip !== shown.filters.clip;
      view = shown;
      parts.filters.set(shown, null);
      if (other) parts.retention.clear();
      await Promise.all([load(false), showClip(shown.filters.clip)]);
    },
    refresh: () => load(true),
  };
}
