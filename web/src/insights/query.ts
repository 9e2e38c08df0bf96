/** What is looked at: a time, and what it is narrowed to. It is kept in the address, so that a view can be shared. */

export const DIMENSIONS = ["clip", "quality", "country", "device", "player", "os", "host"] as const;
export type Dimension = (typeof DIMENSIONS)[number];

export const DIMENSION_NAMES: Record<Dimension, string> = { clip: "Clip", quality: "Quality", country: "Country", device: "Device", player: "Player", os: "System", host: "Host" };

export const RANGES: [string, string, number][] = [
  ["1h", "Last hour", 3_600_000],
  ["3h", "Last 3 hours", 10_800_000],
  ["24h", "Last 24 hours", 86_400_000],
  ["7d", "Last 7 days", 604_800_000],
  ["30d", "Last 30 days", 2_592_000_000],
  ["90d", "Last 90 days", 7_776_000_000],
];
const USUAL = "24h";

export interface View {
  /** One of `RANGES`, or `custom` with both ends. */
  range: string;
  from: string;
  to: string;
  filters: Partial<Record<Dimension, string>>;
  compare: boolean;
  chart: string;
  by: Dimension;
  sort: string;
  session: string;
}

export function readView(search: string): View {
  const asked = new URLSearchParams(search);
  const [from, to] = [instant(asked.get("from")), instant(asked.get("to"))];
  const named = RANGES.some(([name]) => name === asked.get("range"));
  const filters: View["filters"] = {};
  for (const dimension of DIMENSIONS) {
    const value = asked.get(dimension);
    if (value) filters[dimension] = value;
  }
  const by = asked.get("by") as Dimension;
  return {
    range: from && to && from < to ? "custom" : named ? asked.get("range")! : USUAL,
    from,
    to,
    filters,
    compare: asked.get("compare") !== "no",
    chart: asked.get("chart") ?? "plays",
    by: DIMENSIONS.includes(by) ? by : "clip",
    sort: asked.get("sort") ?? "-plays",
    session: asked.get("session") ?? "",
  };
}

/** The address of a view; what is usual is left out. */
export function addressOf(view: View): string {
  const asked = new URLSearchParams();
  if (view.range === "custom") {
    asked.set("from", view.from);
    asked.set("to", view.to);
  } else if (view.range !== USUAL) asked.set("range", view.range);
  for (const [dimension, value] of Object.entries(view.filters)) if (value) asked.set(dimension, value);
  if (!view.compare) asked.set("compare", "no");
  if (view.chart !== "plays") asked.set("chart", view.chart);
  if (view.by !== "clip") asked.set("by", view.by);
  if (view.sort !== "-plays") asked.set("sort", view.sort);
  if (view.session) asked.set("session", view.session);
  const query = asked.toString();
  return query ? `/insights?${query}` : "/insights";
}

/** What the server is asked for a view: its time and its filters. */
export function questionOf(view: View, now: number): URLSearchParams {
  const asked = new URLSearchParams();
  const { from, to } = bounds(view, now);
  asked.set("from", new Date(from).toISOString());
  asked.set("to", new Date(to).toISOString());
  for (const [dimension, value] of Object.entries(view.filters)) if (value) asked.set(dimension, value);
  return asked;
}

export function bounds(view: View, now: number): { from: number; to: number } {
  if (view.range === "custom") return { from: Date.parse(view.from), to: Date.parse(view.to) };
  const length = RANGES.find(([name]) => name === view.range)?.[2] ?? 86_400_000;
  return { from: now - length, to: now };
}

/** A view whose end moves with the clock. */
export function isLive(view: View): boolean {
  return view.range !== "custom";
}

function instant(text: string | null): string {
  const at = Date.parse(text ?? "");
  return Number.isNaN(at) ? "" : new Date(at).toISOString();
}
