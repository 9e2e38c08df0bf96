import { expect, it } from "vitest";
import { failureText, isSettled, type Progress } from "../src/api/clip";
import { problemFrom } from "../src/api/problem";
import { ago, bytes, clock, initials, ownerName, percent } from "../src/page/format";
import { pace } from "../src/upload/journey";
import { titleFromName } from "../src/upload/picker";
import { backOff } from "../src/upload/send";

it("writes times and sizes as people read them", () => {
  expect([clock(5), clock(65.4), clock(3725)]).toEqual(["0:05", "1:05", "1:02:05"]);
  expect([bytes(999), bytes(1_500_000), bytes(250e6)]).toEqual(["999 B", "1.5 MB", "250 MB"]);
  expect([percent(42.4), percent(140), percent(-1)]).toEqual(["42 %", "100 %", "0 %"]);
  expect(ago("2026-01-01T00:00:00Z", Date.parse("2026-01-01T03:00:00Z"))).toBe("3 hours ago");
  expect(ago("never")).toBe("");
});

it("names clips and owners briefly", () => {
  expect([initials("Rain on the harbour"), initials("42"), initials("…")]).toEqual(["RO", "4", "▶"]);
  expect([ownerName("ana"), ownerName("0190a000-0000-7000-8000-000000001001")]).toEqual(["ana", "0190a000"]);
  expect(titleFromName("my_best  clip.final.mp4")).toBe("My best clip.final");
});

it("reads a failure in each of its forms", () => {
  expect(failureText("no video")).toBe("no video");
  expect(failureText({ code: "no_video", message: "There is no video." })).toBe("There is no video.");
  expect(failureText({ code: "no_video" })).toBe("no_video");
  expect(failureText(null)).toMatch(/could not be encoded/);
});

it("shows the server's own words, and never a proxy's HTML", () => {
  const told = problemFrom(401, JSON.stringify({ title: "Unauthorized", detail: "The key is not known.", code: "unauthorized" }));
  expect([told.message, told.code, told.transient]).toEqual(["The key is not known.", "unauthorized", false]);
  const proxy = problemFrom(502, "<html>Bad gateway</html>");
  expect([proxy.message, proxy.transient]).toEqual(["The server answered with an error (502).", true]);
});

it("waits longer with each try, up to a limit, never less than half", () => {
  expect([backOff(0, 0), backOff(0, 1), backOff(3, 1), backOff(30, 1)]).toEqual([500, 1000, 8000, 15_000]);
});

it("judges the pace after a second", () => {
  expect(pace(1e6, 10e6, 500)).toBe("1.0 MB of 10.0 MB");
  expect(pace(4e6, 12e6, 2000)).toBe("4.0 MB of 12.0 MB · 2.0 MB/s · 4 s left");
});

it("knows when an encode has come to rest", () => {
  const at = (status: string): Progress => ({ hls_processing_status: status, state: null, percent: null, hls_available: true, failure: null }) as Progress;
  expect(["pending", "processing", "completed", "failed", "partial"].map((status) => isSettled(at(status)))).toEqual([false, false, true, true, true]);
});
