/**
 * Who is signed in.
 *
 * The API key is handed in once and stays in a cookie that no script can read; what is kept here is only whether there
 * is one and what it may do, so that the pages need not wait for an answer to draw themselves.
 */
import { Problem, problemFrom, unreachable } from "./problem";

const STORAGE_NAME = "clipper.signed-in";

export interface Person {
  user: string | null;
  scopes: string[];
}

/** Settles when a key that came in the address has been handed in; every request waits for it. */
let arriving: Promise<void> = Promise.resolve();

export function whenArrived(): Promise<void> {
  return arriving;
}

/** Takes `#key=…` out of the address, so that it is neither bookmarked nor shared with a link, and signs in with it. */
export function adoptKeyFromAddress(): boolean {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const key = fragment.get("key");
  if (!key) return false;
  fragment.delete("key");
  const rest = fragment.toString();
  history.replaceState(history.state, "", location.pathname + location.search + (rest ? `#${rest}` : ""));
  note("yes");
  // A key that is not known any more makes a visitor, not a broken page.
  arriving = handIn(key).catch(() => note(null));
  return true;
}

export function isSignedIn(): boolean {
  try {
    return localStorage.getItem(STORAGE_NAME) !== null;
  } catch {
    return false; // storage is switched off; what the pages show then is a visitor's
  }
}

/** What the key may do, once the server has said so; nothing that a page decides by it is a secret. */
export function knownScopes(): string[] | null {
  try {
    const noted = localStorage.getItem(STORAGE_NAME);
    return noted?.startsWith("may:") ? noted.slice(4).split(" ") : null;
  } catch {
    return null;
  }
}

export async function signIn(key: string): Promise<void> {
  await handIn(key);
  note("yes");
  // Where one can go now; the sign-in itself has worked without.
  await whoAmI().catch(() => null);
}

export async function signOut(): Promise<void> {
  note(null);
  await fetch("/api/session", { method: "DELETE" }).catch(() => undefined);
}

/** Null for visitors, also for those who were signed in with a key that was withdrawn. */
export async function whoAmI(): Promise<Person | null> {
  await arriving;
  const response = await fetch("/api/session", { headers: { Accept: "application/json" } });
  if (response.ok) {
    const person = (await response.json()) as Person;
    note(`may:${person.scopes.join(" ")}`);
    return person;
  }
  if (response.status === 401) note(null);
  return null;
}

async function handIn(key: string): Promise<void> {
  let response: Response;
  try {
    response = await fetch("/api/session", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ key: key.trim() }) });
  } catch {
    throw unreachable();
  }
  if (response.ok) return;
  const problem = problemFrom(response.status, await response.text());
  throw response.status === 401 ? new Problem(401, problem.code, "This key is not known. Was it copied whole?") : problem;
}

function note(signedIn: string | null): void {
  try {
    if (signedIn) localStorage.setItem(STORAGE_NAME, signedIn);
    else localStorage.removeItem(STORAGE_NAME);
  } catch {
    // As above.
  }
}
