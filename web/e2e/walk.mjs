/**
 * One viewer's whole walk through a running server, in a real browser:
 * upload → watch it encode → play → switch rungs → by keyboard alone → without a network → on a phone → leave →
 * look back in the insights.
 *
 *   node e2e/walk.mjs <base-url> <file-to-upload> <api-key> whole|brief [screenshot-dir]
 *
 * A brief walk leaves out the keyboard, the lost network and the phone.
 *
 * Prints one line of JSON on stdout. CHROMIUM names another browser binary.
 */
import { accessible, at, expectingTrouble, finish, go, picture, withinBudget } from "./browser.mjs";

const HARD_LIMIT_MS = 420_000;
const ENCODE_LIMIT_MS = 240_000;
const SWITCH_LIMIT_MS = 10_000;
const PLAY_SECONDS = 5;
const SHORT_SIDE = { "1080p": 1080, "480p": 480 };

const [base, file, key, length, shots] = process.argv.slice(2);
if (!base || !file || !key || !["whole", "brief"].includes(length)) finish({ ok: false, why: "usage: walk.mjs <base-url> <file> <api-key> whole|brief [screenshot-dir]" });
else await go(HARD_LIMIT_MS, walk, { pictures: shots, init: prepareBrowser });

async function walk(page, context) {
  await upload(page);
  const { clip, firstFrame } = await startWatching(page);
  const played = await playFor(page, PLAY_SECONDS);
  await withinBudget(page, "the theatre");
  await accessible(page, "the theatre");
  await picture(page, "watch");
  const switchMs = {};
  for (const rung of ["1080p", "480p"]) switchMs[rung] = await switchTo(page, rung);
  switchMs.auto = await switchToAuto(page);
  if (length === "whole") {
    await byKeyboard(page);
    await withoutNetwork(page, context);
    await onPhone(page);
  }
  const sid = await page.evaluate(() => window.clipperPlayer.session.sid);
  await leave(page, sid);
  await lookBack(page, sid, clip);
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
  await page.getByTestId("file-input").waitFor({ state: "attached" });
  await withinBudget(page, "studio");
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

/** Whoever cannot point at things gets everywhere, sees where they are, and comes back from where they went. */
async function byKeyboard(page) {
  at("playing by keyboard");
  await page.mouse.move(0, 0);
  await page.evaluate(() => document.activeElement?.blur());
  await makeRoom(page);
  await page.keyboard.press("k");
  await page.waitForFunction(() => window.clipperPlayer.video.paused);
  const before = await mediaTime(page);
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction((time) => Math.abs(window.clipperPlayer.video.currentTime - time - 5) < 0.5, before);
  await page.keyboard.press("k");
  await page.waitForFunction(() => !window.clipperPlayer.video.paused);
  at("opening the help by keyboard");
  await page.keyboard.press("?");
  await page.locator("dialog.help[open]").waitFor();
  await accessible(page, "the help");
  await page.keyboard.press("Escape");
  await page.locator("dialog.help[open]").waitFor({ state: "detached" });
  at("reaching the quality menu by keyboard");
  const button = await tabTo(page, "quality-button");
  await page.keyboard.press("Enter");
  await page.getByTestId("quality-auto").waitFor({ state: "visible" });
  await page.keyboard.press("Escape");
  await page.getByTestId("quality-auto").waitFor({ state: "hidden" });
  if (!(await button())) throw new Error("closing the menu loses the focus");
}

/** Presses Tab until the element has the focus, and answers with whether it still has it. */
async function tabTo(page, hook) {
  const focused = () => page.evaluate((name) => document.activeElement?.dataset["testid"] === name, hook);
  for (let pressed = 0; pressed < 60; pressed++) {
    if (await focused()) return focused;
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab does not reach ${hook}`);
}

/** What has to be fetched while there is no network is fetched when it is back, and the viewer is told meanwhile. */
async function withoutNetwork(page, context) {
  at("losing the network");
  await makeRoom(page);
  const notice = page.locator(".stage-notice");
  await expectingTrouble(async () => {
    await context.setOffline(true);
    await notice.filter({ hasText: /offline|connection was lost/ }).waitFor();
    // Another rung has to be fetched, so that nothing can go on playing.
    await openQualityMenu(page);
    await page.getByTestId("quality-480p").click();
    await page.waitForFunction(() => window.clipperPlayer.video.readyState < 3, undefined, { polling: 50 });
    await picture(page, "offline");
    at("getting the network back");
    await context.setOffline(false);
    await notice.waitFor({ state: "hidden" });
    await keepsPlaying(page, 30_000);
  });
}

async function onPhone(page) {
  await page.setViewportSize({ width: 390, height: 844 });
  await accessible(page, "the theatre on a phone");
  const stage = await page.locator(".stage").boundingBox();
  if (!stage || stage.x > 0 || stage.width < 390) throw new Error(`the stage does not fill a phone: ${JSON.stringify(stage)}`);
  await picture(page, "watch-phone");
  await page.setViewportSize({ width: 1280, height: 800 });
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

async function keepsPlaying(page, limit = SWITCH_LIMIT_MS) {
  const before = await mediaTime(page);
  await page.waitForFunction((time) => window.clipperPlayer.video.currentTime > time + 0.3, before, { timeout: limit, polling: 20 });
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
  await withinBudget(page, "the library");
  await accessible(page, "the library");
  await picture(page, "library");
}

/** What was watched just now stands among the sessions of the insights. */
async function lookBack(page, sid, clip) {
  at("finding the session in the insights");
  // Sums over sessions are another matter than the sessions themselves: a server may have none.
  await expectingTrouble(async () => {
    const link = page.locator(`a[href*="${sid}"]`);
    const row = page.getByTestId("sessions").locator("tr").filter({ has: link });
    for (let asked = 0; asked < 30 && !(await row.count()); asked++) {
      await page.goto(`${base}/insights?clip=${encodeURIComponent(clip)}`);
      await page.getByTestId("sessions").locator("tr").first().waitFor({ timeout: 5000 }).catch(() => undefined);
    }
    if (!(await row.count())) throw new Error("the session is not among the insights");
    await row.filter({ hasText: "Played" }).waitFor();
    await withinBudget(page, "the insights");
    await accessible(page, "the insights");
    await picture(page, "insights");
  });
  await page.close();
}

function mediaTime(page) {
  return page.evaluate(() => window.clipperPlayer.video.currentTime);
}
