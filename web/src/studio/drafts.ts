/** Files that were chosen and not sent yet: what they are called, and who may see them. */
import { element, icon } from "../page/element";
import { bytes } from "../page/format";
import { newJob, type Job } from "./jobs";
import { titleFromName } from "./picker";

export interface Drafts {
  root: HTMLFormElement;
  add: (files: File[]) => void;
}

interface Draft {
  file: File;
  row: HTMLElement;
  title: HTMLInputElement;
  visibility: HTMLSelectElement;
}

export function draftList(onSend: (ready: { job: Job; file: File }[]) => void): Drafts {
  let drafts: Draft[] = [];
  const list = element("ul", { class: "drafts" });
  const submit = element("button", { class: "button primary", "data-testid": "upload-submit" });
  const root = element("form", { class: "panel", "aria-label": "Chosen files", hidden: true }, list, element("div", { class: "panel-foot" }, submit));
  const draw = (): void => {
    root.hidden = drafts.length === 0;
    submit.textContent = drafts.length === 1 ? "Upload the clip" : `Upload ${drafts.length} clips`;
  };
  const drop = (draft: Draft): void => {
    drafts = drafts.filter((other) => other !== draft);
    draft.row.remove();
    draw();
  };
  root.addEventListener("submit", (event) => {
    event.preventDefault();
    const ready = drafts.map(({ file, title, visibility }) => ({ file, job: newJob(file, title.value.trim() || titleFromName(file.name), visibility.value as Job["visibility"]) }));
    for (const draft of drafts) draft.row.remove();
    drafts = [];
    draw();
    onSend(ready);
  });
  return {
    root,
    add: (files) => {
      for (const file of files) {
        const draft = newDraft(file, drop);
        drafts.push(draft);
        list.append(draft.row);
      }
      draw();
      drafts.at(-files.length)?.title.focus();
    },
  };
}

let made = 0;

function newDraft(file: File, drop: (draft: Draft) => void): Draft {
  const id = `draft-${(made += 1)}`;
  const title = element("input", { id, required: true, maxlength: 200, autocomplete: "off", "data-testid": "title-input" });
  title.value = titleFromName(file.name).slice(0, 200);
  const visibility = element(
    "select",
    { "aria-label": "Who may see it" },
    element("option", { value: "public" }, "Public"),
    element("option", { value: "private" }, "Private"),
  );
  const away = element("button", { type: "button", class: "button small", "aria-label": `Leave out ${file.name}` }, icon("M6 6l12 12", "M18 6L6 18"));
  const row = element(
    "li",
    { class: "draft" },
    element("div", { class: "draft-title" }, element("label", { for: id, class: "hint" }, `${file.name} · ${bytes(file.size)}`), title),
    visibility,
    away,
  );
  const draft = { file, row, title, visibility };
  away.addEventListener("click", () => drop(draft));
  return draft;
}
