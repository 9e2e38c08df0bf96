/** Keys: who may do what, since when, and for how long. */
import { fetchKeys, makeKey, revokeKey, rotateKey, SCOPES, type Key } from "../api/keys";
import { ask } from "../page/confirm";
import { element } from "../page/element";
import { ago } from "../page/format";
import { keyed, say, type Drawn } from "../page/keyed";
import { act, section } from "../page/section";
import { cell, table } from "../page/table";
import { deeds, showOnce, type Deed } from "./deeds";

export interface Keys {
  root: HTMLElement;
  refresh: () => Promise<void>;
}

export function keys(): Keys {
  const list = table("Keys", ["Whose", "For", "May", "Used", "Until", ""]);
  const told = element("p", { class: "hint", role: "status" });
  const part = section("keys", "Keys", "Who may do what. A key may do no more than the one that makes it, and is shown once.", list.root, told);
  const refresh = async (): Promise<void> => {
    try {
      draw(await fetchKeys());
      part.trouble(null);
    } catch (error) {
      part.trouble(error);
    }
  };
  const run = deeds(told, refresh);
  const draw = keyed<Key>(list.body, ({ id }) => id, () => row(run));
  part.side.append(act("Make a key", () => void make(run), { class: "button small primary", hook: "key-make" }));
  return { root: part.root, refresh };
}

async function make(run: Deed): Promise<void> {
  const user = element("input", { id: "key-user", name: "user", required: true, maxlength: 200, autocomplete: "off" });
  const name = element("input", { id: "key-name", name: "name", maxlength: 200, autocomplete: "off" });
  const days = element("input", { id: "key-days", name: "days", type: "number", min: 1, max: 3650, placeholder: "until it is revoked" });
  const boxes = SCOPES.map((scope) => element("label", { class: "check" }, element("input", { type: "checkbox", name: "scopes", value: scope }), scope));
  const fields = [
    element("label", { for: "key-user" }, "The user whom it speaks for"),
    user,
    element("label", { for: "key-name" }, "What it is for"),
    name,
    element("label", { for: "key-days" }, "Days for which it is good"),
    days,
    element("fieldset", { class: "types" }, element("legend", {}, "What it may do"), ...boxes),
  ];
  const filled = await ask({ title: "Make a key", text: "It goes into the header “Authorization: Bearer …”, or into the sign-in of these pages.", yes: "Make it", fields });
  if (!filled) return;
  const until = Number(filled.get("days"));
  await run(async () => {
    const made = await makeKey({ user: String(filled.get("user")), name: String(filled.get("name") ?? ""), scopes: filled.getAll("scopes").map(String), ...(until ? { expires_in_days: until } : {}) });
    await show(made);
    return `There is a key of ${made.user}.`;
  });
}

const show = ({ key, user }: Key): Promise<void> => showOnce({ id: "key-made", title: "The key", text: `It speaks for ${user}.`, label: "Key", value: key });

function row(run: Deed): Drawn<Key> {
  const [whose, purpose, may, used, until] = [element("th", { scope: "row" }), cell(), cell("", "mono"), cell(), cell()];
  let now: Key;
  const anew = act("New key", () => void askAnew());
  const away = act("Revoke", () => void askAway(), { class: "button small danger" });
  const askAnew = async (): Promise<void> => {
    const sure = await ask({ title: "Another key in its place?", text: `The key of ${now.user} is worthless at once; the new one may do the same.`, yes: "Make it", danger: true });
    if (sure) await run(async () => ((await show(await rotateKey(now.id))), "The old key is worthless."));
  };
  const askAway = async (): Promise<void> => {
    const sure = await ask({ title: "Revoke the key?", text: `Whoever uses this key of ${now.user} is refused at once.`, yes: "Revoke", danger: true });
    if (sure) await run(() => revokeKey(now.id).then(() => "Revoked."));
  };
  return {
    root: element("tr", {}, whose, purpose, may, used, until, element("td", { class: "buttons" }, anew, away)),
    set(key) {
      now = key;
      say(whose, key.user);
      say(purpose, key.name || "–");
      say(may, key.scopes.join(" ") || "plays private clips of its own");
      say(used, key.last_used_at ? ago(key.last_used_at) : "never");
      say(until, key.expires_at ? new Date(key.expires_at).toLocaleDateString() : "it is revoked");
    },
  };
}
