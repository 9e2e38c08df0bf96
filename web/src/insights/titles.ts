/** Titles of clips, each asked for once. */
import { titleOf } from "../api/clip";
import { fetchClip } from "../api/clips";

const titles = new Map<string, Promise<string>>();

/** What players said, where there is no such clip (any more) or it is not for us. */
export function clipTitle(name: string): Promise<string> {
  let title = titles.get(name);
  if (!title) titles.set(name, (title = fetchClip(name).then(titleOf, () => name)));
  return title;
}
