/** A progress bar that screen readers hear and tests can read. */
import { element } from "./element";
import { percent } from "./format";

export interface Bar {
  root: HTMLElement;
  set: (value: number | null) => void;
}

/** `null` shows that something happens without knowing how far it is. */
export function progressBar(label: string, hook: string): Bar {
  const fill = element("i");
  const root = element("div", { class: "bar", role: "progressbar", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100, "data-testid": hook }, fill);
  return {
    root,
    set(value) {
      root.classList.toggle("unknown", value === null);
      fill.style.transform = `scaleX(${(value ?? 30) / 100})`;
      if (value === null) return root.removeAttribute("aria-valuenow");
      root.setAttribute("aria-valuenow", String(Math.round(value)));
      root.setAttribute("aria-valuetext", percent(value));
    },
  };
}
