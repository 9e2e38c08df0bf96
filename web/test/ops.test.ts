import { afterEach, describe, expect, it, vi } from "vitest";
import type { LogEvent } from "../src/api/ops";
import { Backlog } from "../src/ops/backlog";
import { span } from "../src/ops/time";
import { flat } from "../src/ops/travel";

afterEach(() => vi.unstubAllGlobals());

/** A log of so many events whose first ones were forgotten. */
function serve(head: number, first = 1): string[] {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (url: string) => {
    asked.push(url);
    const query = new URL(url, "http://server").searchParams;
    const [after, limit] = [Number(query.get("after")), Number(query.get("limit"))];
    const lines = [];
    for (let position = Math.max(after + 1, first); position <= head && lines.length < limit; position++) {
      lines.push(JSON.stringify({ position, stream_id: `clip-${position % 500}`, event_type: position % 40 === 0 ? "VariantReady" : "SegmentsStored" } as LogEvent));
    }
    return new Response(lines.join("\n"));
  });
  return asked;
}

const positions = (events: LogEvent[]): number[] => events.map(({ position }) => position);

describe("reading a log backwards", () => {
  it("shows the newest first and each event once", async () => {
    serve(230);
    const backlog = new Backlog("clip", 230, { stream: "", type: "" });
    const seen: number[] = [];
    while (!backlog.atStart) seen.push(...positions(await backlog.older(new AbortController().signal)));
    expect(seen).toEqual(Array.from({ length: 230 }, (_, at) => 230 - at));
  });

  it("looks through large pages for what is rare, and not for ever at a time", async () => {
    const asked = serve(50_000);
    const backlog = new Backlog("clip", 50_000, { stream: "", type: "variantready" });
    const found = await backlog.older(new AbortController().signal);
    expect(positions(found).slice(0, 3)).toEqual([50_000, 49_960, 49_920]);
    expect(found.length).toBeGreaterThanOrEqual(50);
    expect(asked.length).toBe(2);
    const none = new Backlog("clip", 50_000, { stream: "nowhere", type: "" });
    expect(await none.older(new AbortController().signal)).toEqual([]);
    expect([none.looked, none.atStart]).toEqual([20_000, false]);
  }, 60_000);

  it("ends where retention has taken what was before", async () => {
    serve(1_000, 951);
    const backlog = new Backlog("playback", 1_000, { stream: "", type: "" });
    const found = await backlog.older(new AbortController().signal);
    expect(found.length).toBe(50);
    expect(backlog.atStart || (await backlog.older(new AbortController().signal)).length === 0).toBe(true);
  });
});

describe("a clip in time", () => {
  it("is compared value by value", () => {
    expect(flat({ title: "A", failure: null, qualities: ["480p", "720p"], variants: [{ quality: "480p" }] })).toEqual({ title: "A", qualities: "480p, 720p", "variants.0.quality": "480p" });
  });

  it("is told in the units of its age", () => {
    expect([span(12), span(125), span(7300), span(180_000)]).toEqual(["12 s", "2 min", "2 h 1 min", "2 d 2 h"]);
  });
});
