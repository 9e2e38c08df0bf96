/** What an operator does in a section: it is done, what came of it is said, and the section is told anew. */
import { sentence } from "../api/problem";
import { ask } from "../page/confirm";
import { element } from "../page/element";
import { say } from "../page/keyed";

/** Does something; what it answers with is said. */
export type Deed = (action: () => Promise<string | null>) => Promise<void>;

export function deeds(told: HTMLElement, refresh: () => Promise<void>): Deed {
  return async (action) => {
    try {
      say(told, (await action()) ?? "");
      await refresh();
    } catch (error) {
      say(told, sentence(error));
    }
  };
}

/** Shown once by the server, and so once by us. */
export async function showOnce({ id, title, text, label, value }: { id: string; title: string; text: string; label: string; value: string | undefined }): Promise<void> {
  if (!value) return;
  const field = element("input", { id, readonly: true, value, class: "mono" });
  const copy = element("button", { type: "button", class: "button small" }, "Copy");
  copy.addEventListener("click", () => {
    field.select();
    // Where the clipboard is not for pages, what is selected can be copied by hand.
    navigator.clipboard?.writeText(value).then(() => say(copy, "Copied"), () => undefined);
  });
  await ask({ title, text: `${text} It is shown now and never again.`, yes: "I have it", fields: [element("label", { for: id }, label), field, copy] });
}
