/** Where the viewer watches, as coarsely as the reports need it: nothing here names a person. */
import type { Context } from "./batch";

interface Navigation {
  userAgent: string;
  maxTouchPoints?: number;
  connection?: { effectiveType?: string };
}

const BROWSERS: [string, RegExp][] = [
  ["edge", /Edg(?:e|A|iOS)?\/(\d+)/],
  ["opera", /OPR\/(\d+)/],
  ["firefox", /(?:Firefox|FxiOS)\/(\d+)/],
  ["chrome", /(?:Chrome|CriOS|Chromium)\/(\d+)/],
  ["safari", /Version\/(\d+).*Safari/],
];

const SYSTEMS: [string, RegExp][] = [
  ["android", /Android/],
  ["ios", /iPhone|iPad|iPod/],
  ["windows", /Windows/],
  ["macos", /Mac OS X/],
  ["chromeos", /CrOS/],
  ["linux", /Linux/],
];

export function contextOf(browser: Navigation, player: string, ui: string): Context {
  const ctx: Context = { player, ui, device: deviceOf(browser) };
  const system = SYSTEMS.find(([, pattern]) => pattern.test(browser.userAgent));
  if (system) ctx.os = system[0];
  for (const [name, pattern] of BROWSERS) {
    const version = pattern.exec(browser.userAgent)?.[1];
    if (!version) continue;
    ctx.browser = `${name}/${version}`;
    break;
  }
  if (browser.connection?.effectiveType) ctx.conn = browser.connection.effectiveType;
  return ctx;
}

function deviceOf({ userAgent, maxTouchPoints = 0 }: Navigation): string {
  // An iPad calls itself a Macintosh; no Macintosh has a touch screen.
  if (/iPad|Tablet/.test(userAgent) || (/Macintosh/.test(userAgent) && maxTouchPoints > 1)) return "tablet";
  if (/Android/.test(userAgent) && !/Mobile/.test(userAgent)) return "tablet";
  return /Mobi|iPhone/.test(userAgent) ? "phone" : "desktop";
}
