/** The quality menu: every rung, and Auto with what it is showing. */
import { AUTO, type Engine } from "./engine";
import { RadioMenu, type Choice } from "./menu";

export function qualityMenu(): { menu: RadioMenu; bind: (engine: Engine) => () => void } {
  let bound: Engine | null = null;
  const menu = new RadioMenu({ name: "Quality", hook: "quality", onChoose: (value) => bound?.choose(value) });
  menu.root.hidden = true;
  return {
    menu,
    bind: (engine) => {
      bound = engine;
      return () => draw(menu, engine);
    },
  };
}

function draw(menu: RadioMenu, engine: Engine): void {
  const { rungs, choice, playing } = engine;
  menu.root.hidden = rungs.length === 0;
  const auto: Choice = { value: AUTO, label: "Auto", ...(choice === AUTO && playing ? { note: playing } : {}) };
  menu.show([...rungs.map(({ name }) => ({ value: name, label: name })), auto], choice);
  menu.root.dataset["switching"] = String(engine.switching);
  if (choice !== AUTO) return menu.label(choice, `Quality: ${choice}`);
  menu.label(playing ? `Auto · ${playing}` : "Auto", playing ? `Quality: Auto, now ${playing}` : "Quality: Auto");
}
