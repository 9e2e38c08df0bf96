/** Follows an encode: server-sent events, and polling where those do not get through. */
import { isSettled, progressOf, type Progress } from "./clip";
import { fetchClip } from "./clips";
import { Problem } from "./problem";

const POLL_MS = 2000;
/** The browser reconnects by itself; after this many failures in a row it will not help to wait for it. */
const FAILURES_BEFORE_POLLING = 3;

/** Calls `onProgress` until the encode has settled or the returned function is called. */
export function followProgress(clip: string, onProgress: (progress: Progress) => void): () => void {
  const stop = new AbortController();
  const deliver = (progress: Progress): void => {
    if (stop.signal.aborted) return;
    if (isSettled(progress)) stop.abort();
    onProgress(progress);
  };
  if (typeof EventSource === "undefined") void poll(clip, deliver, stop.signal);
  else listen(clip, deliver, stop.signal);
  return () => stop.abort();
}

function listen(clip: string, deliver: (progress: Progress) => void, stop: AbortSignal): void {
  const source = new EventSource(`/api/clips/${encodeURIComponent(clip)}/progress`);
  let failures = 0;
  stop.addEventListener("abort", () => source.close());
  source.addEventListener("progress", (event) => {
    failures = 0;
    deliver(JSON.parse((event as MessageEvent<string>).data) as Progress);
  });
  source.addEventListener("error", () => {
    failures += 1;
    if (source.readyState !== EventSource.CLOSED && failures < FAILURES_BEFORE_POLLING) return;
    source.close();
    void poll(clip, deliver, stop);
  });
}

async function poll(clip: string, deliver: (progress: Progress) => void, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    try {
      deliver(progressOf(await fetchClip(clip, stop)));
    } catch (error) {
      if (stop.aborted) return;
      // A restarting server comes back; a clip that is gone does not.
      if (error instanceof Problem && !error.transient) return;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
