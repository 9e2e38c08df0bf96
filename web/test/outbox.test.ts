import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Batch, QoeEvent } from "../src/qoe/batch";
import { MAX_BATCH_BYTES, MAX_EVENTS_PER_BATCH, MAX_WAITING, Outbox, type Verdict } from "../src/qoe/outbox";
import { verdictOn } from "../src/qoe/transport";

let posted: Batch[];
let beaconed: Batch[];
let verdicts: (Verdict | Promise<Verdict> | Error)[];
let beaconWorks: boolean;
let intervals: number[];

beforeEach(() => {
  vi.useFakeTimers();
  [posted, beaconed, verdicts, intervals] = [[], [], [], []];
  beaconWorks = true;
});
afterEach(() => vi.useRealTimers());

function outbox(): Outbox {
  return new Outbox({
    sid: "s1",
    cid: "c1",
    ctx: { player: "test", ui: "0" },
    clock: { now: () => Date.now(), mono: () => Date.now() },
    random: () => 1,
    onInterval: (ms) => intervals.push(ms),
    transport: {
      post: async (batch) => {
        posted.push(structuredClone(batch));
        const verdict = verdicts.shift() ?? { kind: "accepted" };
        if (verdict instanceof Error) throw verdict;
        return verdict;
      },
      beacon: (batch) => {
        if (beaconWorks) beaconed.push(structuredClone(batch));
        return beaconWorks;
      },
    },
  });
}

function event(sn: number, padding = 0): QoeEvent {
  return { id: `id-${sn}`, ep: 0, sn, ts: 1, mono: 1, e: "t", ...(padding ? { x: { pad: "x".repeat(padding) } } : {}) };
}

const ids = (batch: Batch | undefined): string[] => batch?.events.map(({ id }) => id) ?? [];

describe("the outbox", () => {
  it("gathers events for a moment and sends them as one batch", async () => {
    const box = outbox();
    box.add(event(0));
    box.add(event(1));
    expect(posted).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(5000);
    expect(posted).toHaveLength(1);
    expect(posted[0]).toMatchObject({ schema: "qoe.batch.v1", sid: "s1", cid: "c1", batch: 0, sample: 1 });
    expect(ids(posted[0])).toEqual(["id-0", "id-1"]);
    expect(box.size).toBe(0);
  });

  it("sends a failed batch again under the same number and ids, later and later", async () => {
    const box = outbox();
    verdicts = [{ kind: "later" }, { kind: "later" }];
    box.add(event(0));
    await vi.advanceTimersByTimeAsync(4000);
    box.add(event(1));
    await vi.advanceTimersByTimeAsync(1999);
    expect(posted).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(posted).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(3999);
    expect(posted).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(posted.map(({ batch }) => batch)).toEqual([0, 0, 0]);
    expect(posted.map(ids)).toEqual([["id-0"], ["id-0"], ["id-0"]]);
    await vi.advanceTimersByTimeAsync(4000);
    expect(ids(posted[3])).toEqual(["id-1"]);
  });

  it("treats a lost connection like a busy server", async () => {
    const box = outbox();
    verdicts = [new TypeError("offline")];
    box.add(event(0));
    await vi.advanceTimersByTimeAsync(4000);
    expect(box.size).toBe(1);
    await vi.advanceTimersByTimeAsync(2000);
    expect(box.size).toBe(0);
  });

  it("waits as long as the server asks", async () => {
    const box = outbox();
    verdicts = [{ kind: "later", afterMs: 30_000 }];
    box.add(event(0));
    await vi.advanceTimersByTimeAsync(33_999);
    expect(posted).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(posted).toHaveLength(2);
  });

  it("stops for good when told to", async () => {
    const box = outbox();
    verdicts = [{ kind: "stop" }];
    box.add(event(0));
    await vi.advanceTimersByTimeAsync(4000);
    box.add(event(1));
    box.flushOnLeave();
    await vi.advanceTimersByTimeAsync(120_000);
    expect(posted).toHaveLength(1);
    expect(beaconed).toHaveLength(0);
    expect(box.stopped).toBe(true);
  });

  it("does not repeat what the server will never take", async () => {
    const box = outbox();
    verdicts = [{ kind: "refused" }];
    box.add(event(0));
    await vi.advanceTimersByTimeAsync(120_000);
    expect(posted).toHaveLength(1);
    expect(box.size).toBe(0);
  });

  it("keeps the newest when there is no server for long", () => {
    const box = outbox();
    for (let sn = 0; sn < MAX_WAITING + 50; sn++) box.add(event(sn));
    expect(box.size).toBe(MAX_WAITING);
    box.flushOnLeave();
    expect(ids(beaconed[0])[0]).toBe("id-50");
  });

  it("takes along on leaving what waits for its retry and what is new", async () => {
    const box = outbox();
    verdicts = [{ kind: "later" }];
    box.add(event(0));
    await vi.advanceTimersByTimeAsync(4000);
    box.add(event(1));
    box.flushOnLeave();
    expect(beaconed.map(ids)).toEqual([["id-0"], ["id-1"]]);
    expect(box.size).toBe(0);
  });

  it("leaves a request under way to finish by itself", async () => {
    const box = outbox();
    let answer: (verdict: Verdict) => void = () => {};
    verdicts = [new Promise<Verdict>((resolve) => (answer = resolve))];
    box.add(event(0));
    await vi.advanceTimersByTimeAsync(4000);
    box.add(event(1));
    box.flushOnLeave();
    expect(beaconed.map(ids)).toEqual([["id-1"]]);
    answer({ kind: "accepted" });
    await vi.advanceTimersByTimeAsync(0);
    expect(box.size).toBe(0);
  });

  it("keeps what the browser would not queue", () => {
    const box = outbox();
    beaconWorks = false;
    box.add(event(0));
    box.flushOnLeave();
    expect(box.size).toBe(1);
    beaconWorks = true;
    box.flushOnLeave();
    expect(beaconed.map(ids)).toEqual([["id-0"]]);
  });

  it("keeps a batch within what a beacon may carry", async () => {
    const box = outbox();
    for (let sn = 0; sn < 30; sn++) box.add(event(sn, 4000));
    box.flushOnLeave();
    expect(new TextEncoder().encode(JSON.stringify(beaconed[0])).length).toBeLessThanOrEqual(MAX_BATCH_BYTES);
    expect(box.size).toBe(30 - beaconed[0]!.events.length);
    for (let sn = 30; sn < 400; sn++) box.add(event(sn));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(box.size).toBe(0);
    expect(Math.max(...posted.map(({ events }) => events.length))).toBeLessThanOrEqual(MAX_EVENTS_PER_BATCH);
  });

  it("takes the reporting interval from the server", async () => {
    const box = outbox();
    verdicts = [{ kind: "accepted", intervalMs: 30_000 }];
    box.add(event(0));
    await vi.advanceTimersByTimeAsync(4000);
    expect(intervals).toEqual([30_000]);
  });
});

describe("a verdict", () => {
  it("follows from the status", () => {
    expect(verdictOn(202, null, { config: { interval_s: 30 } })).toEqual({ kind: "accepted", intervalMs: 30_000 });
    expect(verdictOn(204, null, {})).toEqual({ kind: "accepted" });
    expect(verdictOn(410, null, {})).toEqual({ kind: "stop" });
    expect(verdictOn(429, "7", {})).toEqual({ kind: "later", afterMs: 7000 });
    expect(verdictOn(503, null, {})).toEqual({ kind: "later" });
    expect(verdictOn(413, null, {})).toEqual({ kind: "refused" });
  });
});
