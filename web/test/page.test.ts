import { expect, it, vi } from "vitest";
import { failureText, isSettled, type Progress } from "../src/api/clip";
import { problemFrom } from "../src/api/problem";
import { ago, bytes, clock, initials, ownerName, percent } from "../src/page/format";
import { readStoryboard, tileAt } from "../src/page/storyboard";
import { uploadMetadata } from "../src/api/tus";
import { adviceOn } from "../src/studio/advice";
import { isSameFile, newJob } from "../src/studio/jobs";
import { languageInName } from "../src/studio/manage";
import { left, Pace } from "../src/studio/pace";
import { titleFromName } from "../src/studio/picker";
import { backOff } from "../src/studio/upload";

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

it("judges the pace by the last seconds, and anew after a step back", () => {
  const pace = new Pace();
  pace.add(0, 0);
  pace.add(1e6, 500);
  expect(pace.tell(1e6, 10e6)).toBe("1.0 MB of 10.0 MB");
  pace.add(4e6, 2000);
  expect(pace.tell(4e6, 12e6)).toBe("4.0 MB of 12.0 MB · 2.0 MB/s · 4 s left");
  pace.add(1e6, 2100);
  expect(pace.perSecond).toBeNull();
  expect([left(12.2), left(600), left(7200)]).toEqual(["13 s", "10 min", "2.0 h"]);
});

it("knows a file again that was chosen before a reload", () => {
  const file = { name: "a.mp4", size: 7, lastModified: 3 };
  expect(isSameFile(newJob(file, "A", "public"), file)).toBe(true);
  expect(isSameFile(newJob(file, "A", "public"), { ...file, size: 8 })).toBe(false);
});

it("says what to do about a file, and offers another try only where that can help", () => {
  expect(adviceOn("no_video_stream", "This is an MP3 file.")).toMatchObject({ again: false });
  expect(adviceOn("overloaded", "Busy.")).toMatchObject({ again: true });
  expect(adviceOn("never_heard_of", "Odd.")).toMatchObject({ title: "Odd.", again: true });
});

it("writes file names for the wire in any script", () => {
  expect(uploadMetadata({ clip: "x", filename: "é.mp4" })).toBe("clip eA==,filename w6kubXA0");
});

it("finds the language in a caption file's name", () => {
  expect(["talk.pt-BR.srt", "talk.en.vtt", "talk.srt", "talk"].map(languageInName)).toEqual(["pt-BR", "en", "", ""]);
});

it("reads storyboards, and leaves out what is none", () => {
  vi.stubGlobal("location", { href: "https://h/" });
  const vtt = "WEBVTT\n\n00:00:00.000 --> 00:00:02.000\ns-0.jpg#xywh=0,0,160,88\n\n00:01:02.000 --> 00:01:04.500\ns-0.jpg#xywh=160,0,160,88\n\nNOTE nothing\n\n00:00 --> 00:01\nwords";
  const tiles = readStoryboard(vtt, "/api/video/x/storyboard.vtt");
  expect(tiles).toHaveLength(2);
  expect(tiles[1]).toEqual({ start: 62, end: 64.5, sheet: "https://h/api/video/x/s-0.jpg", x: 160, y: 0, width: 160, height: 88 });
  expect([tileAt(tiles, 0), tileAt(tiles, 1), tileAt([], 0.5)]).toEqual([tiles[0], tiles[1], undefined]);
  vi.unstubAllGlobals();
});

it("knows when an encode has come to rest", () => {
  const at = (status: string): Progress => ({ hls_processing_status: status, state: null, percent: null, hls_available: true, failure: null }) as Progress;
  expect(["pending", "processing", "completed", "failed", "partial"].map((status) => isSettled(at(status)))).toEqual([false, false, true, true, true]);
});
