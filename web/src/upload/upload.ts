/** The upload page: sign in, choose, send, watch it become a clip. */
import { currentKey } from "../api/key";
import { element } from "../page/element";
import { openPage } from "../page/header";
import { accountSection } from "./account";
import { startJourney } from "./journey";
import { filePicker, titleFromName } from "./picker";

const main = openPage();
const title = element("input", { id: "title", name: "title", required: true, maxlength: 200, autocomplete: "off", "data-testid": "title-input" });
const submit = element("button", { class: "button primary wide", "data-testid": "upload-submit" }, "Upload");
const picker = filePicker((file) => {
  if (!title.value || title.dataset["guessed"] === title.value) {
    title.value = titleFromName(file.name);
    title.dataset["guessed"] = title.value;
  }
  enable();
});
const form = element(
  "form",
  { class: "panel upload-form", "aria-label": "Upload" },
  picker.root,
  element("label", { for: "title" }, "Title"),
  title,
  submit,
);
const journey = element("section", { class: "panel journey", "aria-label": "Progress", hidden: true });

main.append(element("h1", {}, "Upload a clip"), accountSection(enable), form, journey);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  start();
});
enable();

function enable(): void {
  const inside = currentKey() !== null;
  form.classList.toggle("locked", !inside);
  submit.disabled = !inside || picker.file() === null;
}

function start(): void {
  const file = picker.file();
  if (!file) return;
  swap(true);
  startJourney(journey, file, title.value.trim() || titleFromName(file.name), {
    onAgain: (keep) => {
      swap(false);
      if (keep) return;
      picker.clear();
      title.value = "";
      enable();
    },
  });
}

function swap(travelling: boolean): void {
  form.hidden = travelling;
  journey.hidden = !travelling;
}
