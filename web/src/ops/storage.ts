/** What the media takes, by quality and by owner. */
import { fetchStorage, type Storage } from "../api/ops";
import { element } from "../page/element";
import { bytes, ownerName } from "../page/format";
import { say } from "../page/keyed";
import { section } from "../page/section";
import { cell, table } from "../page/table";

const count = new Intl.NumberFormat("en");
const OWNERS_SHOWN = 10;

export function storage(): { root: HTMLElement; refresh: () => Promise<void> } {
  const total = element("p", { class: "total", "data-testid": "storage-total" });
  const bar = element("div", { class: "stack", "aria-hidden": "true" });
  const qualities = table("Storage by quality", ["Quality", "#Clips", "#Takes", "#Share", "#A clip", "#A minute"]);
  const owners = table("Storage by owner", ["Owner", "#Clips", "#Takes"]);
  const part = section("storage", "Storage", "Segments by quality, and the sources that they were made from.", total, bar, qualities.root, element("details", { class: "values" }, element("summary", {}, "By owner"), owners.root));
  const draw = (answer: Storage): void => {
    say(total, bytes(answer.bytes));
    const share = (size: number): number => (answer.bytes ? (size / answer.bytes) * 100 : 0);
    bar.replaceChildren(
      ...answer.qualities.map((one, at) => {
        const piece = element("i", { class: `piece-${at % 6}` });
        piece.style.setProperty("width", `${share(one.bytes)}%`);
        return piece;
      }),
    );
    qualities.body.replaceChildren(
      ...answer.qualities.map((one, at) =>
        element(
          "tr",
          {},
          element("th", { scope: "row" }, element("i", { class: `swatch piece-${at % 6}`, "aria-hidden": "true" }), one.quality === "source" ? "Sources" : one.quality),
          cell(count.format(one.clips), "number"),
          cell(bytes(one.bytes), "number"),
          cell(`${share(one.bytes).toFixed(1)} %`, "number"),
          cell(one.bytes_per_clip === null ? "–" : bytes(one.bytes_per_clip), "number"),
          cell(one.bytes_per_minute === null ? "–" : bytes(one.bytes_per_minute), "number"),
        ),
      ),
    );
    owners.body.replaceChildren(...answer.owners.slice(0, OWNERS_SHOWN).map((one) => element("tr", {}, element("th", { scope: "row" }, one.owner_id ? ownerName(one.owner_id) : "Forgotten"), cell(count.format(one.clips), "number"), cell(bytes(one.bytes), "number"))));
  };
  return {
    root: part.root,
    async refresh() {
      try {
        draw(await fetchStorage());
        part.trouble(null);
      } catch (error) {
        part.trouble(error);
      }
    },
  };
}
