/** Who is told of what happens, and how that went. */
import { addWebhook, changeWebhook, fetchDeliveries, fetchWebhooks, removeWebhook, retryDelivery, rotateWebhook, testWebhook, type Delivery, type Webhook } from "../api/webhooks";
import { ask } from "../page/confirm";
import { element } from "../page/element";
import { ago } from "../page/format";
import { keyed, say, type Drawn } from "../page/keyed";
import { act, section } from "../page/section";
import { cell, table } from "../page/table";
import { deeds, showOnce, type Deed } from "./deeds";

export interface Webhooks {
  root: HTMLElement;
  refresh: () => Promise<void>;
}

export function webhooks(): Webhooks {
  const list = element("ul", { class: "hooks" });
  const none = element("p", { class: "hint" }, "Nobody is told yet.");
  const told = element("p", { class: "hint", role: "status" });
  const part = section("webhooks", "Webhooks", "Who is told of what happens to clips, and how that went.", none, list, told);
  let types: string[] = [];
  const refresh = async (): Promise<void> => {
    try {
      const answer = await fetchWebhooks();
      types = answer.event_types;
      none.hidden = answer.webhooks.length > 0;
      draw(answer.webhooks);
      part.trouble(null);
    } catch (error) {
      part.trouble(error);
    }
  };
  const run = deeds(told, refresh);
  const draw = keyed<Webhook>(list, ({ id }) => id, () => hookCard(run));
  part.side.append(act("Add", () => void add(types, run), { class: "button small primary", hook: "webhook-add" }));
  return { root: part.root, refresh };
}

async function add(types: string[], run: Deed): Promise<void> {
  const url = element("input", { id: "webhook-url", name: "url", type: "url", required: true, placeholder: "https://…", autocomplete: "off" });
  const about = element("input", { id: "webhook-about", name: "about", maxlength: 200, autocomplete: "off" });
  const boxes = types.map((type) => element("label", { class: "check" }, element("input", { type: "checkbox", name: "events", value: type }), type));
  const fields = [element("label", { for: "webhook-url" }, "Address"), url, element("label", { for: "webhook-about" }, "What it is for"), about, element("fieldset", { class: "types" }, element("legend", {}, "Only of these (none: of everything)"), ...boxes)];
  const filled = await ask({ title: "Tell somebody", text: "Each event is sent as a signed POST, in order, and tried again for three days.", yes: "Add", fields });
  if (!filled) return;
  await run(async () => {
    const hook = await addWebhook({ url: String(filled.get("url")), description: String(filled.get("about") ?? ""), events: filled.getAll("events").map(String) });
    await showSecret(hook);
    return "Added.";
  });
}

const showSecret = ({ url, secret }: Webhook): Promise<void> => showOnce({ id: "webhook-secret", title: "The secret", text: `What is sent to ${url} is signed with it.`, label: "Secret", value: secret });

function hookCard(run: Deed): Drawn<Webhook> {
  const [title, about, state] = [element("h3"), element("p", { class: "hint" }), element("span")];
  const rows = table("Deliveries", ["Event", "Went", "#Tries", "Answer", "When", ""]);
  const empty = element("p", { class: "hint" }, "Nothing was told yet.");
  const deliveries = element("details", { class: "values" }, element("summary", {}, "Deliveries"), empty, rows.root);
  let now: Webhook;
  const draw = keyed<Delivery>(rows.body, ({ id }) => id, () => deliveryRow(async ({ id }) => run(() => retryDelivery(now.id, id).then(() => "It is tried again."))));
  const showDeliveries = async (): Promise<void> => {
    if (!deliveries.open) return;
    const list = await fetchDeliveries(now.id).catch(() => null);
    if (!list) return;
    draw(list);
    empty.hidden = list.length > 0;
    rows.root.hidden = !list.length;
  };
  deliveries.addEventListener("toggle", () => void showDeliveries());
  const test = act("Test", () => void run(() => testWebhook(now.id).then(({ delivered, response_status, error }) => (delivered ? `The test arrived (${response_status}).` : `The test did not arrive: ${error ?? `it was answered with ${response_status}`}.`))));
  const pause = act("", () => void run(() => changeWebhook(now.id, { enabled: !now.enabled }).then(() => null)));
  const rotate = act("New secret", () => void run(async () => ((await showSecret(await rotateWebhook(now.id))), "Messages are signed with both secrets for a day.")));
  const away = act("Remove", () => void askRemove(), { class: "button small danger" });
  const askRemove = async (): Promise<void> => {
    const sure = await ask({ title: "Tell it nothing any more?", text: `${now.url} and its deliveries are removed.`, yes: "Remove", danger: true });
    if (sure) await run(() => removeWebhook(now.id).then(() => "Removed."));
  };
  return {
    root: element("li", { class: "hook" }, element("div", { class: "section-head" }, element("div", {}, title, about), state), element("div", { class: "buttons" }, test, pause, rotate, away), deliveries),
    set(hook) {
      now = hook;
      say(title, hook.url);
      say(about, [hook.description, hook.events.length ? hook.events.join(", ") : "all events", `told up to event ${hook.position}`].filter(Boolean).join(" · "));
      const [text, look] = !hook.enabled ? [hook.disabled_reason ?? "Paused", "pill"] : hook.failing_since ? [`Failing since ${ago(hook.failing_since)}`, "pill bad"] : ["On", "pill good"];
      say(state, text);
      state.className = look;
      say(pause, hook.enabled ? "Pause" : "Let it go on");
      void showDeliveries();
    },
  };
}

const STATES: Record<string, [string, string]> = { pending: ["Under way", "pill busy"], delivered: ["Arrived", "pill good"], parked: ["Given up", "pill bad"] };

function deliveryRow(retry: (delivery: Delivery) => Promise<void>): Drawn<Delivery> {
  const [event, tries, answer, when] = [element("th", { scope: "row" }), cell("", "number"), cell("", "mono"), cell()];
  const state = element("span");
  let now: Delivery;
  const again = act("Try again", () => void retry(now));
  return {
    root: element("tr", {}, event, element("td", {}, state), tries, answer, when, element("td", {}, again)),
    set(delivery) {
      now = delivery;
      say(event, `${delivery.type} at ${delivery.position}`);
      const [text, look] = STATES[delivery.state] ?? [delivery.state, "pill"];
      say(state, text);
      state.className = look;
      say(tries, String(delivery.attempts));
      say(answer, delivery.error ?? (delivery.response_status === null ? "–" : String(delivery.response_status)));
      say(when, ago(delivery.last_attempt_at ?? delivery.created_at));
      again.hidden = delivery.state === "delivered";
    },
  };
}
