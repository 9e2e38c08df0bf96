/** One upload as its maker sees it: sent, encoded, playable, ready. */
import { failureParts, isSettled, watchPath, type Clip, type Progress } from "../api/clip";
import { fetchClip } from "../api/clips";
import { Problem, sentence } from "../api/problem";
import { followProgress } from "../api/progress";
import { giveUp } from "../api/tus";
import { progressBar } from "../page/bar";
import { element } from "../page/element";
import { bytes, percent } from "../page/format";
import { adviceOn } from "./advice";
import { forgetJob, keepJob, type Job } from "./jobs";
import { Pace } from "./pace";
import { drawRungs } from "./rungs";
import { upload } from "./upload";

type State = "waiting" | "sending" | "paused" | "checking" | "encoding" | "done" | "failed";

export interface TransferEvents {
  /** It takes no place among those that are sent any more. */
  onSent: (transfer: Transfer) => void;
  onGone: (transfer: Transfer) => void;
  onReady: () => void;
}

export class Transfer {
  readonly root: HTMLElement;
  readonly job: Job;
  #file: File | null;
  #events: TransferEvents;
  #stop = new AbortController();
  #bar = progressBar("Upload", "upload-progress");
  #encode = progressBar("Encoding", "encode-progress");
  #text = element("p", { class: "transfer-text", role: "status" });
  #rungs = element("ul", { class: "rungs", "aria-label": "Qualities" });
  #foot = element("div", { class: "transfer-foot" });
  #clip: Clip | null = null;

  /** Without a file it is what a reload has left: it waits until its file is chosen again. */
  constructor(job: Job, file: File | null, events: TransferEvents) {
    this.job = job;
    this.#file = file;
    this.#events = events;
    const bars = element("div", { class: "bars" }, this.#bar.root, this.#encode.root);
    this.root = element(
      "li",
      { class: "transfer", "data-testid": "transfer" },
      element("div", { class: "transfer-head" }, element("h3", {}, job.title), element("span", { class: "hint" }, `${job.name} · ${bytes(job.size)}`)),
      bars,
      this.#text,
      this.#rungs,
      this.#foot,
    );
    this.#bar.set(0);
    this.#encode.set(0);
    if (file) this.#become("waiting", "Waits for the others", this.#button("Cancel", () => void this.cancel()));
    else this.#become("paused", "Choose this file again, and it goes on where it stopped.", this.#button("Forget it", () => void this.cancel()));
  }

  get waiting(): boolean {
    return this.root.dataset["state"] === "waiting";
  }

  get sending(): boolean {
    return ["sending", "checking"].includes(this.root.dataset["state"] ?? "");
  }

  get needsFile(): boolean {
    return this.#file === null;
  }

  give(file: File): void {
    this.#file = file;
    this.#become("waiting", "Waits for the others", this.#button("Cancel", () => void this.cancel()));
  }

  start(): void {
    const file = this.#file;
    if (!file) return;
    const stop = (this.#stop = new AbortController());
    const pace = new Pace();
    keepJob(this.job);
    this.#become("sending", "Sending…", this.#button("Pause", () => this.#pause()), this.#button("Cancel", () => void this.cancel()));
    const onSent = (sent: number): void => {
      pace.add(sent, performance.now());
      this.#bar.set((100 * sent) / file.size);
      this.#say(pace.tell(sent, file.size));
    };
    const onChecking = (): void => {
      this.#bar.set(100);
      this.#become("checking", "Everything is there; looking at what it is…");
    };
    const onRetry = (problem: Problem, wait: number): void => this.#say(`${sentence(problem)} Next try in ${Math.ceil(wait / 1000)} s.`);
    upload(this.job, file, { onChanged: () => keepJob(this.job), onSent, onChecking, onRetry }, stop.signal).then(
      (clip) => this.#follow(clip),
      (error: unknown) => stop.signal.aborted || this.#fail(error),
    );
  }

  async cancel(): Promise<void> {
    this.#stop.abort();
    forgetJob(this.job);
    // What is left on the server is forgotten there after a day.
    if (this.job.location) await giveUp(this.job.location).catch(() => undefined);
    this.#events.onGone(this);
  }

  #pause(): void {
    this.#stop.abort();
    this.#become("paused", "Paused; what was sent is kept for a day.", this.#button("Go on", () => this.start(), "primary"), this.#button("Cancel", () => void this.cancel()));
    this.#events.onSent(this);
  }

  #follow(clip: string): void {
    forgetJob(this.job);
    this.#events.onSent(this);
    this.#bar.set(100);
    this.#become("encoding", "Waits for an encoder");
    this.#encode.set(null);
    void fetchClip(clip).then((known) => (this.#clip = known), () => undefined);
    followProgress(clip, (progress) => this.#tell(clip, progress));
  }

  #tell(clip: string, progress: Progress): void {
    drawRungs(this.#rungs, progress);
    if (progress.hls_processing_status === "failed") return this.#refuse(progress);
    if (isSettled(progress)) return void this.#finish(clip, progress);
    const waiting = progress.hls_processing_status === "pending" || progress.percent === null;
    this.#encode.set(waiting ? null : progress.percent);
    const done = waiting ? "Waits for an encoder" : `Encoding, ${percent(progress.percent ?? 0)}`;
    this.#say(progress.hls_available ? `${done}. It plays already.` : done);
    if (progress.hls_available && this.#clip && !this.#foot.children.length) this.#foot.replaceChildren(watchLink(this.#clip, "Watch it now", "watch-early-link"));
  }

  async #finish(clip: string, progress: Progress): Promise<void> {
    const ready = await fetchClip(clip).catch(() => this.#clip);
    this.#encode.set(100);
    const some = progress.hls_processing_status === "partial" ? " Some qualities could not be made." : "";
    const qualities = ready?.hls_qualities?.join(", ");
    this.#become("done", `Ready${qualities ? ` in ${qualities}` : ""}.${some}`, ...(ready ? [watchLink(ready, "Watch the clip", "watch-link")] : []));
    this.#events.onReady();
  }

  #refuse(progress: Progress): void {
    const { code, detail } = failureParts(progress.failure);
    this.#explain(code, detail, false);
    this.#events.onReady();
  }

  #fail(error: unknown): void {
    this.#events.onSent(this);
    const problem = error instanceof Problem ? error : new Problem(0, "unknown", sentence(error));
    this.#explain(problem.code, problem.message, true);
    if (!adviceOn(problem.code, problem.message).again) forgetJob(this.job);
  }

  #explain(code: string, detail: string, sendable: boolean): void {
    const advice = adviceOn(code, detail);
    const again = sendable && advice.again ? [this.#button("Try again", () => this.start(), "primary")] : [];
    this.#become("failed", "", ...again, this.#button("Remove", () => void this.cancel()));
    this.#text.replaceChildren(element("strong", {}, `${advice.title.replace(/\.$/, "")}. `), advice.todo);
    if (detail && detail !== advice.title) this.#text.append(element("small", {}, detail));
  }

  #become(state: State, text: string, ...foot: HTMLElement[]): void {
    this.root.dataset["state"] = state;
    this.#encode.root.hidden = !["encoding", "done"].includes(state);
    this.#bar.root.hidden = !this.#encode.root.hidden;
    this.#say(text);
    this.#foot.replaceChildren(...foot);
  }

  #say(text: string): void {
    this.#text.textContent = text;
  }

  #button(text: string, run: () => void, kind = ""): HTMLButtonElement {
    const node = element("button", { type: "button", class: `button small ${kind}` }, text);
    node.addEventListener("click", run);
    return node;
  }
}

function watchLink(clip: Clip, text: string, hook: string): HTMLAnchorElement {
  return element("a", { class: "button small primary", href: watchPath(clip), "data-testid": hook }, text);
}
