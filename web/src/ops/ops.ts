/** The operations page: what the server is doing, and the few things that one may have to do about it. */
import { element } from "../page/element";
import { gate } from "../page/gate";
import { openPage } from "../page/header";
import { poll, type Poll } from "../page/poll";
import { settle } from "../page/settle";
import { events } from "./events";
import { keys } from "./keys";
import { projections } from "./projections";
import { queue } from "./queue";
import { readinessStrip } from "./readiness";
import { storage } from "./storage";
import { webhooks } from "./webhooks";

const FAST_MS = 2000;
const SLOW_MS = 15_000;

const main = openPage();
let polls: Poll[] = [];

gate(main, {
  title: "Operations",
  invitation: "Sign in to operate this server",
  may: ({ scopes }) => scopes.includes("ops"),
  refusal: "Operating the server takes a key with the scope “ops”.",
  open,
  close: () => {
    polls.forEach((one) => one.stop());
    polls = [];
  },
});

function open(): void {
  const parts = { ready: readinessStrip(), models: projections(), queue: queue(), log: events(), storage: storage(), hooks: webhooks(), keys: keys() };
  const places: [HTMLElement, string][] = [
    [parts.models.root, "Read models"],
    [parts.queue.root, "Encoding"],
    [parts.storage.root, "Storage"],
    [parts.hooks.root, "Webhooks"],
    [parts.keys.root, "Keys"],
    [parts.log.root, "Events"],
  ];
  const links = places.map(([root, text]) => element("a", { class: "button quiet", href: `#${root.id}` }, text));
  main.replaceChildren(element("div", { class: "page-head" }, element("h1", {}, "Operations"), parts.ready.root), element("nav", { class: "places", "aria-label": "On this page" }, ...links), ...places.map(([root]) => root));
  parts.log.show();
  const arrived = settle(main, 2);
  polls = [
    poll(() => Promise.all([parts.ready.refresh(), parts.models.refresh(), parts.queue.refresh()]).finally(arrived), FAST_MS),
    poll(() => Promise.all([parts.storage.refresh(), parts.hooks.refresh(), parts.keys.refresh()]).finally(arrived), SLOW_MS),
  ];
}
