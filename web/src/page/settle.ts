/** A page appears once what it shows first is there, so that nothing moves under the eyes of who reads it. */

/** What has not come by now is shown when it comes. */
const PATIENCE_MS = 1500;

/** Hides an element until what it answers with was called for each of so many parts. */
export function settle(root: HTMLElement, parts: number): () => void {
  const show = (): void => root.classList.remove("settling");
  let left = parts;
  root.classList.add("settling");
  setTimeout(show, PATIENCE_MS);
  return () => {
    left -= 1;
    if (left <= 0) show();
  };
}
