/** The keyboard map: one table that both the keys and the help dialog are made from. */
import { stepSpeed } from "./speed";

export interface Playable {
  video: HTMLVideoElement;
  toggleFullscreen: () => void;
  toggleTheatre: () => void;
  /** What came of it, for the eye. */
  toggleCaptions: () => string | null;
  toggleStats: () => void;
  togglePip: () => void;
  toggleLoop: () => string;
  share: () => void;
  showHelp: () => void;
}

interface Binding {
  keys: string[];
  shown: string[];
  does: string;
  /** Returns what to flash over the picture, where it is not plain to see. */
  run: (player: Playable, key: string) => string | null | void;
}

export const BINDINGS: Binding[] = [
  { keys: [" ", "k"], shown: ["Space", "K"], does: "Play or pause", run: ({ video }) => playOrPause(video) },
  { keys: ["j"], shown: ["J"], does: "Back 10 seconds", run: ({ video }) => seekBy(video, -10) },
  { keys: ["l"], shown: ["L"], does: "Forward 10 seconds", run: ({ video }) => seekBy(video, 10) },
  { keys: ["ArrowLeft", "ArrowRight"], shown: ["←", "→"], does: "Back or forward 5 seconds", run: ({ video }, key) => seekBy(video, key === "ArrowLeft" ? -5 : 5) },
  { keys: ["ArrowUp", "ArrowDown"], shown: ["↑", "↓"], does: "Louder or quieter", run: ({ video }, key) => changeVolume(video, key === "ArrowUp" ? 0.05 : -0.05) },
  { keys: ["m"], shown: ["M"], does: "Mute", run: ({ video }) => ((video.muted = !video.muted) ? "Muted" : "Sound on") },
  { keys: [..."0123456789"], shown: ["0", "…", "9"], does: "Jump to a tenth of the clip", run: ({ video }, key) => seekToTenth(video, Number(key)) },
  { keys: ["<", ">"], shown: ["<", ">"], does: "Slower or faster", run: ({ video }, key) => `${(video.playbackRate = stepSpeed(video.playbackRate, key === ">" ? 1 : -1))}×` },
  { keys: ["c"], shown: ["C"], does: "Captions, where there are any", run: (player) => player.toggleCaptions() },
  { keys: ["r"], shown: ["R"], does: "Play again at the end, or stop there", run: (player) => player.toggleLoop() },
  { keys: ["t"], shown: ["T"], does: "Theatre or normal view", run: (player) => player.toggleTheatre() },
  { keys: ["p"], shown: ["P"], does: "Picture in picture", run: (player) => player.togglePip() },
  { keys: ["f"], shown: ["F"], does: "Full screen", run: (player) => player.toggleFullscreen() },
  { keys: ["s"], shown: ["S"], does: "Share", run: (player) => player.share() },
  { keys: ["i"], shown: ["I"], does: "Statistics", run: (player) => player.toggleStats() },
  { keys: ["?"], shown: ["?"], does: "This help", run: (player) => player.showHelp() },
];

export function listenToKeys(player: Playable, flash: (text: string) => void): void {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]") || keepsItsKeys(event)) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const binding = BINDINGS.find(({ keys }) => keys.includes(key));
    if (!binding) return;
    event.preventDefault();
    const told = binding.run(player, key);
    if (told) flash(told);
  });
}

/** Fields keep every key; buttons, links and sliders keep those that they live on. */
function keepsItsKeys(event: KeyboardEvent): boolean {
  const own = event.composedPath()[0] as HTMLElement;
  if (own.isContentEditable || own.matches?.("textarea, select, input:not([type=range])")) return true;
  const working = event.key === " " || event.key === "Enter";
  const path = event.composedPath().filter((node): node is Element => node instanceof Element);
  if (working) return path.some((node) => node.matches("a, button, [role=button], [role=menuitemradio]"));
  return event.key.startsWith("Arrow") && path.some((node) => node.matches("input[type=range], [role=slider], [role=menu]"));
}

function playOrPause(video: HTMLVideoElement): string {
  if (!video.paused) return (video.pause(), "Paused");
  void video.play();
  return "Play";
}

export function seekBy(video: HTMLVideoElement, seconds: number): string {
  const end = Number.isFinite(video.duration) ? video.duration : Infinity;
  video.currentTime = Math.min(end, Math.max(0, video.currentTime + seconds));
  return `${seconds < 0 ? "−" : "+"}${Math.abs(seconds)} s`;
}

function seekToTenth(video: HTMLVideoElement, tenth: number): void {
  if (Number.isFinite(video.duration)) video.currentTime = (video.duration * tenth) / 10;
}

function changeVolume(video: HTMLVideoElement, by: number): string {
  video.volume = Math.min(1, Math.max(0, Math.round((video.volume + by) * 100) / 100));
  if (by > 0) video.muted = false;
  return `Volume ${Math.round(video.volume * 100)} %`;
}
