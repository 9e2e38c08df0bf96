/** Pages that are not for everybody: who is signed in with the right scope comes in, the others read what they need. */
import { sentence } from "../api/problem";
import { isSignedIn, whenArrived, whoAmI, type Person } from "../api/session";
import { ACCOUNT, signInForm } from "./account";
import { element } from "./element";
import { openAccount } from "./header";
import { statePanel } from "./state";

export interface Gate {
  title: string;
  /** What stands over the form for those who are not signed in. */
  invitation: string;
  may: (person: Person) => boolean;
  refusal: string;
  open: (person: Person) => void;
  /** The page is about to show something else. */
  close?: () => void;
}

export function gate(main: HTMLElement, { title, invitation, may, refusal, open, close }: Gate): void {
  const visitor = (): void => {
    const form = signInForm(() => dispatchEvent(new Event(ACCOUNT)));
    main.replaceChildren(element("h1", {}, title), element("section", { class: "panel narrow" }, element("h2", {}, invitation), form));
  };
  const enter = async (): Promise<void> => {
    close?.();
    await whenArrived();
    if (!isSignedIn()) return visitor();
    try {
      const person = await whoAmI();
      if (!person) return visitor();
      if (may(person)) return open(person);
      main.replaceChildren(element("h1", { class: "visually-hidden" }, title), statePanel("This key may not look here", refusal, { label: "Use another key", run: openAccount }));
    } catch (error) {
      main.replaceChildren(element("h1", { class: "visually-hidden" }, title), statePanel("The page could not be opened", sentence(error), { label: "Try again", run: () => void enter() }));
    }
  };
  addEventListener(ACCOUNT, () => void enter());
  void enter();
}
