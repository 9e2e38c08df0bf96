/** How it was for half of the sessions, and for the unlucky ones. */
import type { Overview } from "../api/analytics";
import { element } from "../page/element";
import { section } from "../page/section";
import { cell, table } from "../page/table";
import { defined } from "./glossary";
import { metricOf, PERCENTILES, shown } from "./metrics";

export function percentiles(): { root: HTMLElement; set: (overview: Overview) => void } {
  const rows = table("Percentiles", ["Of sessions", "#Half", "#9 in 10", "#19 in 20", "#99 in 100", "#Sessions"]);
  const part = section("percentiles", "Percentiles", "So many sessions had at most this.", rows.root);
  return {
    root: part.root,
    set({ percentiles }) {
      const known = PERCENTILES.filter((key) => percentiles[key] && percentiles[key].p50 !== null);
      part.root.hidden = !known.length;
      rows.body.replaceChildren(
        ...known.map((key) => {
          const { p50, p90, p95, p99, n } = percentiles[key]!;
          const metric = metricOf(key);
          const unit = percentiles[key]!.unit ?? metric.unit;
          return element("tr", {}, element("th", { scope: "row" }, metric.means ? defined(metric) : metric.name), ...[p50, p90, p95, p99].map((value) => cell(shown(value, unit), "number")), cell(shown(n, "count"), "number"));
        }),
      );
    },
  };
}
