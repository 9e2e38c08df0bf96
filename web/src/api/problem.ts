/** What went wrong, in the words of the server where it has any (RFC 9457). */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, detail: string) {
    super(detail);
    this.name = "Problem";
    this.status = status;
    this.code = code;
  }

  /** No answer came at all: no network, or the server is restarting. */
  get unreachable(): boolean {
    return this.status === 0;
  }

  /** The same request may succeed later. */
  get transient(): boolean {
    return this.unreachable || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

export function unreachable(): Problem {
  return new Problem(0, "unreachable", "The server cannot be reached. Check the connection and try again.");
}

export function problemFrom(status: number, body: string): Problem {
  try {
    const told = JSON.parse(body) as { detail?: string; title?: string; error?: string; code?: string };
    const detail = told.detail ?? told.error ?? told.title;
    if (detail) return new Problem(status, told.code ?? "unknown", detail);
  } catch {
    // Not a problem document: a proxy answered, and its HTML helps nobody.
  }
  return new Problem(status, "unknown", `The server answered with an error (${status}).`);
}

export function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
