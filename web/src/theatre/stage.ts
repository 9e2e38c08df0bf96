/** The player's furniture: a video with media-chrome's controls, and the places for our own. */
import "media-chrome/dist/media-controller.js";
import "media-chrome/dist/media-control-bar.js";
import "media-chrome/dist/media-fullscreen-button.js";
import "media-chrome/dist/media-loading-indicator.js";
import "media-chrome/dist/media-mute-button.js";
import "media-chrome/dist/media-pip-button.js";
import "media-chrome/dist/media-play-button.js";
import "media-chrome/dist/media-preview-thumbnail.js";
import "media-chrome/dist/media-preview-time-display.js";
import "media-chrome/dist/media-seek-backward-button.js";
import "media-chrome/dist/media-seek-forward-button.js";
import "media-chrome/dist/media-time-display.js";
import "media-chrome/dist/media-time-range.js";
import "media-chrome/dist/media-volume-range.js";
import { titleOf, type Clip } from "../api/clip";
import { element, icon } from "../page/element";

export interface Stage {
  controller: HTMLElement;
  video: HTMLVideoElement;
  /** Stands in the control bar, before picture in picture. */
  menus: HTMLElement;
  pipButton: HTMLElement;
  theatreButton: HTMLButtonElement;
  helpButton: HTMLButtonElement;
}

export function buildStage(clip: Clip): Stage {
  const video = element("video", {
    slot: "media",
    playsinline: true,
    preload: "auto",
    // No poster image here while autoplay is tried: it would only flash. `poster` covers the refusal.
    poster: clip.poster_url,
    "aria-label": titleOf(clip),
  });
  addStoryboard(video, clip);
  const menus = element("span", { class: "menus" });
  const theatreButton = barButton("Theatre mode", "t", "M3 6h18v12H3z");
  theatreButton.classList.add("theatre-toggle");
  const pipButton = element("media-pip-button", { class: "roomy" });
  const helpButton = barButton("Keyboard shortcuts", "?", "M9.2 9a2.8 2.8 0 1 1 4 2.5c-.8.5-1.2 1-1.2 2", "M12 17v.1");
  helpButton.classList.add("help-toggle");
  const controller = element(
    "media-controller",
    { class: "player", nohotkeys: true, novolumepref: true, nomutedpref: true, nosubtitleslangpref: true, defaultstreamtype: "on-demand" },
    video,
    bigPlayButton(video),
    element("media-loading-indicator", { slot: "centered-chrome", noautohide: true }),
    element("div", { class: "shade" }),
    element("media-control-bar", { class: "seek" }, timeRange()),
    buttons(menus, pipButton, theatreButton, helpButton),
  );
  return { controller, video, menus, pipButton, theatreButton, helpButton };
}

/** Where to press, for as long as nothing has played yet. */
function bigPlayButton(video: HTMLVideoElement): HTMLElement {
  const button = element("media-play-button", { slot: "centered-chrome", class: "big-play" });
  video.addEventListener("play", () => button.remove(), { once: true });
  return button;
}

function timeRange(): HTMLElement {
  return element(
    "media-time-range",
    { "aria-label": "Seek" },
    element("media-preview-thumbnail", { slot: "preview" }),
    element("media-preview-time-display", { slot: "preview" }),
  );
}

function buttons(menus: HTMLElement, pipButton: HTMLElement, theatreButton: HTMLElement, helpButton: HTMLElement): HTMLElement {
  return element(
    "media-control-bar",
    { class: "buttons" },
    element("media-play-button"),
    element("media-seek-backward-button", { class: "roomy", seekoffset: 10 }),
    element("media-seek-forward-button", { class: "roomy", seekoffset: 10 }),
    element("media-mute-button"),
    element("media-volume-range", { class: "roomy", "aria-label": "Volume" }),
    element("media-time-display", { showduration: true, notoggle: true }),
    element("span", { class: "gap" }),
    menus,
    helpButton,
    pipButton,
    theatreButton,
    element("media-fullscreen-button"),
  );
}

function addStoryboard(video: HTMLVideoElement, clip: Clip): void {
  if (!clip.storyboard_url) return;
  video.append(element("track", { kind: "metadata", label: "thumbnails", default: true, src: clip.storyboard_url }));
}

function barButton(label: string, key: string, ...paths: string[]): HTMLButtonElement {
  return element("button", { type: "button", class: "bar-button", title: `${label} (${key})`, "aria-label": label }, icon(...paths));
}
