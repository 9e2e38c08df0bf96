/** Resumable uploads (tus 1.0.0, https://tus.io/protocols/resumable-upload). */
import { Problem, problemFrom, unreachable } from "./problem";
import { whenArrived } from "./session";

const VERSION = { "Tus-Resumable": "1.0.0" };
/** What proxies between us and the server may have to keep at a time. */
const CHUNK = 64 * 1024 * 1024;

/** Begins the upload of a clip's source. With the same `idempotencyKey` a repeated call gives the same one. */
export async function createUpload(clip: string, file: File, idempotencyKey: string): Promise<string> {
  const metadata = { clip, filename: file.name };
  const response = await ask("/api/uploads", {
    method: "POST",
    headers: { ...VERSION, "Upload-Length": String(file.size), "Upload-Metadata": uploadMetadata(metadata), "Idempotency-Key": idempotencyKey },
  });
  const location = response.headers.get("Location");
  if (!location) throw new Problem(response.status, "no_location", "The server did not say where to send the file.");
  return location;
}

export function uploadMetadata(values: Record<string, string>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name} ${btoa(String.fromCharCode(...new TextEncoder().encode(value)))}`)
    .join(",");
}

/** How much of the file the server has. */
export async function offsetOf(location: string): Promise<number> {
  const response = await ask(location, { method: "HEAD", headers: VERSION });
  return Number(response.headers.get("Upload-Offset") ?? 0);
}

export async function giveUp(location: string): Promise<void> {
  await ask(location, { method: "DELETE", headers: VERSION });
}

/** Sends the next part and answers with the offset after it. XMLHttpRequest, because fetch cannot tell what was sent. */
export function sendPart(location: string, file: File, offset: number, onSent: (sent: number) => void, stop: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open("PATCH", location);
    xhr.setRequestHeader("Tus-Resumable", VERSION["Tus-Resumable"]);
    xhr.setRequestHeader("Content-Type", "application/offset+octet-stream");
    xhr.setRequestHeader("Upload-Offset", String(offset));
    xhr.upload.addEventListener("progress", (event) => onSent(offset + event.loaded));
    xhr.addEventListener("load", () => {
      if (xhr.status < 200 || xhr.status > 299) return reject(problemFrom(xhr.status, xhr.responseText));
      resolve(Number(xhr.getResponseHeader("Upload-Offset") ?? file.size));
    });
    xhr.addEventListener("error", () => reject(unreachable()));
    xhr.addEventListener("abort", () => reject(stop.reason));
    stop.addEventListener("abort", () => xhr.abort(), { once: true });
    xhr.send(file.slice(offset, offset + CHUNK));
  });
}

async function ask(url: string, init: RequestInit): Promise<Response> {
  await whenArrived();
  let response: Response;
  try {
    response = await fetch(url, init);
  } catch {
    throw unreachable();
  }
  if (!response.ok) throw problemFrom(response.status, await response.text());
  return response;
}
