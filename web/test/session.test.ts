import { beforeEach, describe, expect, it } from "vitest";
import type { QoeEvent } from "../src/qoe/batch";
import { Session } from "../src/qoe/session";

let time = 0;
let told: QoeEvent[] = [];
let session: Session;

beforeEach(() => {
  time = 1000;
  told = [];
  session = new Session("clip", {
    clock: { now: () => 1_700_000_000_000 + time, mono: () => time },
    read: () => ({ pt: time, x: { q: "720p" } }),
    emit: (event) => told.push(event),
  });
});

const states = (): (string | undefined)[] => told.filter((event) => event.e === "ps").map((event) => event.sta);

describe("a playback session", () => {
  it("says nothing of a page that was never asked to play", () => {
    session.seeking();
    session.waiting();
    session.pause();
    session.tick();
    session.quit();
    expect(told).toEqual([]);
  });

  it("tells the start delay once, with the first frame", () => {
    session.play();
    time = 1350;
    session.playing({ first_frame_ms: 900 });
    session.pause();
    session.play();
    session.playing({ first_frame_ms: 5000 });
    const delays = told.filter((event) => event.msd !== undefined);
    expect(delays).toHaveLength(1);
    expect(delays[0]).toMatchObject({ e: "ps", sta: "p", msd: 350, x: { q: "720p", first_frame_ms: 900 } });
  });

  it("leaves time paused before the first frame out of the start delay", () => {
    session.play();
    time = 1100;
    session.pause();
    time = 6100;
    session.play();
    time = 6300;
    session.playing();
    expect(states()).toEqual(["s", "a", "s", "p"]);
    expect(told.at(-1)?.msd).toBe(300);
  });

  it("counts a stall only after playing", () => {
    session.play();
    session.waiting();
    expect(states()).toEqual(["s"]);
    session.playing();
    session.waiting();
    session.playing();
    expect(states()).toEqual(["s", "p", "r", "p"]);
  });

  it("counts no stall inside a seek, and a seek closes a stall", () => {
    session.playing();
    session.waiting();
    session.seeking();
    session.waiting();
    session.playing();
    expect(states()).toEqual(["s", "p", "r", "k", "p"]);
  });

  it("ends a seek while paused in paused", () => {
    session.playing();
    session.pause();
    session.seeking();
    session.seekedWhilePaused();
    expect(states()).toEqual(["s", "p", "a", "k", "a"]);
  });

  it("tells a state once however often the element repeats itself", () => {
    session.play();
    session.play();
    session.playing();
    session.playing();
    session.pause();
    session.pause();
    expect(states()).toEqual(["s", "p", "a"]);
  });

  it("can be watched again after its end", () => {
    session.playing();
    session.ended();
    session.pause();
    session.seeking();
    session.playing();
    expect(states()).toEqual(["s", "p", "e", "k", "p"]);
  });

  it("is over after a fatal error, which comes with its code", () => {
    session.playing();
    session.fatal("manifestLoadError");
    session.playing();
    session.tick();
    session.error("later");
    expect(states()).toEqual(["s", "p", "f"]);
    expect(told.filter((event) => event.e === "e")).toMatchObject([{ ec: ["manifestLoadError"] }]);
  });

  it("goes on after the page comes back", () => {
    session.playing();
    session.quit();
    session.resume(true);
    session.play();
    expect(states()).toEqual(["s", "p", "q", "a", "p"]);
  });

  it("numbers its events without a gap and gives each its own id", () => {
    session.playing();
    session.rendition({ switch_ms: 120 });
    session.tick();
    expect(told.map((event) => event.sn)).toEqual([0, 1, 2, 3]);
    expect(told.map((event) => event.e)).toEqual(["ps", "ps", "bc", "t"]);
    expect(new Set(told.map((event) => event.id)).size).toBe(4);
    expect(told[2]?.x).toEqual({ q: "720p", switch_ms: 120 });
  });
});
