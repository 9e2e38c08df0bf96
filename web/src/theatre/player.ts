/** Puts a playable clip on the stage and keeps it playing. */
import type { Clip } from "../api/clip";
import type { Reading } from "../qoe/batch";
import { contextOf } from "../qoe/context";
import { reportPlayback } from "../qoe/report";
import type { Session } from "../qoe/session";
import { startAmbient } from "./ambient";
import { startPlaying } from "./autoplay";
import { AUTO, Engine } from "./engine";
import { helpDialog } from "./help";
import { listenToKeys } from "./keyboard";
import { createNotice, type Notice } from "./notice";
import { readPreferences, remember } from "./preferences";
import { qualityMenu } from "./quality";
import { Recovery } from "./recovery";
import { speedMenu } from "./speed";
import { buildStage, type Stage } from "./stage";

declare global {
  interface Window {
    clipperPlayer?: { hls: Engine["hls"]; video: HTMLVideoElement; session: Session };
  }
}

export interface Player {
  /** Brings in rungs that were not there at the start, without losing the place. */
  refresh: () => void;
}

export function openPlayer(place: HTMLElement, clip: Clip, toggleTheatre: () => void): Player {
  const stage = buildStage(clip);
  const notice = createNotice();
  stage.controller.append(notice.root);
  place.replaceChildren(stage.controller);
  keepVolume(stage.video);

  const url = clip.hls_url ?? `/api/video/${encodeURIComponent(clip.slug)}/master.m3u8`;
  const { engine, session } = connect(stage, notice, clip, url);
  furnish(stage, toggleTheatre);
  window.clipperPlayer = { hls: engine.hls, video: stage.video, session };
  if (!Engine.supported) {
    notice.say("This browser cannot play HLS video.");
    return { refresh: () => {} };
  }
  engine.load(url, startTime());
  startPlaying(stage.video, notice);
  startAmbient(stage.video, place);
  return { refresh: () => engine.load(url, stage.video.currentTime) };
}

function connect(stage: Stage, notice: Notice, clip: Clip, url: string): { engine: Engine; session: Session } {
  const { video } = stage;
  const quality = qualityMenu();
  const speed = speedMenu(video);
  stage.menus.append(speed.root, quality.menu.root);
  let drawQuality = (): void => {};
  let session: Session | undefined;
  const recovery = new Recovery(() => engine.load(url, video.currentTime), {
    onTrouble: (message, retry) => notice.say(message, { label: "Try now", run: retry }),
    onRecovered: () => notice.clear(),
    onError: (code) => session?.error(code),
    onGivenUp: (code, message, retry) => {
      session?.fatal(code);
      notice.say(message, { label: "Try again", run: retry });
    },
  });
  const engine: Engine = new Engine(video, clip.visibility === "private", {
    onRungs: () => drawQuality(),
    onSwitched: (ms) => session?.rendition(ms === null ? undefined : { switch_ms: ms }),
    onError: (data) => engine.hls && recovery.handle(engine.hls, data, video),
    onHealthy: () => recovery.healthy(),
  });
  drawQuality = quality.bind(engine);
  const ctx = contextOf(navigator, engine.name, __UI_VERSION__);
  session = reportPlayback({ cid: clip.id, ctx, video, engine: () => readEngine(engine), ownSeek: () => engine.nudging }).session;
  return { engine, session };
}

function readEngine(engine: Engine): Reading {
  const { hls, playing } = engine;
  const x: Record<string, unknown> = { auto: engine.choice === AUTO, mode: document.body.dataset["mode"] ?? "normal" };
  if (playing) x["q"] = playing;
  const reading: Reading = { x };
  if (!hls) return reading;
  const level = engine.rungs.find((rung) => rung.name === playing)?.level;
  const bitrate = level === undefined ? undefined : hls.levels[level]?.bitrate;
  if (bitrate) reading.br = { v: Math.round(bitrate / 1000) };
  if (hls.bandwidthEstimate > 0) reading.mtp = { "": Math.round(hls.bandwidthEstimate / 100_000) * 100 };
  return reading;
}

function furnish(stage: Stage, toggleTheatre: () => void): void {
  const { video, controller } = stage;
  const help = helpDialog();
  document.body.append(help);
  const showHelp = (): void => help.showModal();
  stage.helpButton.addEventListener("click", showHelp);
  stage.theatreButton.addEventListener("click", toggleTheatre);
  const toggleFullscreen = (): void => {
    const wish = document.fullscreenElement ? "exit" : "enter";
    controller.dispatchEvent(new CustomEvent(`media${wish}fullscreenrequest`));
  };
  listenToKeys({ video, toggleFullscreen, toggleTheatre, toggleCaptions: () => toggleCaptions(video), showHelp });
}

function toggleCaptions(video: HTMLVideoElement): void {
  const captions = [...video.textTracks].filter((track) => track.kind === "captions" || track.kind === "subtitles");
  const shown = captions.some((track) => track.mode === "showing");
  for (const [index, track] of captions.entries()) track.mode = !shown && index === 0 ? "showing" : "disabled";
}

function keepVolume(video: HTMLVideoElement): void {
  const { volume, muted } = readPreferences();
  video.volume = volume;
  video.muted = muted;
  video.addEventListener("volumechange", () => {
    // Muted only because autoplay had to be: not something the viewer chose.
    if (video.dataset["autoMuted"] === undefined) remember({ volume: video.volume, muted: video.muted });
  });
}

/** `?t=83` or `?t=1m23s` shares a moment. */
function startTime(): number {
  const t = new URLSearchParams(location.search).get("t") ?? "";
  const parts = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?$/.exec(t);
  if (!parts) return 0;
  return Number(parts[1] ?? 0) * 3600 + Number(parts[2] ?? 0) * 60 + Number(parts[3] ?? 0);
}
