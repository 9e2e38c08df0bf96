/** Short messages over the picture: trouble, and what the viewer can do about it. */
import { element } from "../page/element";

export interface Notice {
  root: HTMLElement;
  say: (message: string, action?: { label: string; run: () => void } | undefined) => void;
  clear: () => void;
}

export function createNotice(): Notice {
  const root = element("div", { class: "stage-notice", role: "status", hidden: true, noautohide: true });
  const clear = (): void => {
    root.hidden = true;
    root.replaceChildren();
  };
  return {
    root,
    clear,
    say(message, action) {
      const button = action ? element("button", { type: "button", class: "button small" }, action.label) : null;
      button?.addEventListener("click", () => {
        clear();
        action!.run();
      });
      root.replaceChildren(element("span", {}, message), ...(button ? [button] : []));
      root.hidden = false;
    },
  };
}
