/** Choosing a file: by click, by keyboard or by dropping it anywhere on the page. */
import { element, icon } from "../page/element";
import { bytes } from "../page/format";

export interface Picker {
  root: HTMLElement;
  file: () => File | null;
  clear: () => void;
}

export function filePicker(onPick: (file: File) => void): Picker {
  let picked: File | null = null;
  const input = element("input", { type: "file", id: "file", accept: "video/*,.mkv,.ts,.mov,.avi,.webm", class: "visually-hidden", "data-testid": "file-input" });
  const title = element("strong");
  const hint = element("span", { class: "hint" });
  const root = element("label", { class: "drop", for: "file" }, input, icon("M12 16V4", "M7 9l5-5 5 5", "M4 16v4h16v-4"), title, hint);
  const draw = (): void => {
    root.classList.toggle("picked", picked !== null);
    title.textContent = picked ? picked.name : "Choose a video or drop it here";
    hint.textContent = picked ? `${bytes(picked.size)} · choose another` : "Any format that a camera, phone or recorder makes";
  };
  const pick = (file: File | undefined): void => {
    if (!file) return;
    picked = file;
    draw();
    onPick(file);
  };
  input.addEventListener("change", () => pick(input.files?.[0]));
  acceptDrops(root, pick);
  draw();
  return {
    root,
    file: () => picked,
    clear: () => {
      picked = null;
      input.value = "";
      draw();
    },
  };
}

function acceptDrops(target: HTMLElement, pick: (file: File | undefined) => void): void {
  // The whole page takes the file: a near miss must not make the browser open it instead.
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    target.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget === null && target.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    target.classList.remove("over");
    if (target.isConnected && !target.closest("[hidden]")) pick(event.dataTransfer?.files[0]);
  });
}

/** A first title from the file's name, as a person would have typed it. */
export function titleFromName(name: string): string {
  const words = name.replace(/\.[^.]{1,5}$/, "").replace(/[_\s]+/g, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
