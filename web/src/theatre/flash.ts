/** A word in the middle of the picture: what a key or a tap has just done. */
import { element } from "../page/element";

export interface Flash {
  root: HTMLElement;
  /** `side` puts it where the finger was. */
  show: (text: string, side?: "left" | "right") => void;
}

export function createFlash(): Flash {
  // Of no use to those who do not see it: the controls themselves say what they are at.
  const root = element("div", { class: "flash", "aria-hidden": "true", noautohide: true });
  return {
    root,
    show: (text, side) => {
      const word = element("span", { "data-side": side ?? null }, text);
      word.addEventListener("animationend", () => word.remove());
      root.replaceChildren(word);
    },
  };
}
