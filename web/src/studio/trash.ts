/** Deleting a clip, and taking that back. */
import { titleOf, type Clip } from "../api/clip";
import { restoreClip, type Deleted } from "../api/clips";
import { sentence } from "../api/problem";
import { element } from "../page/element";

/** Asks once more in the same place: a window over a window is one too many. */
export function deletePart(clip: Clip, onDelete: () => void): HTMLElement {
  const ask = element("button", { type: "button", class: "button danger" }, "Delete this clip");
  const sure = element("button", { type: "button", class: "button danger", hidden: true }, "Delete it now");
  const keep = element("button", { type: "button", class: "button", hidden: true }, "Keep it");
  const turn = (asked: boolean): void => {
    ask.hidden = asked;
    sure.hidden = keep.hidden = !asked;
    (asked ? keep : ask).focus();
  };
  ask.addEventListener("click", () => turn(true));
  keep.addEventListener("click", () => turn(false));
  sure.addEventListener("click", onDelete);
  return element(
    "section",
    { "aria-label": `Delete ${titleOf(clip)}` },
    element("h3", {}, "Delete"),
    element("p", { class: "hint" }, "It is gone for everyone at once. For a while you can take that back."),
    element("div", { class: "row-of-buttons" }, ask, keep, sure),
  );
}

/** Stands where the clip stood, until the page is left. */
export function deletedRow(clip: Clip, deleted: Pick<Deleted, "restore_until">, onRestored: (clip: Clip) => void): HTMLElement {
  const undo = element("button", { type: "button", class: "button small", "aria-label": `Restore ${titleOf(clip)}` }, "Undo");
  const until = deleted.restore_until ? new Date(deleted.restore_until) : null;
  const text = element("p", { role: "status" }, `“${titleOf(clip)}” was deleted.`, until ? ` It can be restored until ${until.toLocaleString()}.` : "");
  undo.addEventListener("click", async () => {
    undo.disabled = true;
    try {
      onRestored(await restoreClip(clip.id));
    } catch (error) {
      text.textContent = sentence(error);
      undo.disabled = false;
    }
  });
  return element("li", { class: "own-row deleted", "data-clip": clip.id }, element("div", { class: "own-text" }, text), undo);
}
