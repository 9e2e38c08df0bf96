/** The strip at the top of every page: the name, where one can go, who is signed in. */
import { adoptKeyFromAddress, isSignedIn, knownScopes, whenArrived, whoAmI } from "../api/session";
import { ACCOUNT, accountDialog } from "./account";
import { element, icon } from "./element";

const PAGES: [string, string, "everybody" | "signed in" | "ops"][] = [
  ["/", "Library", "everybody"],
  ["/studio", "Studio", "everybody"],
  ["/insights", "Insights", "signed in"],
  ["/ops", "Operations", "ops"],
];

let account: HTMLDialogElement | undefined;

/** Every page calls this first, since every page may be the one that the sign-in link opens. */
export function openPage(): HTMLElement {
  adoptKeyFromAddress();
  // A sign-in link may be opened in a page that is already there.
  addEventListener("hashchange", () => adoptKeyFromAddress() && void whenArrived().then(() => dispatchEvent(new Event(ACCOUNT))));
  addEventListener(ACCOUNT, drawHeader);
  drawHeader();
  // What the key may do decides where one can go; asked once, and remembered.
  if (isSignedIn() && !knownScopes()) void whoAmI().then(drawHeader, () => undefined);
  return document.getElementById("main")!;
}

export function openAccount(): void {
  if (!account) document.body.append((account = accountDialog()));
  account.showModal();
}

function drawHeader(): void {
  const inside = isSignedIn();
  const scopes = knownScopes() ?? [];
  const pages = PAGES.filter(([, , whom]) => whom === "everybody" || (inside && (whom === "signed in" || scopes.includes(whom))));
  document.getElementById("top")!.replaceChildren(
    element("a", { class: "wordmark", href: "/" }, mark(), element("span", {}, "Clipper")),
    element("nav", { "aria-label": "Pages" }, ...pages.map(([href, text]) => link(href, text))),
    who(inside),
  );
  // On a phone the strip of pages scrolls; where one is must be in sight.
  document.querySelector("#top nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function link(href: string, text: string): HTMLElement {
  const here = location.pathname === href || (href === "/studio" && location.pathname === "/upload");
  return element("a", { href, "aria-current": here ? "page" : null }, text);
}

function who(inside: boolean): HTMLElement {
  const button = element(
    "button",
    { type: "button", class: "who", "aria-haspopup": "dialog", "data-signed-in": String(inside), "data-testid": "account" },
    element("i", { class: "dot" }),
    element("span", {}, inside ? "Signed in" : "Sign in"),
  );
  button.addEventListener("click", openAccount);
  return button;
}

function mark(): SVGSVGElement {
  return icon("M5 5v14", "M10 5.5v13L20.5 12z");
}
