/** The speed menu, and the steps that the < and > keys take. */
import { RadioMenu } from "./menu";

const SPEEDS = [2, 1.75, 1.5, 1.25, 1, 0.75, 0.5, 0.25];

export function speedMenu(video: HTMLVideoElement): RadioMenu {
  const menu = new RadioMenu({ name: "Speed", hook: "speed", onChoose: (value) => (video.playbackRate = Number(value)) });
  const draw = (): void => {
    const rate = video.playbackRate;
    menu.show(SPEEDS.map((speed) => ({ value: String(speed), label: speed === 1 ? "Normal" : `${speed}×` })), String(rate));
    menu.label(`${rate}×`, `Speed: ${rate === 1 ? "normal" : `${rate} times`}`);
  };
  menu.root.classList.add("speed");
  video.addEventListener("ratechange", draw);
  draw();
  return menu;
}

/** The next speed up (+1) or down (−1) from any rate, also from one that is not in the menu. */
export function stepSpeed(rate: number, direction: 1 | -1): number {
  const ascending = [...SPEEDS].reverse();
  if (direction === 1) return ascending.find((speed) => speed > rate + 0.001) ?? ascending[ascending.length - 1]!;
  return SPEEDS.find((speed) => speed < rate - 0.001) ?? SPEEDS[SPEEDS.length - 1]!;
}
