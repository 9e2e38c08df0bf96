/** Carries a file to the server, however often the connection breaks or the page is closed on the way. */
import { registerClip, fetchClip } from "../api/clips";
import { Problem } from "../api/problem";
import { createUpload, offsetOf, sendPart } from "../api/tus";
import type { Job } from "./jobs";

export interface UploadEvents {
  /** The job knows more than before, and must be kept. */
  onChanged: () => void;
  onSent: (sent: number) => void;
  /** Everything is there; the server looks at what it is. */
  onChecking: () => void;
  /** A try failed and the next one comes in `waitMs`. */
  onRetry: (problem: Problem, waitMs: number) => void;
}

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 15_000;
/** About ten minutes of a server that does not come back. */
const ATTEMPTS = 45;

/** Answers with the clip's id once its source was taken. */
export async function upload(job: Job, file: File, events: UploadEvents, stop: AbortSignal): Promise<string> {
  let failures = 0;
  for (;;) {
    stop.throwIfAborted();
    try {
      const clip = await prepare(job, file, events);
      if (await deliver(job, file, events, stop, () => (failures = 0))) return clip;
    } catch (error) {
      if (!(error instanceof Problem) || !isWorthAnotherTry(error) || ++failures >= ATTEMPTS) throw error;
      const wait = backOff(failures - 1, Math.random());
      events.onRetry(error, wait);
      await pause(wait, stop);
    }
  }
}

/** Registers the clip and its upload, once; both calls answer the same when they are repeated. */
async function prepare(job: Job, file: File, events: UploadEvents): Promise<string> {
  if (!job.clip) {
    job.clip = (await registerClip({ title: job.title, visibility: job.visibility }, job.key)).id;
    events.onChanged();
  }
  if (!job.location) {
    job.location = await createUpload(job.clip, file, `${job.key}-${job.round}`);
    events.onChanged();
  }
  return job.clip;
}

/** False when the upload was forgotten by the server and has to begin anew. */
async function deliver(job: Job, file: File, events: UploadEvents, stop: AbortSignal, onProgress: () => void): Promise<boolean> {
  let offset: number;
  try {
    offset = await offsetOf(job.location!);
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 404) throw error;
    // It is gone because it is complete, and only the answer was lost; or because it was too old.
    if (await hasSource(job.clip!)) return true;
    job.location = null;
    job.round += 1;
    events.onChanged();
    return false;
  }
  do {
    events.onSent(offset);
    const onSent = (sent: number): void => (sent >= file.size ? events.onChecking() : events.onSent(sent));
    offset = await sendPart(job.location!, file, offset, onSent, stop);
    onProgress();
  } while (offset < file.size);
  return true;
}

async function hasSource(clip: string): Promise<boolean> {
  const { encoding, hls_processing_status } = await fetchClip(clip);
  return hls_processing_status !== "pending" || (encoding?.state ?? "awaiting_source") !== "awaiting_source";
}

function isWorthAnotherTry(problem: Problem): boolean {
  return problem.transient || problem.code === "upload_offset" || problem.code === "checksum_mismatch" || problem.code === "incomplete_upload";
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
