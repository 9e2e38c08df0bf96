/** Carries a file to the server: one clip per file, however often the connection breaks. */
import type { Clip } from "../api/clip";
import { fetchClip, registerClip } from "../api/clips";
import { authorization } from "../api/key";
import { Problem, problemFrom, unreachable } from "../api/problem";
import { uuidv7 } from "../uuid";

export interface SendEvents {
  onRegistered: (clip: Clip) => void;
  onSent: (sent: number, total: number) => void;
  /** A try failed and the next one comes in `waitMs`. */
  onRetry: (problem: Problem, waitMs: number) => void;
}

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 15_000;
/** About ten minutes of a server that does not come back. */
const ATTEMPTS = 45;

export async function sendFile(file: File, title: string, events: SendEvents, stop: AbortSignal): Promise<Clip> {
  const key = uuidv7();
  const registered = await persistently(() => registerClip(title, key), events, stop);
  events.onRegistered(registered);
  return persistently((attempt) => deliver(registered, file, attempt, events, stop), events, stop);
}

async function deliver(clip: Clip, file: File, attempt: number, events: SendEvents, stop: AbortSignal): Promise<Clip> {
  // The answer to an earlier try may have been lost after the file had arrived.
  if (attempt > 0) {
    const known = await fetchClip(clip.id, stop);
    if (known.hls_processing_status !== "pending") return known;
  }
  try {
    return await putSource(clip, file, events, stop);
  } catch (error) {
    if (attempt > 0 && error instanceof Problem && error.status === 409) return fetchClip(clip.id, stop);
    throw error;
  }
}

/** XMLHttpRequest, because fetch cannot tell how much of a body has been sent. */
function putSource(clip: Clip, file: File, events: SendEvents, stop: AbortSignal): Promise<Clip> {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open("PUT", `/api/clips/${encodeURIComponent(clip.id)}/source?filename=${encodeURIComponent(file.name)}`);
    xhr.setRequestHeader("Content-Type", file.type || "application/octet-stream");
    for (const [name, value] of Object.entries(authorization())) xhr.setRequestHeader(name, value);
    xhr.upload.addEventListener("progress", (event) => events.onSent(event.loaded, file.size));
    xhr.addEventListener("load", () => {
      if (xhr.status < 200 || xhr.status > 299) return reject(problemFrom(xhr.status, xhr.responseText));
      events.onSent(file.size, file.size);
      resolve(JSON.parse(xhr.responseText) as Clip);
    });
    xhr.addEventListener("error", () => reject(unreachable()));
    xhr.addEventListener("abort", () => reject(stop.reason));
    stop.addEventListener("abort", () => xhr.abort(), { once: true });
    xhr.send(file);
  });
}

async function persistently<T>(action: (attempt: number) => Promise<T>, events: SendEvents, stop: AbortSignal): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    stop.throwIfAborted();
    try {
      return await action(attempt);
    } catch (error) {
      if (!(error instanceof Problem) || !error.transient || attempt + 1 >= ATTEMPTS) throw error;
      const wait = backOff(attempt, Math.random());
      events.onRetry(error, wait);
      await pause(wait, stop);
    }
  }
}

/** Doubling with jitter, so that many pages do not return to a restarting server at once. */
export function backOff(attempt: number, random: number): number {
  const ceiling = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt);
  return Math.round(ceiling * (0.5 + random / 2));
}

function pause(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    stop.addEventListener("abort", () => (clearTimeout(timer), reject(stop.reason)), { once: true });
  });
}
