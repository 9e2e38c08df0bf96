/** The two ways out of the page: an acknowledged request while it lives, a beacon when it goes. */
import type { Batch } from "./batch";
import type { Transport, Verdict } from "./outbox";

interface Answer {
  config?: { interval_s?: number };
}

/** `server` is the origin of a Clipper elsewhere; empty for the one that the page came from. */
export function reportsTransport(sid: string, server = ""): Transport {
  const url = `${server}/api/sessions/${sid}/reports`;
  return {
    async post(batch) {
      const response = await fetch(url, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(batch),
        keepalive: true,
      });
      const answer = response.status === 202 ? ((await response.json().catch(() => ({}))) as Answer) : {};
      return verdictOn(response.status, response.headers.get("Retry-After"), answer);
    },
    // text/plain needs no preflight; a beacon that would need one is lost although it returns true.
    beacon: (batch: Batch) => navigator.sendBeacon(url, new Blob([JSON.stringify(batch)], { type: "text/plain" })),
  };
}

export function verdictOn(status: number, retryAfter: string | null, answer: Answer): Verdict {
  if (status >= 200 && status < 300) {
    const seconds = answer.config?.interval_s;
    return seconds && seconds > 0 ? { kind: "accepted", intervalMs: seconds * 1000 } : { kind: "accepted" };
  }
  if (status === 410) return { kind: "stop" };
  if (status === 408 || status === 429 || status >= 500) {
    const seconds = Number(retryAfter);
    return retryAfter && seconds > 0 ? { kind: "later", afterMs: seconds * 1000 } : { kind: "later" };
  }
  return { kind: "refused" };
}
