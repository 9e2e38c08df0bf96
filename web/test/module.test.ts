import type Hls from "hls.js";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type * as written from "../player/clipper-qoe";
import type { QoeEvent } from "../src/qoe/batch";
import * as made from "../src/qoe/module";

// What is written out for other pages is what is made, and hls.js is what it says it needs.
const library: typeof written = made;
const fits = (hls: Hls): written.HlsLike => hls;

class Video extends EventTarget {
  currentTime = 0;
  paused = true;
  seeking = false;
  ended = false;
  playbackRate = 1;
  videoWidth = 1280;
  videoHeight = 720;
  buffered = { length: 0 };
  getBoundingClientRect = () => ({ width: 640, height: 360 });
}

class Player {
  static version = "1.7.4";
  media = new Video() as unknown as HTMLMediaElement;
  levels = [{ url: ["https://example.org/480p.m3u8"], height: 480, bitrate: 1_400_000 }];
  currentLevel = 0;
  autoLevelEnabled = true;
  bandwidthEstimate = 8_000_000;
  heard = new Map<string, (event: string, data: { details?: string; fatal?: boolean }) => void>();
  on(event: string, listener: (event: string, data: object) => void): void {
    this.heard.set(event, listener);
  }
  off(event: string): void {
    this.heard.delete(event);
  }
  tell(event: string, data = {}): void {
    this.heard.get(event)?.(event, data);
  }
}

let sent: { url: string; events: QoeEvent[]; ctx: Record<string, string> }[];
const told = (): QoeEvent[] => sent.flatMap(({ events }) => events);
const states = (): (string | undefined)[] => told().filter(({ e }) => e === "ps").map(({ sta }) => sta);

beforeEach(() => {
  vi.useFakeTimers();
  sent = [];
  const page = new EventTarget();
  const beacon = (url: string, { parts }: { parts: string[] }): boolean => {
    sent.push({ url, ...JSON.parse(parts[0]!) });
    return true;
  };
  class Parts {
    parts: string[];
    constructor(parts: string[]) {
      this.parts = parts;
    }
  }
  vi.stubGlobal("Blob", Parts);
  vi.stubGlobal("fetch", async (url: string, { body }: { body: string }) => {
    sent.push({ url, ...JSON.parse(body) });
    return { status: 202, headers: new Headers(), json: async () => ({}) };
  });
  vi.stubGlobal("document", Object.assign(new EventTarget(), { visibilityState: "visible" }));
  vi.stubGlobal("devicePixelRatio", 2);
  vi.stubGlobal("navigator", { userAgent: "Chrome/142", sendBeacon: beacon });
  vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
  vi.stubGlobal("removeEventListener", page.removeEventListener.bind(page));
  vi.stubGlobal("leave", () => page.dispatchEvent(new Event("pagehide")));
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const leave = (): void => (globalThis as unknown as { leave: () => void }).leave();

describe("the library for other players", () => {
  it("tells what hls.js plays to the server that it was told of", () => {
    const player = new Player();
    const reporter = library.reportHls(player, { clip: "my-clip", server: "https://clips.example", more: () => ({ mode: "wall" }) });
    player.media.dispatchEvent(new Event("play"));
    player.media.dispatchEvent(new Event("playing"));
    player.tell("hlsLevelSwitched");
    leave();
    expect(sent[0]?.url).toBe(`https://clips.example/api/sessions/${reporter.session}/reports`);
    expect(sent[0]?.ctx["player"]).toBe("hls.js/1.7.4");
    expect(states()).toEqual(["s", "p", "q"]);
    const change = told().find(({ e }) => e === "bc");
    expect(change?.br).toEqual({ v: 1400 });
    expect(change?.x).toMatchObject({ q: "480p", auto: true, mode: "wall" });
  });

  it("has failed when nothing works for long, or when the viewer leaves meanwhile", async () => {
    for (const wait of [31_000, 0]) {
      sent = [];
      const player = new Player();
      library.reportHls(player, { clip: "c", server: "" });
      player.media.dispatchEvent(new Event("play"));
      player.tell("hlsError", { fatal: true, details: "manifestLoadError" });
      await vi.advanceTimersByTimeAsync(wait);
      leave();
      expect(states()).toEqual(["s", "f"]);
      expect(told().some(({ ec }) => ec?.[0] === "manifestLoadError")).toBe(true);
    }
  });

  it("has not failed when media comes again", async () => {
    const player = new Player();
    library.reportHls(player, { clip: "c", server: "" });
    player.media.dispatchEvent(new Event("play"));
    player.tell("hlsError", { fatal: true, details: "fragLoadError" });
    player.tell("hlsFragBuffered");
    await vi.advanceTimersByTimeAsync(31_000);
    leave();
    expect(states()).toEqual(["s", "q"]);
  });

  it("is silent after it was stopped", () => {
    const player = new Player();
    const reporter = library.reportHls(player, { clip: "c", server: "" });
    player.media.dispatchEvent(new Event("play"));
    reporter.stop();
    const before = told().length;
    player.media.dispatchEvent(new Event("playing"));
    leave();
    expect(told().length).toBe(before);
    expect([...player.heard.keys()]).toEqual([]);
    expect(fits).toBeTypeOf("function");
  });
});
