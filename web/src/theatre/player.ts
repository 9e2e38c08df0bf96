/** Puts a playable clip on the stage and keeps it playing. */
import type { Clip } from "../api/clip";
import type { Reading } from "../qoe/batch";
import { contextOf } from "../qoe/context";
import { reportPlayback } from "../qoe/report";
import type { Session } from "../qoe/session";
import { actionRow } from "./actions";
import { startAmbient } from "./ambient";
import { startPlaying } from "./autoplay";
import { captionsControl } from "./captions";
import { AUTO, Engine } from "./engine";
import { createFlash } from "./flash";
import { listenToGestures } from "./gestures";
import { helpDialog } from "./help";
import { listenToKeys, seekBy } from "./keyboard";
import { Loop } from "./loop";
import { announceMedia } from "./media-session";
import { createNotice, type Notice } from "./notice";
import { readPreferences, remember } from "./preferences";
import { qualityMenu } from "./quality";
import { Recovery } from "./recovery";
import { shareDialog } from "./share";
import { speedMenu } from "./speed";
import { buildStage, type Stage } from "./stage";
import { createStats, type Stats } from "./stats";

declare global {
  interface Window {
    clipperPlayer?: { hls: Engine["hls"]; video: HTMLVideoElement; session: Session };
  }
}

export interface Player {
  /** Brings in rungs that were not there at the start, without losing the place. */
  refresh: () => void;
}

interface Parts {
  stage: Stage;
  notice: Notice;
  loop: Loop;
  engine: Engine;
  session: Session;
  stats: Stats;
}

export interface House {
  /** Without it, the clip waits for its viewer. */
  autoplay: boolean;
  /** Where the buttons go that stand under the stage. */
  actions?: HTMLElement;
  toggleTheatre?: () => void;
}

export function openPlayer(place: HTMLElement, clip: Clip, house: House): Player {
  const stage = buildStage(clip);
  const notice = createNotice();
  stage.controller.append(notice.root);
  place.replaceChildren(stage.controller);
  keepVolume(stage.video);

  const url = clip.hls_url ?? `/api/video/${encodeURIComponent(clip.slug)}/master.m3u8`;
  const parts = connect(stage, notice, clip, url);
  furnish(parts, clip, house);
  const { engine, session } = parts;
  window.clipperPlayer = { hls: engine.hls, video: stage.video, session };
  if (!Engine.supported) {
    notice.say("This browser cannot play HLS video.");
    return { refresh: () => {} };
  }
  engine.load(url, startTime(location.search));
  if (house.autoplay) startPlaying(stage.video, notice);
  startAmbient(stage.video, place);
  return { refresh: () => engine.load(url, stage.video.currentTime) };
}

function connect(stage: Stage, notice: Notice, clip: Clip, url: string): Parts {
  const { video } = stage;
  const quality = qualityMenu();
  const speed = speedMenu(video);
  stage.menus.append(speed.root, quality.menu.root);
  const loop = new Loop(video);
  let drawQuality = (): void => {};
  let session: Session | undefined;
  let stats: Stats | undefined;
  const recovery = new Recovery(() => engine.load(url, video.currentTime), {
    onTrouble: (message, retry) => notice.say(message, retry && { label: "Try now", run: retry }),
    onRecovered: () => notice.clear(),
    onError: (code) => session?.error(code),
    onGivenUp: (code, message, retry) => {
      session?.fatal(code);
      notice.say(message, { label: "Try again", run: retry });
    },
  });
  const engine: Engine = new Engine(video, {
    onRungs: () => drawQuality(),
    onSwitched: (ms) => {
      session?.rendition(ms === null ? undefined : { switch_ms: ms });
      if (ms !== null) stats?.switched(ms);
    },
    onError: (data) => engine.hls && recovery.handle(engine.hls, data, video),
    onHealthy: () => recovery.healthy(),
  });
  drawQuality = quality.bind(engine);
  video.addEventListener("waiting", () => engine.hls && recovery.stalled(engine.hls));
  const ctx = contextOf(navigator, engine.name, __UI_VERSION__);
  const ownSeek = (): boolean => engine.nudging || loop.wrapping;
  const report = reportPlayback({ cid: clip.id, ctx, video, engine: () => readEngine(engine), ownSeek });
  session = report.session;
  stats = createStats(video, engine, () => report.session);
  return { stage, notice, loop, engine, session, stats };
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

/** Everything that can be done to what plays: by button, key, finger or headset. */
function furnish({ stage, loop, engine, stats }: Parts, clip: Clip, { actions, toggleTheatre = () => {} }: House): void {
  const { video, controller } = stage;
  const help = helpDialog();
  const sharing = shareDialog(clip, video);
  const flash = createFlash();
  const captions = captionsControl(video, engine.hls);
  document.body.append(help, sharing.dialog);
  controller.append(flash.root, stats.root);
  stage.menus.append(captions.menu.root);
  stage.helpButton.addEventListener("click", () => help.showModal());
  stage.theatreButton.addEventListener("click", toggleTheatre);
  const toggleFullscreen = (): void => {
    const wish = document.fullscreenElement ? "exit" : "enter";
    controller.dispatchEvent(new CustomEvent(`media${wish}fullscreenrequest`));
  };
  listenToKeys(
    {
      video,
      toggleFullscreen,
      toggleTheatre,
      toggleCaptions: captions.toggle,
      toggleStats: stats.toggle,
      togglePip: () => stage.pipButton.click(),
      toggleLoop: () => (loop.toggle() ? "Plays again" : "Plays once"),
      share: sharing.open,
      showHelp: () => help.showModal(),
    },
    flash.show,
  );
  listenToGestures({ controller, video, flash, seekBy: (seconds) => seekBy(video, seconds), toggleFullscreen });
  announceMedia(clip, (seconds) => seekBy(video, seconds));
  actions?.replaceChildren(actionRow(clip, { share: sharing.open, toggleStats: stats.toggle, loop }));
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
export function startTime(query: string): number {
  const t = new URLSearchParams(query).get("t") ?? "";
  const parts = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?$/.exec(t);
  if (!parts) return 0;
  return Number(parts[1] ?? 0) * 3600 + Number(parts[2] ?? 0) * 60 + Number(parts[3] ?? 0);
}
