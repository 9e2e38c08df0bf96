/** What can be done to a clip that there is: its details, captions, encoding it again, and deleting it. */
import { failureParts, titleOf, watchPath, type Captions, type Clip } from "../api/clip";
import { cancelEncoding, deleteClip, encodeAgain, fetchClip, putCaptions, removeCaptions, type Deleted } from "../api/clips";
import { sentence } from "../api/problem";
import { element } from "../page/element";
import { adviceOn } from "./advice";
import { detailsPart } from "./details";
import { posterPart } from "./poster";
import { deletePart } from "./trash";

const QUALITIES = ["480p", "720p", "1080p", "2k", "4k"];
const SHORT_SIDES: Record<string, number> = { "480p": 0, "720p": 720, "1080p": 1080, "2k": 1440, "4k": 2160 };

export function openManager(clip: Clip, onChanged: (clip: Clip) => void, onDeleted: (clip: Clip, deleted: Deleted) => void): void {
  let shown = clip;
  const place = element("div", { class: "manage-body" });
  const trouble = element("p", { class: "trouble", role: "alert" });
  const title = element("h2", { id: "manage-title" }, titleOf(clip));
  const close = element("form", { method: "dialog" }, element("button", { class: "button" }, "Done"));
  const dialog = element("dialog", { class: "manage", "aria-labelledby": "manage-title" }, title, trouble, place, close);
  const act = async (action: () => Promise<unknown>): Promise<void> => {
    trouble.textContent = "";
    try {
      await action();
      shown = await fetchClip(clip.id);
      draw();
      onChanged(shown);
    } catch (error) {
      trouble.textContent = sentence(error);
    }
  };
  const remove = async (): Promise<void> => {
    try {
      onDeleted(shown, await deleteClip(clip.id));
      dialog.close();
    } catch (error) {
      trouble.textContent = sentence(error);
    }
  };
  const draw = (): void => {
    title.textContent = titleOf(shown);
    const parts = [failurePart(shown), detailsPart(shown, act), posterPart(shown, act), captionsPart(shown, act), encodingPart(shown, act), deletePart(shown, () => void remove())];
    place.replaceChildren(...parts.filter((part) => part !== null));
  };
  draw();
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

type Act = (action: () => Promise<unknown>) => Promise<void>;

function failurePart(clip: Clip): HTMLElement | null {
  if (!clip.encoding?.failure) return null;
  const { code, detail } = failureParts(clip.encoding.failure);
  const advice = adviceOn(code, detail);
  return element("section", { class: "advice" }, element("h3", {}, advice.title), element("p", {}, advice.todo), element("small", {}, detail));
}

function captionsPart(clip: Clip, act: Act): HTMLElement {
  const rows = (clip.captions ?? []).map((captions) => captionsRow(clip, captions, act));
  const language = element("input", { id: "captions-language", placeholder: "en, pt-BR…", required: true, maxlength: 35, autocomplete: "off", size: 8 });
  const file = element("input", { id: "captions-file", type: "file", accept: ".srt,.vtt,text/vtt", required: true, "data-testid": "captions-file" });
  const form = element(
    "form",
    { class: "captions-form" },
    element("div", {}, element("label", { for: "captions-language" }, "Language"), language),
    element("div", {}, element("label", { for: "captions-file" }, "File (SubRip or WebVTT)"), file),
    element("button", { class: "button" }, "Add"),
  );
  // Most names of such files end with their language.
  file.addEventListener("change", () => (language.value ||= languageInName(file.files?.[0]?.name ?? "")));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const picked = file.files?.[0];
    if (picked) void act(() => putCaptions(clip.id, language.value.trim(), picked));
  });
  return element("section", {}, element("h3", {}, "Captions"), rows.length ? element("ul", { class: "captions-list" }, ...rows) : element("p", { class: "hint" }, "None yet."), form);
}

function captionsRow(clip: Clip, captions: Captions, act: Act): HTMLElement {
  const away = element("button", { type: "button", class: "button small", "aria-label": `Remove captions in ${captions.name}` }, "Remove");
  away.addEventListener("click", () => void act(() => removeCaptions(clip.id, captions.language)));
  return element("li", {}, element("a", { href: captions.url, download: `${clip.slug}.${captions.language}.vtt` }, captions.name), element("span", { class: "hint" }, `${captions.cues} cues`), away);
}

/** `talk.pt-BR.srt` is in Brazilian Portuguese. */
export function languageInName(name: string): string {
  return /[._-]([a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*)\.(?:srt|vtt)$/.exec(name)?.[1] ?? "";
}

function encodingPart(clip: Clip, act: Act): HTMLElement | null {
  const state = clip.encoding?.state ?? "";
  if (state === "awaiting_source") return null;
  if (["queued", "encoding", "retrying"].includes(state)) {
    const stop = element("button", { type: "button", class: "button" }, "Stop the encoding");
    stop.addEventListener("click", () => void act(() => cancelEncoding(clip.id)));
    return element("section", {}, element("h3", {}, "Encoding"), element("p", { class: "hint" }, "What plays goes on playing if it is stopped."), stop);
  }
  const boxes = QUALITIES.filter((quality) => fits(clip, quality)).map((quality) => {
    const id = `encode-${quality}`;
    const checked = (clip.hls_qualities ?? []).some((made) => made.toLowerCase() === quality);
    return element("label", { class: "check", for: id }, element("input", { type: "checkbox", id, value: quality, checked }), quality);
  });
  const again = element("button", { class: "button" }, "Encode again");
  const form = element("form", { class: "encode-form" }, element("div", { class: "checks", role: "group", "aria-label": "Qualities" }, ...boxes), again);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const chosen = [...form.querySelectorAll<HTMLInputElement>("input:checked")].map(({ value }) => value);
    void act(() => encodeAgain(clip.id, chosen));
  });
  return element(
    "section",
    {},
    element("h3", {}, "Encoding"),
    element("p", { class: "hint" }, "Makes the clip anew from its source. What plays now goes on playing until that is whole. "),
    form,
    element("p", { class: "hint" }, element("a", { href: watchPath(clip) }, "Watch the clip")),
  );
}

/** No rung is larger than its source. */
function fits(clip: Clip, quality: string): boolean {
  const side = Math.min(clip.width ?? 0, clip.height ?? 0);
  return side === 0 || side >= (SHORT_SIDES[quality] ?? 0);
}
