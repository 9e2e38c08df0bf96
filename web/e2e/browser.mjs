/**
 * What every walk through a running server shares: a real browser, a note of everything that went wrong in it, axe, and
 * one line of JSON at the end. CHROMIUM names another browser binary.
 */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const BROWSER_ARGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--autoplay-policy=no-user-gesture-required",
];

const axe = await readFile(fileURLToPath(new URL("../node_modules/axe-core/axe.min.js", import.meta.url)), "utf8");
/** What web.dev calls good: how much of a page moves without being asked to. */
const LARGEST_SHIFT = 0.1;
/** A page that shows nothing for so long is broken, on any machine. */
const LATEST_PAINT_MS = 10_000;
/** All scripts of a page, as they travel. */
const LARGEST_SCRIPTS = 300_000;

const troubles = [];
const budgets = {};
let stage = "starting the browser";
let browser;
let shots;

/** Walks, and prints what came of it: `{ok: true, …what walk returns}` or `{ok: false, why}`. */
export async function go(limitMs, walk, { pictures, init } = {}) {
  setTimeout(() => finish({ ok: false, why: `not done after ${limitMs / 1000} s (${stage})` }), limitMs);
  try {
    shots = pictures;
    if (shots) await mkdir(shots, { recursive: true });
    browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: BROWSER_ARGS });
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    await context.addInitScript(watchLayout);
    if (init) await context.addInitScript(init);
    const page = await context.newPage();
    listenForTrouble(page);
    const result = await walk(page, context);
    if (troubles.length) throw new Error(`the browser complained: ${troubles.slice(0, 5).join(" | ")}`);
    finish({ ok: true, budgets, ...result });
  } catch (error) {
    const why = `${stage}: ${String(error?.message ?? error).split("\n").slice(0, 2).join(" ")}`;
    finish({ ok: false, why, ...(troubles.length ? { troubles: troubles.slice(0, 10) } : {}) });
  }
}

/** Names what comes next, for the message when it fails. */
export function at(name) {
  stage = name;
}

/** No violation of what axe can see of WCAG 2.2 AA. */
export async function accessible(page, name) {
  at(`looking at ${name} with axe`);
  await page.evaluate(axe);
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
  const { violations } = await page.evaluate((values) => window.axe.run({ runOnly: { type: "tag", values } }), tags);
  const told = violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 120)).join(" ")}`);
  if (told.length) throw new Error(told.join(" | "));
  const beyond = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (beyond > 0) throw new Error(`${name} is ${beyond} px wider than its window`);
}

/** What a page has cost so far: its first paint, what moved in it, its scripts. */
export async function withinBudget(page, name) {
  at(`measuring ${name}`);
  const cost = await page.evaluate(() => ({
    first_paint_ms: performance.getEntriesByName("first-contentful-paint")[0]?.startTime,
    layout_shift: window.walkShift,
    script_bytes: performance
      .getEntriesByType("resource")
      .filter((entry) => new URL(entry.name).pathname.endsWith(".js"))
      .reduce((bytes, entry) => bytes + entry.encodedBodySize, 0),
  }));
  budgets[name] = cost;
  // Written so that what was not measured is no success.
  if (!(cost.first_paint_ms < LATEST_PAINT_MS)) throw new Error(`${name} paints after ${cost.first_paint_ms} ms`);
  if (!(cost.layout_shift < LARGEST_SHIFT)) throw new Error(`${name} moves by ${cost.layout_shift}`);
  if (!(cost.script_bytes > 0 && cost.script_bytes < LARGEST_SCRIPTS)) throw new Error(`${name} has ${cost.script_bytes} bytes of scripts`);
}

/** Runs in each page. */
function watchLayout() {
  window.walkShift = 0;
  const add = (list) => list.getEntries().forEach((shift) => (window.walkShift += shift.hadRecentInput ? 0 : shift.value));
  new PerformanceObserver(add).observe({ type: "layout-shift", buffered: true });
}

export async function picture(page, name) {
  if (shots) await page.screenshot({ path: join(shots, `${name}.png`) });
}

/** Trouble that is meant to happen, such as a network that is away, is no trouble. */
export async function expectingTrouble(action) {
  const before = troubles.length;
  const result = await action();
  troubles.length = before;
  return result;
}

export function finish(result) {
  process.stdout.write(`${JSON.stringify(result)}\n`);
  const bye = () => process.exit(result.ok ? 0 : 1);
  // A browser that hangs on closing must not take the verdict along.
  setTimeout(bye, 3000);
  Promise.resolve(browser?.close()).then(bye, bye);
}

function listenForTrouble(page) {
  page.on("console", (message) => message.type() === "error" && troubles.push(`console: ${message.text()} ${message.location().url}`));
  page.on("pageerror", (error) => troubles.push(`page: ${error.message}`));
  page.on("response", (response) => response.status() >= 400 && troubles.push(`${response.status()} ${response.url()}`));
  page.on("requestfailed", (request) => {
    const why = request.failure()?.errorText ?? "failed";
    // Aborting is how a player drops a segment of the old rung, and how a page drops its streams when it is left.
    if (why !== "net::ERR_ABORTED") troubles.push(`${why} ${request.url()}`);
  });
}
