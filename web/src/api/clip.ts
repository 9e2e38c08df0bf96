/** A clip as the API tells it, and the few questions that every page asks of one. */

export type ProcessingStatus = "pending" | "processing" | "completed" | "failed" | "partial";

/** Servers have said this as a sentence and as an object; both are read. */
export type Failure = string | { code?: string | null; message?: string | null; detail?: string | null } | null;

export interface Encoding {
  state?: string | null;
  percent?: number | null;
  failure?: Failure;
  rungs?: Rung[] | null;
}

export interface Variant {
  quality: string;
  width: number;
  height: number;
  bitrate: number;
  file_size: number;
}

export interface Captions {
  language: string;
  name: string;
  url: string;
  cues: number;
}

export interface Clip {
  id: string;
  slug: string;
  title: string | null;
  description?: string | null;
  owner_id: string | null;
  visibility: string | null;
  embed_url: string | null;
  hls_available: boolean;
  hls_url: string | null;
  hls_qualities: string[] | null;
  hls_processing_status: ProcessingStatus;
  duration: number | null;
  width: number | null;
  height: number | null;
  poster_url: string | null;
  poster_chosen?: boolean | null;
  storyboard_url: string | null;
  views: number | null;
  variants: Variant[] | null;
  captions: Captions[] | null;
  encoding: Encoding | null;
  created_at: string | null;
  revision?: number | null;
}

export interface ClipPage {
  clips: Clip[];
  next_cursor: string | null;
}

/** What `GET /api/clips/{clip}/progress` sends. */
export interface Progress {
  hls_processing_status: ProcessingStatus;
  state: string | null;
  percent: number | null;
  hls_available: boolean;
  failure: Failure;
  /** How far each quality is; servers that do not tell leave it out. */
  rungs?: Rung[] | null;
}

export interface Rung {
  quality: string;
  percent: number | null;
  playable?: boolean | null;
}

export function progressOf(clip: Clip): Progress {
  return {
    hls_processing_status: clip.hls_processing_status,
    state: clip.encoding?.state ?? null,
    percent: clip.encoding?.percent ?? null,
    hls_available: clip.hls_available,
    failure: clip.encoding?.failure ?? null,
    rungs: clip.encoding?.rungs ?? null,
  };
}

/** Nothing more will happen to this encode by itself. */
export function isSettled(progress: Progress): boolean {
  const status = progress.hls_processing_status;
  return status === "completed" || status === "failed" || status === "partial";
}

export function failureText(failure: Failure | undefined): string {
  const fallback = "This clip could not be encoded.";
  if (!failure) return fallback;
  if (typeof failure === "string") return failure;
  return failure.message ?? failure.detail ?? failure.code ?? fallback;
}

export function failureParts(failure: Failure | undefined): { code: string; detail: string } {
  const code = failure && typeof failure === "object" ? (failure.code ?? "unknown") : "unknown";
  return { code, detail: failureText(failure) };
}

export function titleOf(clip: Clip): string {
  return clip.title?.trim() || "Untitled clip";
}

export function watchPath(clip: Clip): string {
  return `/watch/${encodeURIComponent(clip.slug || clip.id)}`;
}
