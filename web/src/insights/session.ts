/** One session: how it went in numbers, and moment by moment. */
import { fetchSession, type SessionRow, type Timeline } from "../api/analytics";
import { Problem, sentence } from "../api/problem";
import { element } from "../page/element";
import { clock } from "../page/format";
import { statePanel } from "../page/state";
import { cell, table } from "../page/table";
import { duration, metricOf, shown } from "./metrics";
import { addressOf, type View } from "./query";
import { OUTCOMES } from "./sessions";
import { course, STATES } from "./course";
import { clipTitle } from "./titles";

export interface SessionPage {
  root: HTMLElement;
  show: (view: View) => Promise<void>;
}

export function sessionPage(): SessionPage {
  const root = element("div", { class: "overview session" });
  let asked = "";
  return {
    root,
    async show(view) {
      asked = view.session;
      const back = element("a", { href: addressOf({ ...view, session: "" }), "data-view": true, class: "back" }, "← All sessions");
      root.replaceChildren(back, element("h1", {}, "Session"), element("p", { class: "hint", role: "status" }, "One moment…"));
      try {
        const timeline = await fetchSession(view.session);
        const clip = await clipTitle(timeline.session.clip_id ?? timeline.session.clip);
        if (asked === view.session) root.replaceChildren(back, ...drawing(timeline.session, timeline.timeline, clip));
      } catch (error) {
        if (asked !== view.session) return;
        const missing = error instanceof Problem && error.status === 404;
        const again = missing ? { label: "All sessions", href: addressOf({ ...view, session: "" }) } : { label: "Try again", run: () => void this.show(view) };
        root.replaceChildren(back, statePanel(missing ? "There is no such session" : "The session could not be loaded", missing ? "Its reports may be older than they are kept." : sentence(error), again));
      }
    },
  };
}

function drawing(session: SessionRow, timeline: Timeline, clip: string): HTMLElement[] {
  const began = new Date(session.created_at);
  const [text, look] = OUTCOMES[session.outcome] ?? [session.outcome, "pill"];
  const where = [session.country, session.device, session.os, session.browser, session.player].filter(Boolean).join(" · ");
  const head = element(
    "div",
    { class: "page-head" },
    element("div", {}, element("h1", {}, clip), element("p", { class: "hint" }, `${began.toLocaleString("en", { dateStyle: "medium", timeStyle: "medium", timeZone: "UTC" })} UTC${where ? ` · ${where}` : ""}`)),
    element("p", {}, element("span", { class: look, "data-testid": "outcome" }, text)),
  );
  const failure = session.failure ? element("p", { class: "notice-box bad" }, `It failed with “${session.failure}”.`) : null;
  const cut = session.truncated ? element("p", { class: "notice-box" }, "Nobody told how it ended; it counts until its last report.") : null;
  return [head, failure, cut, facts(session), coursePanel(timeline), eventsPanel(timeline)].filter((part) => part !== null);
}

function facts(row: SessionRow): HTMLElement {
  const named: [string, string][] = [
    ["Watched", shown(row.watched_ms, "ms")],
    ["Startup", shown(row.startup_ms, "ms")],
    ["Stalls", row.buffering_events ? `${row.buffering_events}, ${duration(row.rebuffer_ms)}` : "none"],
    ["Seen of the clip", duration(row.covered_ms)],
    ["Paused", duration(row.paused_ms)],
    ["Mostly in", row.quality ?? "–"],
    ["Switches", String(row.quality_switches)],
    ["Bit rate", shown(row.average_bitrate_kbps, "kbps")],
    ["Throughput", row.bandwidth_mbps === null ? "–" : shown(row.bandwidth_mbps * 1000, "kbps")],
    ["Buffer", row.buffer_health === null ? "–" : shown(row.buffer_health * 1000, "ms")],
    ["Dropped frames", String(row.dropped_frames)],
    ["Warnings", String(row.warnings)],
  ];
  const scores = (["experience_score", "startup_score", "smoothness_score", "quality_score", "success_score"] as const).map((key): [string, string] => [metricOf(key).name, shown(row[key], "score")]);
  const entry = ([name, value]: [string, string]): HTMLElement => element("div", {}, element("dt", {}, name), element("dd", {}, value));
  return element("section", { class: "panel", "aria-label": "In numbers" }, element("dl", { class: "facts" }, ...named.map(entry)), element("dl", { class: "facts scores" }, ...scores.map(entry)));
}

function coursePanel(timeline: Timeline): HTMLElement {
  const used = Object.keys(STATES).filter((state) => timeline.segments.some((segment) => segment.state === state));
  const legend = element("ul", { class: "legend" }, ...used.map((state) => element("li", {}, element("i", { class: `band state-${state}`, "aria-hidden": "true" }), STATES[state]!.name)));
  const rows = table("States", ["From", "State", "#For"]);
  rows.body.append(...timeline.segments.map(({ state, start_ms, duration_ms }) => element("tr", {}, element("th", { scope: "row" }, clock(start_ms / 1000)), cell(STATES[state]?.name ?? ENDS[state] ?? state), cell(duration(duration_ms), "number"))));
  return element("section", { class: "panel", "aria-labelledby": "course-title" }, element("h2", { id: "course-title" }, "Moment by moment"), legend, ...course(timeline), element("details", { class: "values" }, element("summary", {}, "As a table"), rows.root));
}

function eventsPanel(timeline: Timeline): HTMLElement | null {
  const events = eventsOf(timeline);
  if (!events.length) return null;
  const rows = table("Events", ["At", "What", "More"]);
  rows.body.append(...events.map(({ at_ms, what, more }) => element("tr", {}, element("th", { scope: "row" }, clock(at_ms / 1000)), cell(what), cell(more, "mono"))));
  return element("section", { class: "panel", "aria-labelledby": "session-events" }, element("h2", { id: "session-events" }, "Events"), rows.root);
}

const ENDS: Record<string, string> = { idle: "Not asked to play", ended: "Ended", failed: "Failed", left: "Left" };

export interface SessionEvent {
  at_ms: number;
  what: string;
  more: string;
}

/** What a person would tell of it, in order. */
export function eventsOf({ segments, renditions, stalls, errors }: Timeline): SessionEvent[] {
  const first = segments.find(({ state }) => state === "playing");
  const ends = segments.filter(({ state }) => state === "ended" || state === "failed" || state === "left");
  const events: SessionEvent[] = [
    ...(first ? [{ at_ms: first.start_ms, what: "First picture", more: "" }] : []),
    ...renditions.map(({ at_ms, quality, bitrate_kbps }, at) => {
      const before = renditions[at - 1];
      const rate = shown(bitrate_kbps, "kbps");
      return { at_ms, what: before ? "Quality changed" : "Began in", more: [before?.quality && quality ? `${before.quality} → ${quality}` : quality, rate].filter(Boolean).join(", ") };
    }),
    ...stalls.map(({ start_ms, duration_ms, background, after_seek }) => ({ at_ms: start_ms, what: "Stalled", more: [duration(duration_ms), background ? "in the background" : "", after_seek ? "after a seek" : ""].filter(Boolean).join(", ") })),
    ...errors.map(({ at_ms, codes, fatal }) => ({ at_ms, what: fatal ? "Failed" : "Error", more: codes.join(", ") })),
    ...ends.map(({ state, start_ms }) => ({ at_ms: start_ms, what: ENDS[state]!, more: "" })),
  ];
  return events.sort((a, b) => a.at_ms - b.at_ms);
}
