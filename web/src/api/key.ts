/** Who is signed in: an API key, handed over once in the address and kept in this browser. */

const STORAGE_NAME = "clipper.key";

/** Takes `#key=…` out of the address, so that it is neither bookmarked nor shared with a link. */
export function adoptKeyFromAddress(): boolean {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const key = fragment.get("key");
  if (!key) return false;
  fragment.delete("key");
  const rest = fragment.toString();
  history.replaceState(history.state, "", location.pathname + location.search + (rest ? `#${rest}` : ""));
  storeKey(key);
  return true;
}

export function currentKey(): string | null {
  try {
    return localStorage.getItem(STORAGE_NAME);
  } catch {
    return null; // storage is switched off; the visitor is simply not signed in
  }
}

export function storeKey(key: string): void {
  localStorage.setItem(STORAGE_NAME, key.trim());
}

export function forgetKey(): void {
  localStorage.removeItem(STORAGE_NAME);
}

export function authorization(): Record<string, string> {
  const key = currentKey();
  return key ? { Authorization: `Bearer ${key}` } : {};
}
