import { describe, expect, it } from "vitest";
import type { Clip } from "../src/api/clip";
import { preferredTrack } from "../src/theatre/captions";
import { placeOf } from "../src/theatre/gestures";
import { shouldLoop } from "../src/theatre/loop";
import { startTime } from "../src/theatre/player";
import { embedCode, shareAddress } from "../src/theatre/share";
import { rate } from "../src/theatre/stats";
import { readPreferences, startingEstimate } from "../src/theatre/preferences";
import { rungName, rungsOf } from "../src/theatre/rungs";
import { stepSpeed } from "../src/theatre/speed";
import { embedAddress } from "../src/theatre/waiting";

const DAY = 24 * 3600 * 1000;
const stored = (value: unknown): Pick<Storage, "getItem"> => ({ getItem: () => (typeof value === "string" ? value : JSON.stringify(value)) });

describe("rung names", () => {
  it("come from the playlist's file name, in any case", () => {
    expect(rungName({ url: ["http://host/api/video/x/2k.m3u8?token=1"], width: 100, height: 100 })).toBe("2K");
    expect(rungName({ uri: "480P.m3u8", width: 320, height: 240 })).toBe("480p");
  });

  it("come from the short side in foreign presentations, so portrait is named like landscape", () => {
    expect(rungName({ url: ["v1/index.m3u8"], width: 1080, height: 1920 })).toBe("1080p");
    expect(rungName({ width: 3840, height: 2160 })).toBe("4K");
  });

  it("stand best first, each once", () => {
    const levels = [
      { uri: "480p.m3u8", height: 480, bitrate: 1 },
      { uri: "1080p.m3u8", height: 1080, bitrate: 5 },
      { uri: "b/1080p.m3u8", height: 1080, bitrate: 9 },
    ];
    expect(rungsOf(levels)).toEqual([
      { name: "1080p", level: 2 },
      { name: "480p", level: 0 },
    ]);
  });
});

describe("preferences", () => {
  it("survive what others may have stored", () => {
    expect(readPreferences(stored("not json"))).toMatchObject({ volume: 1, quality: "auto" });
    expect(readPreferences(stored({ volume: 7, quality: "720p" }))).toMatchObject({ volume: 1, quality: "720p", muted: false });
  });

  it("trust a throughput for a day", () => {
    const known = readPreferences(stored({ throughput: { bps: 8e6, at: DAY } }));
    expect(startingEstimate(known, 1.5 * DAY)).toBe(8e6);
    expect(startingEstimate(known, 2.5 * DAY)).toBe(3e6);
    expect(startingEstimate(known, 2.5 * DAY, 1.5)).toBe(1.5e6);
    expect(startingEstimate(readPreferences(stored({ throughput: { bps: 9e9, at: 0 } })), 1)).toBe(5e7);
  });
});

it("steps through the speeds from any rate", () => {
  expect(stepSpeed(1, 1)).toBe(1.25);
  expect(stepSpeed(1.1, -1)).toBe(1);
  expect(stepSpeed(2, 1)).toBe(2);
  expect(stepSpeed(0.25, -1)).toBe(0.25);
});

it("frames web addresses only, and tells Twitch who frames it", () => {
  expect(embedAddress("javascript:alert(1)", "here")).toBeNull();
  expect(embedAddress("nonsense", "here")).toBeNull();
  expect(embedAddress("https://clips.twitch.tv/embed?clip=X", "here")).toBe("https://clips.twitch.tv/embed?clip=X&parent=here");
  expect(embedAddress("https://nottwitch.tv/e", "here")).toBe("https://nottwitch.tv/e");
});

describe("captions", () => {
  const tracks = [
    { language: "en", name: "English" },
    { language: "pt-BR", name: "Português (BR)" },
  ];

  it("come back in the language of last time, or in its tongue", () => {
    expect(preferredTrack(tracks, "PT-br", [])).toBe(1);
    expect(preferredTrack(tracks, "pt", [])).toBe(1);
    expect(preferredTrack(tracks, "de", ["en"])).toBe(-1);
  });

  it("stay off when nobody asked for them, and follow the browser when somebody does", () => {
    expect(preferredTrack(tracks, null, ["en"])).toBe(-1);
    expect(preferredTrack(tracks, "", ["de", "pt-PT", "en"])).toBe(1);
  });
});

describe("sharing", () => {
  const clip = { id: "1", slug: "a b", title: 'Say "hi" & <wave>', width: 1080, height: 1920 } as Clip;

  it("names a moment only when there is one", () => {
    expect(shareAddress("https://h", clip, 0)).toBe("https://h/watch/a%20b");
    expect(shareAddress("https://h", clip, 83)).toBe("https://h/watch/a%20b?t=83");
  });

  it("makes a frame that no title can break out of, upright for upright clips", () => {
    expect(embedCode("https://h", clip, 0)).toContain('title="Say &quot;hi&quot; &amp; &lt;wave>" width="360" height="640"');
  });

  it("reads moments as people write them", () => {
    expect(startTime("?t=83")).toBe(83);
    expect(startTime("?t=1m23.5s")).toBe(83.5);
    expect(startTime("?t=1h2m")).toBe(3720);
    expect(startTime("?t=soon")).toBe(0);
  });
});

it("loops what is short, unless somebody said otherwise", () => {
  expect(shouldLoop(8, null)).toBe(true);
  expect(shouldLoop(60, null)).toBe(false);
  expect(shouldLoop(NaN, null)).toBe(false);
  expect(shouldLoop(8, false)).toBe(false);
  expect(shouldLoop(600, true)).toBe(true);
});

it("knows where a finger fell", () => {
  const box = { left: 100, width: 400 };
  expect([120, 300, 480].map((x) => placeOf(x, box))).toEqual(["left", "middle", "right"]);
});

it("tells bit rates in the unit that fits", () => {
  expect(rate(640_400)).toBe("640 kbit/s");
  expect(rate(12_160_000)).toBe("12.2 Mbit/s");
});
