/** The strip at the top of every page: the name, where one can go, who is signed in. */
import { adoptKeyFromAddress, currentKey } from "../api/key";
import { element, icon } from "./element";

/** Sent to the window when a sign-in link is opened in a page that is already there. */
export const SIGNED_IN = "clipper:signed-in";

/** Every page calls this first, since every page may be the one that the sign-in link opens. */
export function openPage(): HTMLElement {
  adoptKeyFromAddress();
  addEventListener("hashchange", () => {
    if (!adoptKeyFromAddress()) return;
    drawHeader();
    dispatchEvent(new Event(SIGNED_IN));
  });
  drawHeader();
  return document.getElementById("main")!;
}

export function drawHeader(): void {
  const here = location.pathname;
  document.getElementById("top")!.replaceChildren(
    element("a", { class: "wordmark", href: "/" }, mark(), "Clipper"),
    element(
      "nav",
      { "aria-label": "Pages" },
      link("/", "Library", here === "/"),
      link("/upload", "Upload", here === "/upload"),
    ),
    signedIn(),
  );
}

function link(href: string, text: string, current: boolean): HTMLElement {
  return element("a", { href, "aria-current": current ? "page" : null }, text);
}

function signedIn(): HTMLElement {
  const inside = currentKey() !== null;
  const text = inside ? "Signed in" : "Sign in";
  return element("a", { class: "who", href: "/upload#account", "data-signed-in": String(inside) }, element("i", { class: "dot" }), text);
}

function mark(): SVGSVGElement {
  return icon("M5 5v14", "M10 5.5v13L20.5 12z");
}
