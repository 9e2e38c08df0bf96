/**
 * One viewer's whole walk through a running server, in a real browser:
 * upload → watch it encode → play → switch rungs → leave.
 *
 *   node e2e/walk.mjs <base-url> <file-to-upload> <api-key> [screenshot-dir]
 *
 * Prints one line of JSON on stdout. CHROMIUM names another browser binary.
 */
import { accessible, at, finish, go, picture } from "./browser.mjs";

const HARD_LIMIT_MS = 300_000;
const ENCODE_LIMIT_MS = 240_000;
const SWITCH_LIMIT_MS = 10_000;
const PLAY_SECONDS = 5;
const SHORT_SIDE = { "1080p": 1080, "480p": 480 };

const [base, file, key, shots] = process.argv.slice(2);
if (!base || !file || !key) finish({ ok: false, why: "usage: walk.mjs <base-url> <file> <api-key> [screenshot-dir]" });
else await go(HARD_LIMIT_MS, walk, { pictures: shots, init: prepareBrowser });

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

function mediaTime(page) {
  return page.evaluate(() => window.clipperPlayer.video.currentTime);
}
