import { describe, expect, it } from "vitest";
import { duration, METRICS, metricOf, shown, TILES, COLUMNS, CHARTED } from "../src/insights/metrics";
import { addressOf, bounds, questionOf, readView } from "../src/insights/query";
import { eventsOf } from "../src/insights/session";

describe("a view of the insights", () => {
  it("is read back from its address as it was", () => {
    for (const address of ["/insights", "/insights?range=7d&country=DE&compare=no&by=device&sort=rebuffer_ratio", "/insights?from=2026-11-01T00%3A00%3A00.000Z&to=2026-11-02T00%3A00%3A00.000Z&clip=my-clip", "/insights?session=0190a3c0"]) {
      expect(addressOf(readView(address.replace(/^\/insights/, "")))).toBe(address);
    }
  });

  it("takes no nonsense from an address", () => {
    const view = readView("?range=for-ever&by=shoe-size&from=2026-11-02&to=2026-11-01&shoe=42");
    expect([view.range, view.by, view.filters]).toEqual(["24h", "clip", {}]);
  });

  it("asks for its time and what it is narrowed to", () => {
    const now = Date.parse("2026-11-28T12:00:00Z");
    const asked = questionOf(readView("?range=1h&device=phone"), now);
    expect(Object.fromEntries(asked)).toEqual({ from: "2026-11-28T11:00:00.000Z", to: "2026-11-28T12:00:00.000Z", device: "phone" });
    expect(bounds(readView("?from=2026-11-01T00:00Z&to=2026-11-02T00:00Z"), now).to).toBe(Date.parse("2026-11-02T00:00Z"));
  });
});

describe("numbers", () => {
  it("are shown in units that people read", () => {
    expect([shown(null, "percent"), shown(0, "percent"), shown(0.414, "percent"), shown(61.26, "percent")]).toEqual(["–", "0 %", "0.41 %", "61.3 %"]);
    expect([shown(640, "ms"), shown(1260, "ms"), shown(61_000, "ms"), duration(86_400_000)]).toEqual(["640 ms", "1.26 s", "1 min 1 s", "24 h 0 min"]);
    expect([shown(850, "kbps"), shown(3120, "kbps"), shown(1234, "count")]).toEqual(["850 kbit/s", "3.1 Mbit/s", "1,234"]);
    expect(duration(59_999_999)).toBe("16 h 39 min");
    expect(duration(119_700)).toBe("2 min 0 s");
  });

  it("all have a meaning, and a place in the glossary once", () => {
    for (const key of [...TILES, ...COLUMNS, ...CHARTED]) expect(metricOf(key).means, key).not.toBe("");
    expect(new Set(METRICS.map(({ key }) => key)).size).toBe(METRICS.length);
  });
});

describe("a session's events", () => {
  it("are told in order, in words", () => {
    const told = eventsOf({
      segments: [
        { state: "starting", start_ms: 0, end_ms: 600, duration_ms: 600 },
        { state: "playing", start_ms: 600, end_ms: 9000, duration_ms: 8400 },
        { state: "left", start_ms: 9000, end_ms: 9000, duration_ms: 0 },
      ],
      renditions: [
        { at_ms: 600, quality: "480p", bitrate_kbps: 1400 },
        { at_ms: 3000, quality: "720p", bitrate_kbps: 2900 },
      ],
      stalls: [{ start_ms: 5000, end_ms: 6400, duration_ms: 1400, background: false, after_seek: true }],
      errors: [{ at_ms: 4000, codes: ["fragLoadTimeOut"], fatal: false }],
      buffer_ms: [],
      bitrate_kbps: [],
      throughput_kbps: [],
    });
    expect(told.map(({ what, more }) => `${what}: ${more}`)).toEqual(["First picture: ", "Began in: 480p, 1.4 Mbit/s", "Quality changed: 480p → 720p, 2.9 Mbit/s", "Error: fragLoadTimeOut", "Stalled: 1.4 s, after a seek", "Left: "]);
  });
});
