/** A clip as it was after any of its events, and what each of them changed. */
import { fetchClipAt, fetchHistory, type LogEvent } from "../api/ops";
import { sentence } from "../api/problem";
import { element } from "../page/element";
import { say } from "../page/keyed";
import { act } from "../page/section";

type State = Record<string, unknown>;

export function openTravel(clip: string, version: number): void {
  const title = element("h2", { id: "travel-title" }, "A clip in time");
  const told = element("p", { class: "hint", role: "status", "data-testid": "travel-at" }, "One moment…");
  const trouble = element("p", { class: "trouble", role: "alert" });
  const slider = element("input", { type: "range", min: 1, max: 1, step: 1, id: "travel-version", "data-testid": "travel-slider" });
  const back = act("Earlier", () => step(-1));
  const forth = act("Later", () => step(1));
  const state = element("dl");
  const stateBox = element("div", { class: "state-table", tabindex: 0, role: "region", "aria-label": "The clip at this moment" }, state);
  const payload = element("pre", { tabindex: 0, role: "region", "aria-label": "What the event says" });
  const close = element("form", { method: "dialog", class: "dialog-foot" }, element("button", { class: "button" }, "Close"));
  const controls = element("div", { class: "travel-controls" }, back, element("label", { for: "travel-version", class: "visually-hidden" }, "Version"), slider, forth);
  const dialog = element("dialog", { class: "travel", "aria-labelledby": "travel-title" }, title, told, controls, trouble, element("div", { class: "travel-body" }, element("div", {}, element("h3", {}, "The event"), payload), element("div", {}, element("h3", {}, "The clip after it"), stateBox)), close);
  const states = new Map<number, Promise<State | null>>();
  let history: LogEvent[] = [];
  let shown = 0;

  const at = (which: number): Promise<State | null> => {
    if (which < 1) return Promise.resolve(null);
    // Some events come before there is a clip to show.
    if (!states.has(which)) states.set(which, fetchClipAt(clip, which).then((found) => found as unknown as State).catch(() => null));
    return states.get(which)!;
  };
  const show = async (which: number): Promise<void> => {
    const event = history.find((one) => one.version === which) ?? history.at(-1);
    if (!event) return;
    shown = event.version;
    slider.value = String(shown);
    back.disabled = shown <= 1;
    forth.disabled = shown >= history.length;
    const when = new Date(event.recorded_at).toLocaleString("en", { dateStyle: "medium", timeStyle: "medium" });
    const line = `${event.event_type}, version ${event.version} of ${history.length}, ${when}`;
    slider.setAttribute("aria-valuetext", line);
    say(told, line);
    say(payload, JSON.stringify(event.payload, null, 2));
    const [before, after] = await Promise.all([at(shown - 1), at(shown)]);
    if (shown === event.version) drawState(state, before, after);
  };
  const step = (by: number): void => void show(shown + by);
  slider.addEventListener("input", () => void show(Number(slider.value)));
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  fetchHistory(clip).then(
    (events) => {
      history = events;
      slider.max = String(events.length);
      slider.setAttribute("aria-label", "Version");
      void show(version);
    },
    (error: unknown) => say(trouble, sentence(error)),
  );
}

function drawState(place: HTMLElement, before: State | null, after: State | null): void {
  if (!after) return place.replaceChildren(element("div", {}, element("dt", {}, "Nothing to show"), element("dd", {}, "The clip was not there at this version.")));
  const [old, now] = [flat(before ?? {}), flat(after)];
  const rows = [...new Set([...Object.keys(now), ...Object.keys(old)])].map((key) => {
    const changed = before !== null && old[key] !== now[key];
    const value = element("dd", {}, now[key] ?? "gone");
    if (changed) value.append(element("span", { class: "was" }, ` was ${old[key] ?? "not there"}`));
    return { changed, row: element("div", { class: changed ? "changed" : null }, element("dt", {}, key), value) };
  });
  // What the event changed comes first.
  rows.sort((a, b) => Number(b.changed) - Number(a.changed));
  place.replaceChildren(...rows.map(({ row }) => row));
}

/** Paths to plain values, without those that say nothing. */
export function flat(value: unknown, path = "", found: Record<string, string> = {}): Record<string, string> {
  if (value === null || value === undefined) return found;
  if (Array.isArray(value) && value.every((one) => typeof one !== "object")) {
    if (value.length) found[path] = value.join(", ");
  } else if (typeof value === "object") {
    for (const [key, inner] of Object.entries(value)) flat(inner, path ? `${path}.${key}` : key, found);
  } else {
    found[path] = String(value);
  }
  return found;
}
