/**
 * One viewer's whole walk through a running server, in a real browser:
 * upload → watch it encode → play → switch rungs → leave.
 *
 *   node e2e/walk.mjs <base-url> <file-to-upload> <api-key> [screenshot-dir]
 *
 * Prints one line of JSON on stdout. CHROMIUM names another browser binary.
 */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const HARD_LIMIT_MS = 300_000;
const ENCODE_LIMIT_MS = 240_000;
const SWITCH_LIMIT_MS = 10_000;
const PLAY_SECONDS = 5;
const SHORT_SIDE = { "1080p": 1080, "480p": 480 };
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
const [base, file, key, shots] = process.argv.slice(2);
if (!base || !file || !key) finish({ ok: false, why: "usage: walk.mjs <base-url> <file> <api-key> [screenshot-dir]" });
setTimeout(() => finish({ ok: false, why: `not done after ${HARD_LIMIT_MS / 1000} s (${stage})` }), HARD_LIMIT_MS);

let stage = "starting the browser";
let browser;
const troubles = [];

try {
  if (shots) await mkdir(shots, { recursive: true });
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: BROWSER_ARGS });
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  await context.addInitScript(prepareBrowser);
  const page = await context.newPage();
  listenForTrouble(page);
  const result = await walk(page);
  if (troubles.length) throw new Error(`the browser complained: ${troubles.slice(0, 5).join(" | ")}`);
  finish({ ok: true, ...result });
} catch (error) {
  const why = `${stage}: ${String(error?.message ?? error).split("\n")[0]}`;
  finish({ ok: false, why, ...(troubles.length ? { troubles: troubles.slice(0, 10) } : {}) });
}

async function walk(page) {
  await upload(page);
  const { clip, firstFrame } = await startWatching(page);
  const played = await playFor(page, PLAY_SECONDS);
  await accessible(page, "the theatre");
  await picture(page, "watch");
  const switchMs = {};
  for (const rung of ["1080p", "480p"]) switchMs[rung] = await switchTo(page, rung);
  switchMs.auto = await switchToAuto(page);
  const sid = await page.evaluate(() => window.clipperPlayer.session.sid);
  await leave(page, sid);
  return { clip, sid, switch_ms: switchMs, played_s: played, first_frame_ms: firstFrame };
}

/** Runs in each page: a muted viewer, and a note of each beacon, which the driver cannot see from a page that is going. */
function prepareBrowser() {
  if (!localStorage.getItem("clipper.theatre")) localStorage.setItem("clipper.theatre", JSON.stringify({ muted: true }));
  const send = navigator.sendBeacon.bind(navigator);
  navigator.sendBeacon = (url, body) => {
    const queued = send(url, body);
    const beacons = JSON.parse(localStorage.getItem("walk.beacons") ?? "[]");
    localStorage.setItem("walk.beacons", JSON.stringify([...beacons, { url: String(url), queued }]));
    return queued;
  };
}

async function upload(page) {
  at("opening the studio");
  await page.goto(`${base}/studio#key=${encodeURIComponent(key)}`);
  await page.getByTestId("file-input").setInputFiles(file);
  if (page.url().includes(key)) throw new Error("the key is still in the address");
  if (await page.evaluate((secret) => JSON.stringify({ ...localStorage }).includes(secret) || document.cookie.includes(secret), key)) throw new Error("scripts can read the key");
  await accessible(page, "studio");
  await picture(page, "upload");
  at("uploading");
  await page.getByTestId("upload-submit").click();
  const transfer = page.getByTestId("transfer").first();
  await transfer.waitFor({ timeout: 10_000 });
  at("encoding");
  const link = page.getByTestId("watch-link");
  const failed = page.locator('.transfer[data-state="failed"]');
  const encoding = page.locator('.transfer[data-state="encoding"], .transfer[data-state="done"]');
  await encoding.or(failed).first().waitFor({ timeout: 60_000 });
  await picture(page, "encoding");
  await link.or(failed).first().waitFor({ timeout: ENCODE_LIMIT_MS });
  if (await failed.count()) throw new Error(await failed.first().textContent());
  await picture(page, "encoded");
}

/** No violation of what axe can see of WCAG 2.2 AA. */
async function accessible(page, name) {
  at(`looking at ${name} with axe`);
  await page.evaluate(axe);
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
  const { violations } = await page.evaluate((values) => window.axe.run({ runOnly: { type: "tag", values } }), tags);
  const told = violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 120)).join(" ")}`);
  if (told.length) throw new Error(told.join(" | "));
}

async function startWatching(page) {
  at("opening the watch page");
  await page.getByTestId("watch-link").click();
  await page.waitForURL(/\/watch\//, { timeout: 15_000 });
  const clip = decodeURIComponent(new URL(page.url()).pathname.split("/").pop());
  at("waiting for the first frame");
  await page.waitForFunction(() => window.clipperPlayer?.video.currentTime > 0.1, undefined, { timeout: 30_000, polling: 20 });
  const firstFrame = await page.waitForFunction(() => performance.getEntriesByName("clipper.first-frame")[0]?.startTime, undefined, { timeout: 5000 });
  return { clip, firstFrame: Math.round(await firstFrame.jsonValue()) };
}

/** Counts only media time that passed while wall time did: a seek is not playback. */
async function playFor(page, seconds) {
  at("playing");
  await page.evaluate(() => (window.clipperPlayer.video.muted = true));
  const start = await mediaTime(page);
  const deadline = Date.now() + (seconds + 10) * 1000;
  let now = start;
  while (now - start < seconds) {
    if (Date.now() > deadline) throw new Error(`only ${(now - start).toFixed(1)} s of media in ${seconds + 10} s`);
    await page.waitForTimeout(250);
    now = await mediaTime(page);
  }
  return Math.round((now - start) * 10) / 10;
}

async function switchTo(page, rung) {
  at(`switching to ${rung}`);
  await makeRoom(page);
  await openQualityMenu(page);
  const item = page.getByTestId(`quality-${rung}`);
  if (!(await item.count())) throw new Error(`the quality menu has no ${rung}`);
  const started = Date.now();
  await item.click();
  await page.waitForFunction(
    ({ name, side }) => {
      const { hls, video } = window.clipperPlayer;
      const level = hls.levels[hls.currentLevel];
      const playing = level && new RegExp(`/${name}\\.m3u8`, "i").test([level.url].flat()[0]);
      // A source smaller than its lowest rung keeps its own size, so the level's size counts too.
      const shown = Math.min(video.videoWidth, video.videoHeight);
      return playing && (shown === side || shown === Math.min(level.width, level.height));
    },
    { name: rung, side: SHORT_SIDE[rung] },
    { timeout: SWITCH_LIMIT_MS, polling: 20 },
  );
  const took = Date.now() - started;
  await keepsPlaying(page);
  return took;
}

/** Auto may rightly stay where it is; it must choose by itself and play what it chose. */
async function switchToAuto(page) {
  at("switching to Auto");
  await makeRoom(page);
  await openQualityMenu(page);
  const started = Date.now();
  await page.getByTestId("quality-auto").click();
  await page.waitForFunction(
    () => {
      const { hls, video } = window.clipperPlayer;
      const level = hls.levels[hls.currentLevel];
      return hls.autoLevelEnabled && hls.currentLevel === hls.nextLoadLevel && video.videoHeight === level?.height;
    },
    undefined,
    { timeout: SWITCH_LIMIT_MS, polling: 20 },
  );
  const took = Date.now() - started;
  await keepsPlaying(page);
  await picture(page, "auto");
  return took;
}

/** Short clips end: go back to the start while there is less left than a switch may take. */
async function makeRoom(page) {
  await page.evaluate(() => {
    const { video } = window.clipperPlayer;
    if (video.duration - video.currentTime < 12) video.currentTime = 0;
    if (video.paused) return video.play();
  });
  await keepsPlaying(page);
}

async function keepsPlaying(page) {
  const before = await mediaTime(page);
  await page.waitForFunction((time) => window.clipperPlayer.video.currentTime > time + 0.3, before, { timeout: SWITCH_LIMIT_MS, polling: 20 });
}

async function openQualityMenu(page) {
  await page.mouse.move(640, 300);
  await page.mouse.move(640, 320);
  await page.getByTestId("quality-button").click();
  await page.getByTestId("quality-auto").waitFor({ state: "visible", timeout: 5000 });
}

/** Goes through the library, as people do; leaving the watch page sends the last beacon. */
async function leave(page, sid) {
  at("leaving the watch page");
  await page.goto(`${base}/`);
  const beacons = await page.evaluate(() => JSON.parse(localStorage.getItem("walk.beacons") ?? "[]"));
  if (!beacons.some((beacon) => beacon.url.includes(sid) && beacon.queued)) throw new Error("no last beacon was sent");
  at("looking at the library");
  await page.locator(".card a").first().waitFor({ timeout: 15_000 });
  await page.waitForTimeout(800);
  await accessible(page, "the library");
  await picture(page, "library");
  await page.close();
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

function mediaTime(page) {
  return page.evaluate(() => window.clipperPlayer.video.currentTime);
}

async function picture(page, name) {
  if (shots) await page.screenshot({ path: join(shots, `${name}.png`) });
}

function at(name) {
  stage = name;
}

function finish(result) {
  process.stdout.write(`${JSON.stringify(result)}\n`);
  const bye = () => process.exit(result.ok ? 0 : 1);
  // A browser that hangs on closing must not take the verdict along.
  setTimeout(bye, 3000);
  Promise.resolve(browser?.close()).then(bye, bye);
}
