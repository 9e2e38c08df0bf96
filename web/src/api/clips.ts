/** Reading and registering clips. */
import type { Captions, Clip, ClipPage } from "./clip";
import { whenArrived } from "./session";
import { Problem, problemFrom, unreachable } from "./problem";

export async function fetchClip(name: string, signal?: AbortSignal): Promise<Clip> {
  return request<Clip>(`/api/clips/${encodeURIComponent(name)}`, signal ? { signal } : {});
}

/** Empty values narrow nothing. */
export interface ClipQuery {
  q?: string;
  status?: string;
  sort?: string;
  owner?: string;
}

export async function fetchClips(query: ClipQuery, limit: number, cursor: string | null, signal?: AbortSignal): Promise<ClipPage> {
  const asked = new URLSearchParams({ limit: String(limit) });
  for (const [name, value] of Object.entries({ ...query, cursor })) if (value) asked.set(name, value);
  return request<ClipPage>(`/api/clips?${asked}`, signal ? { signal } : {});
}

/** With the same `idempotencyKey` a repeated call answers with the clip of the first one. */
export async function registerClip(clip: { title: string; visibility: string }, idempotencyKey: string): Promise<Clip> {
  return request<Clip>("/api/clips", {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": idempotencyKey },
    body: JSON.stringify(clip),
  });
}

export interface Changes {
  title?: string;
  description?: string | null;
  visibility?: string;
}

/** With a revision, only if nobody changed the clip since. */
export async function changeClip(clip: string, changes: Changes, revision: number | null): Promise<Clip> {
  const match: Record<string, string> = revision === null ? {} : { "If-Match": `"${revision}"` };
  return request<Clip>(`/api/clips/${encodeURIComponent(clip)}`, {
    method: "PATCH",
    headers: { "Content-Type": "application/json", ...match },
    body: JSON.stringify(changes),
  });
}

export interface Deleted {
  id: string;
  restore_until: string | null;
}

export async function deleteClip(clip: string): Promise<Deleted> {
  return request<Deleted>(`/api/clips/${encodeURIComponent(clip)}`, { method: "DELETE" });
}

export async function restoreClip(clip: string): Promise<Clip> {
  return request<Clip>(`/api/clips/${encodeURIComponent(clip)}/restore`, { method: "POST" });
}

/** A moment (`{"at": seconds}` as JSON) or a picture. */
export async function putPoster(clip: string, body: Blob | string, type: string): Promise<Clip> {
  return request<Clip>(`/api/clips/${encodeURIComponent(clip)}/poster`, { method: "PUT", headers: { "Content-Type": type }, body });
}

export async function resetPoster(clip: string): Promise<Clip> {
  return request<Clip>(`/api/clips/${encodeURIComponent(clip)}/poster`, { method: "DELETE" });
}

/** A new encoding beside the one that plays; without qualities, all that the source is good for. */
export async function encodeAgain(clip: string, qualities: string[]): Promise<Clip> {
  return request<Clip>(`/api/clips/${encodeURIComponent(clip)}/encodings`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(qualities.length ? { qualities } : {}),
  });
}

export async function cancelEncoding(clip: string): Promise<Clip> {
  return request<Clip>(`/api/clips/${encodeURIComponent(clip)}/encodings/current`, { method: "DELETE" });
}

/** SubRip or WebVTT; the server tells them apart. */
export async function putCaptions(clip: string, language: string, text: Blob): Promise<Captions> {
  return request<Captions>(`/api/clips/${encodeURIComponent(clip)}/captions/${encodeURIComponent(language)}`, { method: "PUT", body: text });
}

export async function removeCaptions(clip: string, language: string): Promise<void> {
  await ask(`/api/clips/${encodeURIComponent(clip)}/captions/${encodeURIComponent(language)}`, { method: "DELETE" });
}

export async function request<T>(url: string, init: RequestInit): Promise<T> {
  const { status, body } = await ask(url, init);
  try {
    return JSON.parse(body) as T;
  } catch {
    throw new Problem(status, "not_json", "The server sent an answer that is not JSON.");
  }
}

export async function ask(url: string, init: RequestInit): Promise<{ status: number; body: string }> {
  await whenArrived();
  let response: Response;
  try {
    response = await fetch(url, { ...init, headers: { Accept: "application/json", ...init.headers } });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw unreachable();
  }
  const body = await response.text();
  if (!response.ok) throw problemFrom(response.status, body);
  return { status: response.status, body };
}
