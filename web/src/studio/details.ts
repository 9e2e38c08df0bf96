/** What is told of a clip, and who may watch it. */
import { type Clip } from "../api/clip";
import { changeClip } from "../api/clips";
import { element } from "../page/element";

type Act = (action: () => Promise<unknown>) => Promise<void>;

export function detailsPart(clip: Clip, act: Act): HTMLElement {
  const title = element("input", { id: "details-title", required: true, maxlength: 300, autocomplete: "off" });
  const description = element("textarea", { id: "details-description", rows: 3, maxlength: 5000 });
  const visibility = element(
    "select",
    { id: "details-visibility" },
    element("option", { value: "public" }, "Public: everyone may watch it"),
    element("option", { value: "private" }, "Private: only you, and who has a link with a token"),
  );
  title.value = clip.title ?? "";
  description.value = clip.description ?? "";
  visibility.value = clip.visibility === "private" ? "private" : "public";
  const form = element(
    "form",
    { class: "details-form", "data-testid": "details" },
    field("Title", title),
    field("Description", description),
    field("Visibility", visibility),
    element("button", { class: "button" }, "Save"),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const changed = { title: title.value.trim(), description: description.value.trim() || null, visibility: visibility.value };
    // Whoever edits in two windows is told, instead of undoing there what was done here.
    void act(() => changeClip(clip.id, changed, clip.revision ?? null));
  });
  return element("section", {}, element("h3", {}, "Details"), form);
}

function field(name: string, control: HTMLElement): HTMLElement {
  return element("div", { class: "field" }, element("label", { for: control.id }, name), control);
}
