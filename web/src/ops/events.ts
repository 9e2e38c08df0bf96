/** The logs themselves: newest first, narrowed by stream and type, followed as they grow. */
import { fetchEvents, fetchProjections, type LogEvent, type LogName } from "../api/ops";
import { element } from "../page/element";
import { ago } from "../page/format";
import { say } from "../page/keyed";
import { act, section } from "../page/section";
import { Backlog, matches, type Filter } from "./backlog";
import { openTravel } from "./travel";

const FOLLOW_MS = 1500;
/** What a page can show without becoming slow. */
const SHOWN = 500;

export function events(): { root: HTMLElement; show: () => void } {
  const log = element("select", { "aria-label": "Log", "data-testid": "log" }, element("option", { value: "clip" }, "Clip log"), element("option", { value: "playback" }, "Playback log"));
  const stream = element("input", { type: "search", placeholder: "Stream", "aria-label": "Stream contains", autocomplete: "off", spellcheck: "false" });
  const kind = element("input", { type: "search", placeholder: "Type", "aria-label": "Type contains", autocomplete: "off", spellcheck: "false", list: "event-types" });
  const types = element("datalist", { id: "event-types" });
  const live = element("input", { type: "checkbox", id: "follow", "data-testid": "follow" });
  const list = element("ol", { class: "events", "data-testid": "events" });
  const told = element("p", { class: "hint", role: "status" });
  const part = section(
    "events",
    "Events",
    "What happened, as it was written down. Nothing here is ever changed.",
    element("search", { class: "filters" }, log, stream, kind, types, element("label", { class: "check", for: "follow" }, live, "Follow")),
    list,
    told,
  );
  const older = act("Older", () => void more(), { class: "button more", hook: "older" });
  part.body.append(older);
  const seen = new Set<string>();
  let backlog: Backlog | undefined;
  let stop = new AbortController();

  const filter = (): Filter => ({ stream: stream.value.trim(), type: kind.value.trim() });
  const row = (event: LogEvent): HTMLElement => {
    if (!seen.has(event.event_type)) types.append(element("option", { value: event.event_type }));
    seen.add(event.event_type);
    return eventRow(event, (value) => {
      stream.value = value;
      void start();
    });
  };
  const more = async (): Promise<void> => {
    const mine = stop.signal;
    if (!backlog) return;
    older.disabled = true;
    say(told, "Reading…");
    try {
      const found = await backlog.older(mine);
      if (mine.aborted) return;
      list.append(...found.map(row));
      older.hidden = backlog.atStart;
      say(told, summary(list.children.length, backlog));
      part.trouble(null);
    } catch (error) {
      if (!mine.aborted) part.trouble(error);
    } finally {
      older.disabled = false;
    }
  };
  const start = async (): Promise<void> => {
    stop.abort();
    const mine = (stop = new AbortController()).signal;
    try {
      const name = log.value as LogName;
      const head = await headOf(name);
      if (mine.aborted) return;
      backlog = new Backlog(name, head, filter());
      list.replaceChildren();
      await more();
    } catch (error) {
      part.trouble(error);
    }
  };
  const follow = async (): Promise<void> => {
    if (!live.checked || document.hidden || !backlog) return;
    const mine = stop.signal;
    try {
      const fresh = await fetchEvents(log.value as LogName, backlog.newest, 1000, mine);
      if (mine.aborted || !fresh.length) return;
      backlog.newest = fresh.at(-1)!.position;
      const rows = fresh.filter((event) => matches(event, filter())).map(row);
      rows.forEach((node) => node.classList.add("new"));
      list.prepend(...rows.reverse());
      while (list.children.length > SHOWN) list.lastElementChild!.remove();
      part.trouble(null);
    } catch (error) {
      if (!mine.aborted) part.trouble(error);
    }
  };
  let typing: ReturnType<typeof setTimeout> | undefined;
  for (const field of [stream, kind])
    field.addEventListener("input", () => {
      clearTimeout(typing);
      typing = setTimeout(() => void start(), 300);
    });
  log.addEventListener("change", () => void start());
  live.addEventListener("change", () => void follow());
  setInterval(() => void follow(), FOLLOW_MS);
  return { root: part.root, show: () => void start() };
}

/** The head of a log, as those who follow it know it. */
async function headOf(log: LogName): Promise<number> {
  const followers = (await fetchProjections()).filter((model) => model.log === log);
  return Math.max(0, ...followers.map(({ position, lag }) => position + lag));
}

function summary(shown: number, backlog: Backlog): string {
  if (!shown) return backlog.atStart ? "No such event." : `None among the last ${backlog.looked} events. Look further back with “Older”.`;
  return backlog.atStart ? "This is all there is." : "";
}

function eventRow(event: LogEvent, narrow: (stream: string) => void): HTMLElement {
  const at = new Date(event.recorded_at);
  const clip = /^clip-(.+)$/.exec(event.stream_id)?.[1];
  const facts = element("pre", { tabindex: 0, role: "region", "aria-label": `Event ${event.position} in full` });
  const only = act("Only this stream", () => narrow(event.stream_id));
  const buttons = element("div", { class: "buttons" }, only, clip ? act("Travel in time", () => openTravel(clip, event.version), { hook: "travel" }) : null);
  const details = element(
    "details",
    {},
    element(
      "summary",
      {},
      element("span", { class: "number mono" }, String(event.position)),
      element("strong", {}, event.event_type),
      element("span", { class: "mono hint stream" }, `${event.stream_id} · ${event.version}`),
      element("time", { class: "hint", datetime: event.recorded_at, title: at.toLocaleString("en") }, ago(event.recorded_at)),
    ),
    buttons,
    facts,
  );
  // Written out when it is looked at: most of it never is.
  details.addEventListener("toggle", () => {
    if (details.open && !facts.textContent) facts.textContent = JSON.stringify({ payload: event.payload, metadata: event.metadata, schema_version: event.schema_version, recorded_at: event.recorded_at }, null, 2);
  });
  return element("li", { "data-type": event.event_type }, details);
}
