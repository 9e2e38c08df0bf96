/** Reading and registering clips. */
import type { Clip, ClipPage } from "./clip";
import { authorization } from "./key";
import { Problem, problemFrom, unreachable } from "./problem";

export async function fetchClip(name: string, signal?: AbortSignal): Promise<Clip> {
  return request<Clip>(`/api/clips/${encodeURIComponent(name)}`, signal ? { signal } : {});
}

export async function fetchClips(limit: number, cursor: string | null): Promise<ClipPage> {
  const query = new URLSearchParams({ limit: String(limit) });
  if (cursor) query.set("cursor", cursor);
  return request<ClipPage>(`/api/clips?${query}`, {});
}

/** With the same `idempotencyKey` a repeated call answers with the clip of the first one. */
export async function registerClip(title: string, idempotencyKey: string): Promise<Clip> {
  return request<Clip>("/api/clips", {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": idempotencyKey },
    body: JSON.stringify({ title }),
  });
}

async function request<T>(url: string, init: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await fetch(url, { ...init, headers: { Accept: "application/json", ...init.headers, ...authorization() } });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw unreachable();
  }
  const body = await response.text();
  if (!response.ok) throw problemFrom(response.status, body);
  try {
    return JSON.parse(body) as T;
  } catch {
    throw new Problem(response.status, "not_json", "The server sent an answer that is not JSON.");
  }
}
