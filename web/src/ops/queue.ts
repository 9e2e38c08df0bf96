/** What is left to be encoded, who is at it, and holding a class back. */
import { fetchQueue, fetchWorkers, holdClass, type EncodingClass, type Entry, type Worker } from "../api/ops";
import { progressBar } from "../page/bar";
import { element } from "../page/element";
import { ago } from "../page/format";
import { keyed, say, type Drawn } from "../page/keyed";
import { act, section } from "../page/section";
import { cell, table } from "../page/table";
import { span } from "./time";

const CLASSES: Record<string, [string, string]> = {
  fresh: ["Fresh uploads", "Somebody waits for these; they go first."],
  reencode: ["Encoded again", "These play already, in their old form."],
  backfill: ["Backfill", "What was brought in bulk; it takes what is left."],
};

export interface Queue {
  root: HTMLElement;
  refresh: () => Promise<void>;
}

export function queue(): Queue {
  const classes = element("ul", { class: "classes" });
  const workers = table("Workers", ["Worker", "Clip", "Since", "Done"]);
  const entries = table("Units of work", ["Clip", "State", "Class", "#Attempts", "Worker", "Asked for", "Done"]);
  const idle = element("p", { class: "hint" }, "Nobody is at work.");
  const empty = element("p", { class: "hint" }, "Nothing waits to be encoded.");
  const more = element("p", { class: "hint", hidden: true }, "These are the next 50; there are more.");
  const part = section("queue", "Encoding", "Units of work by class. What is worked on goes on when its class is held back.", classes, element("h3", {}, "At work"), idle, workers.root, element("h3", {}, "In the queue"), empty, entries.root, more);
  const drawClasses = keyed<EncodingClass>(classes, (one) => one.class, () => classCard(hold));
  const drawWorkers = keyed<Worker>(workers.body, (one) => `${one.clip} ${one.generation} ${one.unit}`, workerRow);
  const drawEntries = keyed<Entry>(entries.body, (one) => `${one.clip} ${one.generation} ${one.unit}`, entryRow);
  const hold = async (which: string, how: "pause" | "resume"): Promise<void> => {
    try {
      drawClasses((await holdClass(which, how)).classes);
      part.trouble(null);
    } catch (error) {
      part.trouble(error);
    }
  };
  return {
    root: part.root,
    async refresh() {
      try {
        const [standing, busy] = await Promise.all([fetchQueue(), fetchWorkers()]);
        drawClasses(standing.classes);
        drawWorkers(busy);
        drawEntries(standing.entries);
        idle.hidden = busy.length > 0;
        workers.root.hidden = !busy.length;
        empty.hidden = standing.entries.length > 0;
        entries.root.hidden = !standing.entries.length;
        more.hidden = standing.next_cursor === null;
        part.trouble(null);
      } catch (error) {
        part.trouble(error);
      }
    },
  };
}

function classCard(hold: (which: string, how: "pause" | "resume") => Promise<void>): Drawn<EncodingClass> {
  const [title, what] = [element("h3"), element("p", { class: "hint" })];
  const [waiting, running, oldest] = [element("dd"), element("dd"), element("dd")];
  const held = element("span", { class: "pill busy", hidden: true }, "Held back");
  let now: EncodingClass;
  const button = act("", () => void hold(now.class, now.paused_at ? "resume" : "pause"));
  const figure = (name: string, value: HTMLElement): HTMLElement => element("div", {}, element("dt", {}, name), value);
  return {
    root: element("li", { class: "class" }, element("div", { class: "section-head" }, element("div", {}, title, what), held), element("dl", { class: "figures" }, figure("Waiting", waiting), figure("Running", running), figure("Oldest", oldest)), button),
    set(one) {
      now = one;
      const [name, text] = CLASSES[one.class] ?? [one.class, ""];
      say(title, name);
      say(what, text);
      say(waiting, String(one.waiting));
      say(running, String(one.running));
      say(oldest, one.oldest_age === null ? "–" : span(one.oldest_age));
      held.hidden = one.paused_at === null;
      say(button, one.paused_at ? "Let it go on" : "Hold back");
      button.dataset["testid"] = `class-${one.class}`;
      button.setAttribute("aria-label", `${one.paused_at ? "Let it go on" : "Hold back"}: ${name}`);
    },
  };
}

function workerRow(): Drawn<Worker> {
  const [node, since] = [element("th", { scope: "row", class: "mono" }), cell()];
  const clip = element("a");
  const unit = element("span", { class: "hint" });
  const bar = progressBar("Encoded", "worker-progress");
  return {
    root: element("tr", {}, node, element("td", {}, clip, " ", unit), since, element("td", { class: "bar-cell" }, bar.root)),
    set(worker) {
      say(node, worker.node ?? "?");
      say(clip, worker.slug ?? worker.clip);
      clip.href = `/watch/${encodeURIComponent(worker.slug ?? worker.clip)}`;
      say(unit, `unit ${worker.unit}`);
      say(since, worker.since ? ago(worker.since) : "");
      bar.set(worker.percent);
    },
  };
}

const STATES: Record<string, [string, string]> = {
  waiting: ["Waiting", "pill"],
  running: ["At work", "pill busy"],
  retrying: ["Tries again", "pill bad"],
  blocked: ["Waits for others", "pill"],
};

function entryRow(): Drawn<Entry> {
  const clip = element("a");
  const unit = element("span", { class: "hint" });
  const state = element("span");
  const [kind, attempts, worker, asked] = [cell(), cell("", "number"), cell("", "mono"), cell()];
  const bar = progressBar("Encoded", "entry-progress");
  return {
    root: element("tr", {}, element("th", { scope: "row" }, clip, " ", unit), element("td", {}, state), kind, attempts, worker, asked, element("td", { class: "bar-cell" }, bar.root)),
    set(entry) {
      say(clip, entry.slug ?? entry.clip);
      clip.href = `/watch/${encodeURIComponent(entry.slug ?? entry.clip)}`;
      say(unit, `unit ${entry.unit}, generation ${entry.generation}`);
      const [text, look] = STATES[entry.state] ?? [entry.state, "pill"];
      say(state, text);
      state.className = look;
      state.title = entry.run_after ? `Not before ${entry.run_after}` : "";
      say(kind, CLASSES[entry.class]?.[0] ?? entry.class);
      say(attempts, entry.attempts ? `${entry.attempts} failed` : "–");
      say(worker, entry.worker ?? "–");
      say(asked, ago(entry.requested_at));
      bar.set(entry.percent);
    },
  };
}
