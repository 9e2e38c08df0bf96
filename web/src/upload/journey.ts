/** One file's way to a playable clip, as the viewer sees it: sent, encoded, ready. */
import { failureText, watchPath, type Clip, type Progress } from "../api/clip";
import { fetchClip } from "../api/clips";
import { sentence } from "../api/problem";
import { followProgress } from "../api/progress";
import { progressBar, type Bar } from "../page/bar";
import { element } from "../page/element";
import { bytes, percent } from "../page/format";
import { sendFile } from "./send";

export interface JourneyEvents {
  /** Offers the form again; `keep` when the same file should stay chosen. */
  onAgain: (keep: boolean) => void;
}

interface Step {
  root: HTMLElement;
  bar: Bar;
  say: (text: string) => void;
  state: (state: "idle" | "busy" | "done" | "failed") => void;
}

export function startJourney(place: HTMLElement, file: File, title: string, events: JourneyEvents): void {
  const upload = step("Upload", "upload-progress");
  const encode = step("Encode", "encode-progress");
  const foot = element("div", { class: "journey-foot" });
  const stop = new AbortController();
  place.replaceChildren(element("h2", {}, title), upload.root, encode.root, foot);
  foot.replaceChildren(button("Cancel", () => (stop.abort(), events.onAgain(true))));
  const leave = new AbortController();
  addEventListener("beforeunload", (event) => event.preventDefault(), { signal: leave.signal });
  upload.state("busy");
  upload.bar.set(0);
  encode.say("Starts when the file has arrived");
  send(file, title, upload, stop.signal)
    .then((clip) => follow(clip, encode, foot, events))
    .catch((error: unknown) => {
      if (stop.signal.aborted) return;
      upload.state("failed");
      upload.say(sentence(error));
      foot.replaceChildren(button("Try again", () => events.onAgain(true), "primary"));
    })
    .finally(() => leave.abort());
}

async function send(file: File, title: string, upload: Step, stop: AbortSignal): Promise<Clip> {
  const started = performance.now();
  const clip = await sendFile(
    file,
    title,
    {
      onRegistered: () => upload.say("Sending…"),
      onSent: (sent, total) => {
        upload.bar.set(total ? (100 * sent) / total : 100);
        upload.say(pace(sent, total, performance.now() - started));
      },
      onRetry: (problem, waitMs) => upload.say(`${problem.unreachable ? "The server does not answer." : problem.message} Next try in ${Math.ceil(waitMs / 1000)} s.`),
    },
    stop,
  );
  upload.state("done");
  upload.bar.set(100);
  upload.say(`${bytes(file.size)} sent`);
  return clip;
}

function follow(clip: Clip, encode: Step, foot: HTMLElement, events: JourneyEvents): void {
  encode.state("busy");
  encode.bar.set(null);
  encode.say("Waiting for an encoder");
  foot.replaceChildren();
  followProgress(clip.id, (progress) => {
    showEncoding(progress, encode);
    if (progress.hls_available && !foot.children.length) foot.replaceChildren(link(clip, "Watch while it encodes", "watch-early-link"));
    switch (progress.hls_processing_status) {
      case "completed":
      case "partial":
        return void finish(clip, encode, foot, events);
      case "failed":
        return foot.replaceChildren(button("Upload another file", () => events.onAgain(false), "primary"));
      case "pending":
      case "processing":
    }
  });
}

function showEncoding(progress: Progress, encode: Step): void {
  if (progress.hls_processing_status === "failed") {
    encode.state("failed");
    return encode.say(failureText(progress.failure));
  }
  const waiting = progress.hls_processing_status === "pending" || progress.percent === null;
  encode.bar.set(waiting ? null : progress.percent);
  if (!waiting) encode.say(percent(progress.percent ?? 0) + (progress.hls_available ? " · playable already" : ""));
}

async function finish(clip: Clip, encode: Step, foot: HTMLElement, events: JourneyEvents): Promise<void> {
  const ready = await fetchClip(clip.id).catch(() => clip);
  encode.state("done");
  encode.bar.set(100);
  const qualities = ready.hls_qualities?.join(", ");
  const made = qualities ? `Ready in ${qualities}` : "Ready";
  encode.say(ready.hls_processing_status === "partial" ? `${made}. Some qualities could not be made.` : made);
  const watch = link(ready, "Watch the clip", "watch-link");
  foot.replaceChildren(watch, button("Upload another", () => events.onAgain(false)));
  watch.focus();
}

function step(name: string, hook: string): Step {
  const bar = progressBar(name, hook);
  const text = element("span", { class: "step-text", role: "status" });
  const root = element("div", { class: "step", "data-state": "idle" }, element("div", { class: "step-head" }, element("strong", {}, name), text), bar.root);
  return {
    root,
    bar,
    say: (message) => (text.textContent = message),
    state: (state) => (root.dataset["state"] = state),
  };
}

function link(clip: Clip, text: string, hook: string): HTMLAnchorElement {
  return element("a", { class: "button primary", href: watchPath(clip), "data-testid": hook }, text);
}

function button(text: string, run: () => void, kind = ""): HTMLButtonElement {
  const node = element("button", { type: "button", class: `button ${kind}` }, text);
  node.addEventListener("click", run);
  return node;
}

/** `12 MB of 80 MB · 4 MB/s · 17 s left`; the first second is too short to judge by. */
export function pace(sent: number, total: number, elapsedMs: number): string {
  const done = `${bytes(sent)} of ${bytes(total)}`;
  if (elapsedMs < 1000 || sent === 0 || sent >= total) return done;
  const perSecond = (sent / elapsedMs) * 1000;
  return `${done} · ${bytes(perSecond)}/s · ${Math.ceil((total - sent) / perSecond)} s left`;
}
