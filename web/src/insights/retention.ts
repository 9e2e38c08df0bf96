/** How far people watch, and what they watch again, against the pictures of the clip. */
import { fetchRetention, type Retention } from "../api/analytics";
import { titleOf, watchPath, type Clip } from "../api/clip";
import { sentence } from "../api/problem";
import { element, vector } from "../page/element";
import { clock } from "../page/format";
import { section } from "../page/section";
import { readStoryboard, tileAt, type Tile } from "../page/storyboard";
import { cell, table } from "../page/table";

const TILES_SHOWN = 10;
const [WIDTH, HEIGHT] = [1000, 160];

export interface RetentionPart {
  root: HTMLElement;
  show: (clip: Clip, question: URLSearchParams) => Promise<void>;
  clear: () => void;
}

export function retention(): RetentionPart {
  const place = element("div", { class: "retention" });
  const part = section("retention", "How far people watch", "", place);
  part.root.hidden = true;
  return {
    root: part.root,
    clear: () => (part.root.hidden = true),
    async show(clip, question) {
      part.root.hidden = false;
      part.side.replaceChildren(element("a", { class: "button small", href: watchPath(clip) }, `Watch “${titleOf(clip)}”`));
      try {
        const [answer, tiles] = await Promise.all([fetchRetention(clip.id, question), loadTiles(clip)]);
        place.replaceChildren(...drawing(clip, answer, tiles));
        part.trouble(null);
      } catch (error) {
        place.replaceChildren();
        part.trouble(sentence(error));
      }
    },
  };
}

/** A courtesy, as in the library: without them the curve stands alone. */
async function loadTiles(clip: Clip): Promise<Tile[]> {
  if (!clip.storyboard_url) return [];
  try {
    const response = await fetch(clip.storyboard_url);
    return response.ok ? readStoryboard(await response.text(), clip.storyboard_url) : [];
  } catch {
    return [];
  }
}

interface Bucket {
  start: number;
  end: number;
  retention: number;
  heat: number;
}

function drawing(clip: Clip, { buckets: told, plays }: Retention, tiles: Tile[]): HTMLElement[] {
  const buckets = told.map(({ retention, heat, ...time }): Bucket => ({ ...time, retention: retention ?? 0, heat: heat ?? 0 }));
  if (!plays || !buckets.length) return [element("p", { class: "hint" }, "Nobody has played this clip in this time.")];
  const length = clip.duration ?? buckets.at(-1)!.end;
  const half = buckets.find(({ retention }) => retention < 0.5);
  const end = buckets.at(-1)!.retention;
  const said = `${plays} plays. ${half ? `Half had gone at ${clock(half.start)}.` : "More than half saw every part."} ${Math.round(end * 100)} % saw the end.`;
  const hot = buckets.reduce((best, one) => (one.heat > best.heat ? one : best));
  const scroll = element(
    "div",
    { class: "retention-scroll", role: "region", tabindex: 0, "aria-label": "Retention against the pictures of the clip" },
    element("div", { class: "retention-inner" }, tiles.length ? strip(tiles) : null, curve(buckets, said), heatmap(buckets), ticks(length)),
  );
  const rows = table("Retention", ["At", "#Saw it", "#Watched, of the most watched"]);
  rows.body.append(...buckets.map((one) => element("tr", {}, element("th", { scope: "row" }, clock(one.start)), cell(`${(one.retention * 100).toFixed(1)} %`, "number"), cell(`${Math.round(one.heat * 100)} %`, "number"))));
  return [
    element("p", {}, said, hot.heat > 0 ? ` Watched the most: ${clock(hot.start)}.` : ""),
    scroll,
    element("ul", { class: "legend" }, element("li", {}, element("i", { class: "of-retention", "aria-hidden": "true" }), "Saw this part"), element("li", {}, element("i", { class: "of-heat", "aria-hidden": "true" }), "How often it was watched, again and again")),
    element("details", { class: "values" }, element("summary", {}, "As a table"), rows.root),
  ];
}

/** Pictures of the clip, evenly along it. */
function strip(tiles: Tile[]): HTMLElement {
  const shown = Array.from({ length: TILES_SHOWN }, (_, at) => tileAt(tiles, (at + 0.5) / TILES_SHOWN)!);
  return element(
    "div",
    { class: "strip", "aria-hidden": "true" },
    ...shown.map(({ sheet, x, y, width, height }) => {
      const frame = vector("svg", { viewBox: `${x} ${y} ${width} ${height}`, preserveAspectRatio: "xMidYMid slice" }, vector("image", { href: sheet })) as unknown as HTMLElement;
      return frame;
    }),
  );
}

function curve(buckets: Bucket[], said: string): HTMLElement {
  const step = WIDTH / buckets.length;
  const points = buckets.flatMap(({ retention }, at) => [`${(at * step).toFixed(1)} ${(HEIGHT - retention * HEIGHT).toFixed(1)}`, `${((at + 1) * step).toFixed(1)} ${(HEIGHT - retention * HEIGHT).toFixed(1)}`]);
  const line = `M${points.join("L")}`;
  const graph = vector(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", class: "curve", role: "img", "aria-label": said },
    ...[0.25, 0.5, 0.75].map((share) => vector("path", { class: "grid-line", d: `M0 ${HEIGHT * share}H${WIDTH}`, "vector-effect": "non-scaling-stroke" })),
    vector("path", { class: "area", d: `${line}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}Z` }),
    vector("path", { class: "line", d: line, "vector-effect": "non-scaling-stroke" }),
  );
  return graph as unknown as HTMLElement;
}

function heatmap(buckets: Bucket[]): HTMLElement {
  const step = WIDTH / buckets.length;
  return vector(
    "svg",
    { viewBox: `0 0 ${WIDTH} 10`, preserveAspectRatio: "none", class: "heat", "aria-hidden": "true", "shape-rendering": "crispEdges" },
    ...buckets.map(({ heat }, at) => vector("rect", { x: at * step, y: 0, width: step, height: 10, "fill-opacity": Math.max(0.04, heat).toFixed(3) })),
  ) as unknown as HTMLElement;
}

function ticks(length: number): HTMLElement {
  return element("div", { class: "ticks", "aria-hidden": "true" }, ...[0, 0.25, 0.5, 0.75, 1].map((share) => element("span", {}, clock(length * share))));
}
