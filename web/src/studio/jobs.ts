/** Uploads that were begun, kept in this browser until they are complete, so that a reload costs nothing. */
import { uuidv7 } from "../uuid";

export interface Job {
  /** Names the upload to the server when a request is repeated. */
  key: string;
  /** Grows when an upload has to begin anew. */
  round: number;
  name: string;
  size: number;
  modified: number;
  title: string;
  visibility: "public" | "private";
  clip: string | null;
  location: string | null;
}

const STORAGE_NAME = "clipper.uploads";

export function newJob(file: Pick<File, "name" | "size" | "lastModified">, title: string, visibility: Job["visibility"]): Job {
  return { key: uuidv7(), round: 0, name: file.name, size: file.size, modified: file.lastModified, title, visibility, clip: null, location: null };
}

/** A page cannot reopen a file by itself; chosen again, it is known by these. */
export function isSameFile(job: Job, file: Pick<File, "name" | "size" | "lastModified">): boolean {
  return job.name === file.name && job.size === file.size && job.modified === file.lastModified;
}

export function readJobs(): Job[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(STORAGE_NAME) ?? "[]");
    return Array.isArray(kept) ? (kept as Job[]).filter((job) => typeof job?.key === "string" && typeof job.name === "string") : [];
  } catch {
    return [];
  }
}

export function keepJob(job: Job): void {
  write([...readJobs().filter(({ key }) => key !== job.key), job]);
}

export function forgetJob(job: Job): void {
  write(readJobs().filter(({ key }) => key !== job.key));
}

function write(jobs: Job[]): void {
  try {
    localStorage.setItem(STORAGE_NAME, JSON.stringify(jobs));
  } catch {
    // Without storage an upload does not survive a reload; it still survives everything else.
  }
}
