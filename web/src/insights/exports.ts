/** The rows behind the numbers, to take along. */
import { element } from "../page/element";

const FORMATS = [
  ["csv", "CSV"],
  ["ndjson", "NDJSON"],
  ["parquet", "Parquet"],
] as const;

export function exports(): { root: HTMLElement; set: (question: URLSearchParams) => void } {
  const links = FORMATS.map(([format, label]) => ({ format, link: element("a", { class: "button small", download: true }, label) }));
  return {
    root: element("div", { class: "buttons exports", role: "group", "aria-label": "Export the sessions" }, element("span", { class: "hint" }, "Export"), ...links.map(({ link }) => link)),
    set(question) {
      for (const { format, link } of links) {
        const asked = new URLSearchParams(question);
        asked.set("format", format);
        link.href = `/api/analytics/export?${asked}`;
      }
    },
  };
}
