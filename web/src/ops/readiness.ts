/** Whether the server can do its work, part by part. */
import { fetchReadiness } from "../api/ops";
import { sentence } from "../api/problem";
import { element } from "../page/element";
import { say } from "../page/keyed";

const PARTS: Record<string, string> = { database: "Database", storage: "Media store", projections: "Read models", actors: "Background work" };

export interface ReadinessStrip {
  root: HTMLElement;
  refresh: () => Promise<void>;
}

export function readinessStrip(): ReadinessStrip {
  const verdict = element("strong", { "data-testid": "ready" }, "…");
  const list = element("ul", { class: "checks" });
  const root = element("section", { class: "readiness", "aria-label": "Readiness" }, element("p", { role: "status" }, verdict), list);
  let drawn = "";
  return {
    root,
    async refresh() {
      try {
        const { ready, checks } = await fetchReadiness();
        root.dataset["ready"] = String(ready);
        say(verdict, ready ? "All is well" : "Not ready");
        const now = JSON.stringify(checks);
        if (now === drawn) return;
        drawn = now;
        list.replaceChildren(...Object.entries(checks).map(([part, said]) => check(PARTS[part] ?? part, said)));
      } catch (error) {
        root.dataset["ready"] = "false";
        say(verdict, sentence(error));
      }
    },
  };
}

function check(part: string, said: string): HTMLElement {
  const good = said === "ok";
  return element("li", {}, element("span", { class: good ? "pill good" : "pill bad" }, good ? `${part}: good` : `${part}: ${said}`));
}
