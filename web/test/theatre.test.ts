import { describe, expect, it } from "vitest";
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
