/** Choosing files: by click, by keyboard or by dropping them anywhere on the page. */
import { element, icon } from "../page/element";

export interface Picker {
  root: HTMLElement;
  allow: (allowed: boolean) => void;
}

export function filePicker(onPick: (files: File[]) => void): Picker {
  const input = element("input", { type: "file", id: "files", multiple: true, accept: "video/*,.mkv,.ts,.mov,.avi,.webm", class: "visually-hidden", "data-testid": "file-input" });
  const root = element(
    "label",
    { class: "drop", for: "files" },
    input,
    icon("M12 16V4", "M7 9l5-5 5 5", "M4 16v4h16v-4"),
    element("strong", {}, "Choose videos, or drop them anywhere here"),
    element("span", { class: "hint" }, "As many as you like, in any format that a camera, phone or recorder makes"),
  );
  const pick = (files: Iterable<File> | null | undefined): void => {
    const picked = [...(files ?? [])];
    if (picked.length && !input.disabled) onPick(picked);
  };
  input.addEventListener("change", () => {
    pick(input.files);
    // The same file again would be no change.
    input.value = "";
  });
  acceptDrops(root, pick);
  return {
    root,
    allow: (allowed) => {
      input.disabled = !allowed;
      root.classList.toggle("locked", !allowed);
    },
  };
}

function acceptDrops(target: HTMLElement, pick: (files: FileList | undefined) => void): void {
  // The whole page takes files: a near miss must not make the browser open one instead.
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    target.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget === null && target.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    target.classList.remove("over");
    pick(event.dataTransfer?.files);
  });
}

/** A first title from the file's name, as a person would have typed it. */
export function titleFromName(name: string): string {
  const words = name.replace(/\.[^.]{1,5}$/, "").replace(/[_\s]+/g, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
