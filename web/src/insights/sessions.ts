/** Sessions one by one, newest or worst first. */
import { fetchSessions, type SessionRow } from "../api/analytics";
import { sentence } from "../api/problem";
import { element } from "../page/element";
import { ago } from "../page/format";
import { act, section } from "../page/section";
import { cell, table } from "../page/table";
import { duration, shown } from "./metrics";
import { clipTitle } from "./titles";
import { addressOf, type View } from "./query";

export const OUTCOMES: Record<string, [string, string]> = {
  played: ["Played", "pill good"],
  failed_to_start: ["Failed to start", "pill bad"],
  failed_midway: ["Broke off", "pill bad"],
  refused: ["Refused", "pill"],
  left_before_start: ["Left before the start", "pill busy"],
  brief: ["Brief", "pill"],
  idle: ["Never asked to play", "pill"],
};

export interface Sessions {
  root: HTMLElement;
  load: (question: URLSearchParams, view: View, signal: AbortSignal) => Promise<void>;
}

export function sessions(): Sessions {
  const rows = table("Sessions", ["Began", "Clip", "How it went", "#Watched", "#Startup", "#Stalled", "Mostly", "Where", "#Experience"]);
  rows.body.dataset["testid"] = "sessions";
  const order = element("select", { "aria-label": "Order" }, ...([["newest", "Newest first"], ["worst", "Worst first"], ["best", "Best first"], ["oldest", "Oldest first"]] as const).map(([value, text]) => element("option", { value }, text)));
  const outcome = element("select", { "aria-label": "How it went" }, element("option", { value: "" }, "All"), ...Object.entries(OUTCOMES).map(([value, [text]]) => element("option", { value }, text)));
  const told = element("p", { class: "hint", role: "status" });
  const part = section("sessions", "Sessions", "", rows.root, told);
  let asked: { question: URLSearchParams; view: View; signal: AbortSignal } | undefined;
  let cursor: string | null = null;
  const more = act("Show more", () => void load(false), { class: "button more" });
  part.side.append(order, outcome);
  part.body.append(more);
  for (const select of [order, outcome]) select.addEventListener("change", () => void load(true));

  const load = async (first: boolean): Promise<void> => {
    if (!asked) return;
    const { question, view, signal } = asked;
    try {
      const page = await fetchSessions(question, { sort: order.value, outcome: outcome.value, cursor: first ? "" : (cursor ?? "") }, signal);
      if (signal.aborted) return;
      cursor = page.next_cursor;
      const clips = await Promise.all(page.sessions.map((row) => clipTitle(row.clip_id ?? row.clip)));
      if (signal.aborted) return;
      const drawn = page.sessions.map((row, at) => sessionRow(row, clips[at]!, view));
      if (first) rows.body.replaceChildren(...drawn);
      else rows.body.append(...drawn);
      rows.root.hidden = !rows.body.children.length;
      told.textContent = rows.body.children.length ? "" : "No session in this time.";
      more.hidden = cursor === null;
      part.trouble(null);
    } catch (error) {
      if (!signal.aborted) part.trouble(sentence(error));
    }
  };
  more.hidden = true;
  return {
    root: part.root,
    load(question, view, signal) {
      asked = { question, view, signal };
      return load(true);
    },
  };
}

function sessionRow(row: SessionRow, clip: string, view: View): HTMLElement {
  const [text, look] = OUTCOMES[row.outcome] ?? [row.outcome, "pill"];
  const began = element("a", { href: addressOf({ ...view, session: row.id }), "data-view": true, title: row.created_at }, ago(row.created_at));
  const stalled = row.buffering_events ? `${row.buffering_events} × · ${duration(row.rebuffer_ms)}` : "–";
  const where = [row.country, row.device, row.browser || row.player].filter(Boolean).join(", ");
  return element(
    "tr",
    {},
    element("th", { scope: "row" }, began, row.live ? element("span", { class: "few live" }, "live") : null),
    cell(clip),
    element("td", {}, element("span", { class: look }, text)),
    cell(shown(row.watched_ms, "ms"), "number"),
    cell(shown(row.startup_ms, "ms"), "number"),
    cell(stalled, "number"),
    cell(row.quality ?? "–"),
    cell(where || "–"),
    cell(shown(row.experience_score, "score"), "number"),
  );
}
