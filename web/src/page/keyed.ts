/** Lists that are told anew every few seconds: what stays keeps its nodes, and with them focus and open menus. */

export interface Drawn<T> {
  root: HTMLElement;
  set: (item: T) => void;
}

export function keyed<T>(parent: HTMLElement, keyOf: (item: T) => string, make: (item: T) => Drawn<T>): (items: T[]) => void {
  let known = new Map<string, Drawn<T>>();
  return (items) => {
    const next = new Map<string, Drawn<T>>();
    for (const item of items) {
      const key = keyOf(item);
      const drawn = known.get(key) ?? make(item);
      drawn.set(item);
      next.set(key, drawn);
    }
    for (const [key, { root }] of known) if (!next.has(key)) root.remove();
    let at: Element | null = parent.firstElementChild;
    for (const { root } of next.values()) {
      if (root === at) at = at.nextElementSibling;
      else parent.insertBefore(root, at);
    }
    known = next;
  };
}

/** Sets text only where it changed, so that a selection in it survives. */
export function say(node: Element, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}
