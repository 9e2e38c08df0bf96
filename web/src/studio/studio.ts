/** The studio: sends files, shows what becomes of them, and looks after the clips that there are. */
import { isSignedIn, whenArrived, whoAmI } from "../api/session";
import { ACCOUNT, signInForm } from "../page/account";
import { element } from "../page/element";
import { openPage } from "../page/header";
import { draftList } from "./drafts";
import { isSameFile, readJobs, type Job } from "./jobs";
import { ownClips } from "./own";
import { filePicker } from "./picker";
import { Transfer } from "./transfer";

/** More at a time would only share the same line. */
const SENT_AT_ONCE = 2;

const main = openPage();
const transfers = new Set<Transfer>();
const list = element("ul", { class: "transfers", "aria-label": "Uploads" });
const drafts = draftList((ready) => ready.forEach(({ job, file }) => add(job, file)));
const picker = filePicker(take);
const own = ownClips();
let owner: string | null = null;

addEventListener(ACCOUNT, () => void open());
addEventListener("beforeunload", (event) => [...transfers].some(({ sending }) => sending) && event.preventDefault());
void open();

async function open(): Promise<void> {
  await whenArrived();
  if (!isSignedIn()) return showSignIn();
  main.replaceChildren(element("h1", {}, "Studio"), picker.root, drafts.root, list, own.root);
  if (!transfers.size) readJobs().forEach((job) => add(job, null));
  const person = await whoAmI();
  if (!person) return showSignIn();
  owner = person.user ?? "";
  await own.show(owner);
}

function showSignIn(): void {
  const panel = element("section", { class: "panel narrow" }, element("h2", {}, "Sign in to upload"), signInForm(() => dispatchEvent(new Event(ACCOUNT))));
  main.replaceChildren(element("h1", {}, "Studio"), panel);
}

/** A file that an upload from before a reload waits for goes on; the others are new. */
function take(files: File[]): void {
  const fresh = files.filter((file) => {
    const left = [...transfers].find((transfer) => transfer.needsFile && isSameFile(transfer.job, file));
    left?.give(file);
    return !left;
  });
  if (fresh.length) drafts.add(fresh);
  startNext();
}

function add(job: Job, file: File | null): void {
  const transfer = new Transfer(job, file, {
    onSent: startNext,
    onReady: () => void (owner !== null && own.show(owner)),
    onGone: () => {
      transfers.delete(transfer);
      transfer.root.remove();
      startNext();
    },
  });
  transfers.add(transfer);
  list.append(transfer.root);
  startNext();
}

function startNext(): void {
  const sending = [...transfers].filter(({ sending }) => sending).length;
  for (const transfer of [...transfers].filter(({ waiting }) => waiting).slice(0, Math.max(0, SENT_AT_ONCE - sending))) transfer.start();
}
