/** The watch page: finds its clip, waits until it can be played, and plays it. */
import { isSettled, progressOf, titleOf, type Clip } from "../api/clip";
import { fetchClip } from "../api/clips";
import { Problem, sentence } from "../api/problem";
import { followProgress } from "../api/progress";
import { element } from "../page/element";
import { openPage } from "../page/header";
import { statePanel } from "../page/state";
import { drawDetails, drawRelated } from "./details";
import { openPlayer } from "./player";
import { readPreferences, remember } from "./preferences";
import { showWaiting } from "./waiting";

const main = openPage();
const name = decodeURIComponent(location.pathname.split("/")[2] ?? "");
setMode(readPreferences().theatre);
void open();

async function open(): Promise<void> {
  const stage = element("section", { class: "stage", "aria-label": "Player" });
  const details = element("div", { class: "facts" });
  const actions = element("div");
  const about = element("section", { class: "details", "aria-label": "About this clip" }, details, actions);
  const related = element("section", { class: "related", "aria-labelledby": "related-title" });
  main.replaceChildren(stage, about, related);
  try {
    const clip = await fetchClip(name);
    document.title = `${titleOf(clip)} · Clipper`;
    drawDetails(details, clip);
    void drawRelated(related, clip);
    const parts = { stage, details, actions };
    if (clip.hls_available) play(parts, clip);
    else wait(parts, clip);
  } catch (error) {
    showProblem(error);
  }
}

interface Parts {
  stage: HTMLElement;
  details: HTMLElement;
  actions: HTMLElement;
}

function play({ stage, details, actions }: Parts, clip: Clip): void {
  const player = openPlayer(stage, clip, { autoplay: true, actions, toggleTheatre: () => setMode(document.body.dataset["mode"] !== "theatre") });
  if (isSettled(progressOf(clip))) return;
  // Playable before finished: the missing rungs are taken in once, when all are there.
  followProgress(clip.id, (progress) => {
    if (!isSettled(progress)) return;
    player.refresh();
    void fetchClip(clip.id).then((finished) => drawDetails(details, finished));
  });
}

function wait(parts: Parts, clip: Clip): void {
  const tell = showWaiting(parts.stage, clip);
  tell(progressOf(clip));
  if (clip.hls_processing_status === "failed") return;
  const stop = followProgress(clip.id, (progress) => {
    tell(progress);
    if (!progress.hls_available) return;
    stop();
    fetchClip(clip.id).then((ready) => {
      drawDetails(parts.details, ready);
      play(parts, ready);
    }, showProblem);
  });
}

function showProblem(error: unknown): void {
  const missing = error instanceof Problem && error.status === 404;
  document.title = missing ? "Clip not found · Clipper" : "Clipper";
  const panel = missing
    ? statePanel("There is no such clip", "It may have been deleted, or the address has a typo.", { label: "To the library", href: "/" })
    : statePanel("The clip could not be opened", sentence(error), { label: "Try again", run: () => void open() });
  main.replaceChildren(panel);
}

function setMode(theatre: boolean): void {
  document.body.dataset["mode"] = theatre ? "theatre" : "normal";
  remember({ theatre });
}
