/** The dialog that hands a clip on: its address, at a moment if one likes, and the frame to embed it with. */
import { titleOf, watchPath, type Clip } from "../api/clip";
import { element } from "../page/element";
import { clock } from "../page/format";

export interface Share {
  dialog: HTMLDialogElement;
  open: () => void;
}

export function shareDialog(clip: Clip, video: HTMLVideoElement): Share {
  let at = 0;
  const link = field("share-link", "Address");
  const embed = field("share-embed", "To embed it in a page");
  const moment = element("input", { type: "checkbox", id: "share-moment" });
  const momentText = element("span");
  const draw = (): void => {
    const from = moment.checked ? at : 0;
    link.input.value = shareAddress(location.origin, clip, from);
    embed.input.value = embedCode(location.origin, clip, from);
    momentText.textContent = `Start at ${clock(at)}`;
  };
  moment.addEventListener("change", draw);
  const dialog = element(
    "dialog",
    { class: "sheet", "aria-labelledby": "share-title" },
    element("h2", { id: "share-title" }, "Share"),
    link.root,
    element("label", { class: "check", for: "share-moment" }, moment, momentText),
    clip.visibility === "private" ? element("p", { class: "hint" }, "This clip is private: others see it only with a playback token.") : null,
    embed.root,
    element("form", { method: "dialog" }, element("button", { class: "button" }, "Close")),
  );
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  return {
    dialog,
    open: () => {
      at = Math.floor(video.currentTime);
      moment.checked = at > 0 && video.paused;
      draw();
      dialog.showModal();
      link.input.select();
    },
  };
}

export function shareAddress(origin: string, clip: Clip, at: number): string {
  return `${origin}${watchPath(clip)}${at > 0 ? `?t=${at}` : ""}`;
}

export function embedCode(origin: string, clip: Clip, at: number): string {
  const src = `${origin}/embed/${encodeURIComponent(clip.slug || clip.id)}${at > 0 ? `?t=${at}` : ""}`;
  const title = titleOf(clip).replace(/&/g, "&amp;").replace(/"/g, "&quot;").replace(/</g, "&lt;");
  const upright = (clip.height ?? 0) > (clip.width ?? 0);
  const [width, height] = upright ? [360, 640] : [640, 360];
  return `<iframe src="${src}" title="${title}" width="${width}" height="${height}" allow="autoplay; fullscreen; picture-in-picture" allowfullscreen></iframe>`;
}

function field(id: string, label: string): { root: HTMLElement; input: HTMLInputElement } {
  const input = element("input", { id, type: "text", readonly: true, spellcheck: "false" });
  const copy = element("button", { type: "button", class: "button primary" }, "Copy");
  copy.addEventListener("click", () => {
    void copyText(input).then((done) => {
      copy.textContent = done ? "Copied" : "Press Ctrl+C";
      setTimeout(() => (copy.textContent = "Copy"), 2000);
    });
  });
  const root = element("div", { class: "field" }, element("label", { for: id }, label), element("div", { class: "inline" }, input, copy));
  return { root, input };
}

/** The clipboard is closed to pages without TLS; a selected field can be copied by hand. */
async function copyText(input: HTMLInputElement): Promise<boolean> {
  input.select();
  try {
    await navigator.clipboard.writeText(input.value);
    return true;
  } catch {
    return false;
  }
}
