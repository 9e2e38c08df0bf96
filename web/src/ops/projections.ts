/** Read models: where they stand, making them anew, and the events that they could not take. */
import { fetchParked, fetchProjections, rebuild, settleParked, type Parked, type Projection } from "../api/ops";
import { sentence } from "../api/problem";
import { progressBar } from "../page/bar";
import { ask } from "../page/confirm";
import { element } from "../page/element";
import { ago, percent } from "../page/format";
import { keyed, say, type Drawn } from "../page/keyed";
import { act, section, type Section } from "../page/section";
import { cell, table } from "../page/table";

const count = new Intl.NumberFormat("en");

export interface Projections {
  root: HTMLElement;
  refresh: () => Promise<void>;
}

export function projections(): Projections {
  const models = table("Read models", ["Read model", "Reads", "#Position", "#Behind", "#Events/s", "Followed by", ""]);
  const parked = parkedEvents();
  const part = section("models", "Read models", "Tables that are made from the event logs. They can be made anew at any time; the old rows serve until then.", models.root, parked.root);
  const draw = keyed<Projection>(models.body, ({ name }) => name, () => modelRow(part));
  return {
    root: part.root,
    async refresh() {
      try {
        const list = await fetchProjections();
        draw(list);
        await parked.refresh(list.map(({ name }) => name));
        part.trouble(null);
      } catch (error) {
        part.trouble(error);
      }
    },
  };
}

function modelRow(part: Section): Drawn<Projection> {
  const [title, version, log, position, lag, rate, owner] = [element("th", { scope: "row" }), element("span", { class: "hint" }), cell(), cell("", "number"), cell("", "number"), cell("", "number"), cell("", "mono")];
  const name = element("span");
  title.append(name, " ", version);
  const bar = progressBar("Rebuild", "rebuild-progress");
  const told = element("span", { class: "hint" });
  const progress = element("div", { class: "rebuild", hidden: true }, bar.root, told);
  const place = element("td", { class: "number" });
  title.append(progress);
  let now: Projection;
  let before: { position: number; at: number } | undefined;
  const button = act("Rebuild", () => void askRebuild(now, part), { hook: "rebuild" });
  place.append(button);
  return {
    root: element("tr", {}, title, log, position, lag, rate, owner, place),
    set(model) {
      const at = performance.now();
      const speed = before && at > before.at ? (Math.max(0, model.position - before.position) / (at - before.at)) * 1000 : 0;
      before = { position: model.position, at };
      now = model;
      button.setAttribute("aria-label", `Rebuild ${model.name}`);
      say(name, model.name);
      say(version, `v${model.version}`);
      say(log, `${model.log} log`);
      say(position, count.format(model.position));
      say(lag, model.lag ? count.format(model.lag) : "0");
      lag.classList.toggle("late", model.lag > 1000);
      say(rate, speed < 0.05 ? "–" : count.format(Math.round(speed * 10) / 10));
      say(owner, model.owner ?? "nobody");
      progress.hidden = model.rebuild === null;
      button.disabled = model.rebuild !== null && !model.rebuild.error;
      if (!model.rebuild) return;
      bar.set(model.rebuild.percent);
      say(told, rebuildText(model));
    },
  };
}

function rebuildText({ rebuild }: Projection): string {
  if (!rebuild) return "";
  if (rebuild.error) return `The rebuild stopped: ${rebuild.error}`;
  const facts = [
    rebuild.percent === null ? "waits for its turn" : percent(rebuild.percent),
    rebuild.events_per_second ? `${count.format(Math.round(rebuild.events_per_second))} events/s` : null,
    rebuild.seconds_left === null ? null : `${Math.ceil(rebuild.seconds_left)} s left`,
  ];
  return `Made anew as v${rebuild.version}: ${facts.filter(Boolean).join(", ")}`;
}

async function askRebuild(model: Projection, part: Section): Promise<void> {
  const rate = element("input", { id: "rate", name: "rate", type: "number", min: 1, step: 1, inputmode: "numeric", placeholder: "No limit" });
  const told = await ask({
    title: `Make ${model.name} anew?`,
    text: `All ${count.format(model.position)} events of the ${model.log} log are read again. The rows that there are serve until the new ones take their place in one step.`,
    yes: "Rebuild",
    fields: [element("label", { for: "rate" }, "At most so many events per second"), rate],
  });
  if (!told) return;
  const limit = String(told.get("rate") ?? "").trim();
  await rebuild(model.name, limit ? Number(limit) : null).then(() => part.trouble(null), part.trouble);
}

interface ParkedEvents {
  root: HTMLElement;
  refresh: (models: string[]) => Promise<void>;
}

interface ParkedOf extends Parked {
  model: string;
}

function parkedEvents(): ParkedEvents {
  const rows = table("Parked events", ["Event", "Read model", "What went wrong", "#Tries", "Since", ""]);
  const told = element("p", { class: "hint", role: "status" });
  const none = element("p", { class: "hint" }, "No event is parked: every read model could apply all of them.");
  const full = element("div", { hidden: true }, element("p", { class: "hint" }, "These could not be applied, nor what came later of the same stream. Try again once the cause is gone; what is skipped is passed over for good, also in rebuilds."), rows.root);
  const root = element("div", { class: "parked", "data-testid": "parked" }, element("h3", {}, "Parked events"), none, full, told);
  let models: string[] = [];
  const refresh = async (names: string[]): Promise<void> => {
    models = names;
    const lists = await Promise.all(names.map(async (model) => (await fetchParked(model)).map((event): ParkedOf => ({ ...event, model }))));
    const list = lists.flat().filter(({ skipped }) => !skipped);
    none.hidden = list.length > 0;
    full.hidden = list.length === 0;
    draw(list);
  };
  const settle = async (event: ParkedOf, how: "retry" | "skip"): Promise<void> => {
    const sure =
      how === "retry" ||
      (await ask({ title: `Pass over event ${event.position}?`, text: `${event.model} will go on without this ${event.event_type}, for good. The event itself stays in the log.`, yes: "Skip it", danger: true }));
    if (!sure) return;
    try {
      const { applied, parked } = await settleParked(event.model, event.position, how);
      say(told, parked ? `${applied} applied, ${parked} of the stream are still parked.` : `${applied} applied, nothing of the stream is parked any more.`);
      await refresh(models);
    } catch (error) {
      say(told, sentence(error));
    }
  };
  const draw = keyed<ParkedOf>(rows.body, ({ model, position }) => `${model} ${position}`, () => parkedRow(settle));
  return { root, refresh };
}

function parkedRow(settle: (event: ParkedOf, how: "retry" | "skip") => Promise<void>): Drawn<ParkedOf> {
  const [what, model, error, tries, since] = [element("th", { scope: "row" }), cell(), cell("", "mono"), cell("", "number"), cell()];
  let now: ParkedOf;
  const retry = act("Try again", () => void settle(now, "retry"), { hook: "parked-retry" });
  const skip = act("Skip", () => void settle(now, "skip"), { class: "button small danger", hook: "parked-skip" });
  return {
    root: element("tr", {}, what, model, error, tries, since, element("td", {}, element("div", { class: "buttons" }, retry, skip))),
    set(event) {
      now = event;
      say(what, `${event.event_type} at ${event.position}`);
      what.title = event.stream_id;
      say(model, event.model);
      say(error, event.error);
      say(tries, String(event.attempts));
      say(since, ago(event.parked_at));
    },
  };
}
