/** The player in a frame: the stage without the house. It starts when it is asked to. */
import { isSettled, progressOf, titleOf, watchPath, type Clip } from "../api/clip";
import { fetchClip } from "../api/clips";
import { Problem, sentence } from "../api/problem";
import { followProgress } from "../api/progress";
import { element } from "../page/element";
import { statePanel } from "../page/state";
import { openPlayer } from "./player";
import { showWaiting } from "./waiting";

const main = document.getElementById("main")!;
const name = decodeURIComponent(location.pathname.split("/")[2] ?? "");
void open();

async function open(): Promise<void> {
  const stage = element("section", { class: "stage", "aria-label": "Player" });
  main.replaceChildren(stage);
  try {
    const clip = await fetchClip(name);
    document.title = `${titleOf(clip)} · Clipper`;
    if (clip.hls_available) play(stage, clip);
    else wait(stage, clip);
  } catch (error) {
    const missing = error instanceof Problem && error.status === 404;
    main.replaceChildren(
      statePanel(missing ? "There is no such clip" : "The clip could not be opened", missing ? "It may have been deleted." : sentence(error), { label: "Try again", run: () => void open() }),
    );
  }
}

function play(stage: HTMLElement, clip: Clip): void {
  const autoplay = new URLSearchParams(location.search).get("autoplay") === "1";
  const player = openPlayer(stage, clip, { autoplay });
  const link = element("a", { href: watchPath(clip), target: "_blank", rel: "noopener" }, titleOf(clip));
  stage.querySelector(".player")!.append(element("div", { class: "embed-title" }, link));
  if (!isSettled(progressOf(clip))) followProgress(clip.id, (progress) => isSettled(progress) && player.refresh());
}

function wait(stage: HTMLElement, clip: Clip): void {
  const tell = showWaiting(stage, clip);
  tell(progressOf(clip));
  if (clip.hls_processing_status === "failed") return;
  const stop = followProgress(clip.id, (progress) => {
    tell(progress);
    if (!progress.hls_available) return;
    stop();
    void open();
  });
}
