/** What every number means, on the page itself: names of metrics are links to here. */
import { element } from "../page/element";
import { METRICS, type Metric } from "./metrics";

export function defined(metric: Metric): HTMLElement {
  const link = element("a", { class: "term", href: `#define-${metric.key}`, title: metric.means }, metric.name);
  link.addEventListener("click", (event) => {
    const entry = document.getElementById(`define-${metric.key}`);
    if (!entry) return;
    event.preventDefault();
    entry.closest("details")!.open = true;
    entry.scrollIntoView({ block: "center" });
    entry.focus({ preventScroll: true });
  });
  return link;
}

export function glossary(): HTMLElement {
  const entries = METRICS.map(({ key, name, means, formula }) =>
    element("div", { id: `define-${key}`, tabindex: -1 }, element("dt", {}, name, " ", element("code", { class: "hint" }, key)), element("dd", {}, means, formula ? element("span", { class: "formula" }, formula) : null)),
  );
  return element(
    "details",
    { class: "panel glossary", id: "glossary" },
    element("summary", {}, element("h2", {}, "What the numbers mean")),
    element(
      "p",
      { class: "hint" },
      "A session counts when it began. Ratios are ratios of sums, so that long sessions weigh more than short ones; percentiles are of sessions, within 1 %. Robots are left out. Below 100 attempts a percentage is an anecdote, and is marked “few”.",
    ),
    element("dl", {}, ...entries),
  );
}
