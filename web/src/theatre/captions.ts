/** The captions menu: every language that the clip has, and none. */
import type Hls from "hls.js";
import { RadioMenu } from "./menu";
import { readPreferences, remember } from "./preferences";

const OFF = "off";

interface Track {
  language: string;
  name: string;
}

/** Where the captions come from: hls.js, or the text tracks that a browser's own HLS makes. */
interface Source {
  tracks: () => Track[];
  show: (index: number) => void;
  shown: () => number;
}

export interface CaptionsControl {
  menu: RadioMenu;
  /** On in the language of last time, or off. Says what came of it, or null without captions. */
  toggle: () => string | null;
}

export function captionsControl(video: HTMLVideoElement, hls: Hls | null): CaptionsControl {
  const source = hls ? fromHls(hls) : fromElement(video);
  const choose = (value: string): void => {
    remember({ captions: value === OFF ? null : value });
    source.show(source.tracks().findIndex(({ language }) => language === value));
    draw();
  };
  const menu = new RadioMenu({ name: "Captions", hook: "captions", onChoose: choose });
  const draw = (): void => {
    const tracks = source.tracks();
    const shown = tracks[source.shown()];
    menu.root.hidden = tracks.length === 0;
    menu.show([...tracks.map(({ language, name }) => ({ value: language, label: name })), { value: OFF, label: "Off" }], shown?.language ?? OFF);
    menu.label("CC", shown ? `Captions: ${shown.name}` : "Captions: off");
    menu.root.classList.toggle("on", shown !== undefined);
  };
  const arrive = (): void => {
    const wanted = preferredTrack(source.tracks(), readPreferences().captions, navigator.languages);
    if (wanted >= 0) source.show(wanted);
    draw();
  };
  if (hls) {
    hls.on("hlsSubtitleTracksUpdated" as typeof Hls.Events.SUBTITLE_TRACKS_UPDATED, arrive);
    hls.on("hlsSubtitleTrackSwitch" as typeof Hls.Events.SUBTITLE_TRACK_SWITCH, draw);
  } else {
    video.textTracks.addEventListener("addtrack", arrive);
    video.textTracks.addEventListener("change", draw);
  }
  draw();
  return {
    menu,
    toggle: () => {
      const tracks = source.tracks();
      if (!tracks.length) return null;
      const off = source.shown() >= 0;
      const wanted = preferredTrack(tracks, "", navigator.languages);
      choose(off ? OFF : tracks[Math.max(0, wanted)]!.language);
      return off ? "Captions off" : tracks[Math.max(0, wanted)]!.name;
    },
  };
}

/**
 * Which track belongs to a remembered language: the same one, else one of the same tongue. None was wished for when
 * `kept` is null; an empty one stands for whatever the viewer reads best.
 */
export function preferredTrack(tracks: Track[], kept: string | null, languages: readonly string[]): number {
  if (kept === null) return -1;
  for (const wish of kept ? [kept] : languages) {
    const exact = tracks.findIndex(({ language }) => language.toLowerCase() === wish.toLowerCase());
    const tongue = exact >= 0 ? exact : tracks.findIndex(({ language }) => tongueOf(language) === tongueOf(wish));
    if (tongue >= 0) return tongue;
  }
  return -1;
}

function tongueOf(language: string): string {
  return language.split("-")[0]!.toLowerCase();
}

function fromHls(hls: Hls): Source {
  return {
    tracks: () => hls.subtitleTracks.map(({ lang, name }) => ({ language: lang ?? name, name })),
    shown: () => (hls.subtitleDisplay ? hls.subtitleTrack : -1),
    show: (index) => {
      hls.subtitleDisplay = index >= 0;
      hls.subtitleTrack = index;
    },
  };
}

function fromElement(video: HTMLVideoElement): Source {
  const captions = (): TextTrack[] => [...video.textTracks].filter(({ kind }) => kind === "captions" || kind === "subtitles");
  return {
    tracks: () => captions().map(({ language, label }) => ({ language, name: label || language })),
    shown: () => captions().findIndex(({ mode }) => mode === "showing"),
    show: (index) => captions().forEach((track, at) => (track.mode = at === index ? "showing" : "disabled")),
  };
}
