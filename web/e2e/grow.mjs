/**
 * hls.js by itself, without our pages, on a clip that is still being encoded: plays it from its first segment to its
 * end, then plays it again and changes the rung under way.
 *
 *   node e2e/grow.mjs <base-url> <clip>
 *
 * Prints one line of JSON on stdout. CHROMIUM names another browser binary.
 */
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const HARD_LIMIT_MS = 400_000;
const SWITCH_LIMIT_MS = 20_000;
const BROWSER_ARGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--autoplay-policy=no-user-gesture-required"];

const [base, clip] = process.argv.slice(2);
if (!base || !clip) finish({ ok: false, why: "usage: grow.mjs <base-url> <clip>" });
let stage = "starting the browser";
setTimeout(() => finish({ ok: false, why: `not done after ${HARD_LIMIT_MS / 1000} s (${stage})` }), HARD_LIMIT_MS);

let browser;
try {
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: BROWSER_ARGS });
  const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
  await page.goto(`${base}/healthz`);
  await page.addScriptTag({ path: fileURLToPath(new URL("../node_modules/hls.js/dist/hls.js", import.meta.url)) });
  await page.evaluate(player);
  const grown = await grow(page);
  const switched = await change(page);
  finish({ ok: true, grown, switched });
} catch (error) {
  finish({ ok: false, why: `${stage}: ${String(error?.message ?? error).split("\n")[0]}` });
}

/** Runs in the page: `open` attaches a fresh player and returns what it sees while it plays. */
function player() {
  const FETCH_MS = 1000;
  window.open = (url, config) => {
    document.body.innerHTML = "<video muted playsinline></video>";
    const video = document.querySelector("video");
    const hls = new window.Hls({ startPosition: 0, ...config });
    const seen = { hls, video, errors: [], stalls: [], seams: [], heights: [] };
    const last = {};
    hls.on("hlsError", (_, data) => seen.errors.push(`${data.details}${data.fatal ? " (fatal)" : ""}`));
    hls.on("hlsFragParsed", (_, { frag }) => {
      for (const kind of ["audio", "video"]) {
        const { startPTS, endPTS } = frag.elementaryStreams[kind] ?? {};
        if (startPTS === undefined) continue;
        // A fragment of the other rung may be fetched once more; what follows must follow without a seam.
        if (last[kind]?.sn + 1 === frag.sn) seen.seams.push({ kind, sn: frag.sn, seconds: startPTS - last[kind].endPTS });
        last[kind] = { sn: frag.sn, endPTS };
      }
    });
    let told = 0;
    hls.on("hlsLevelUpdated", (_, { details }) => {
      if (details.advanced) told = performance.now();
    });
    let wait;
    video.addEventListener("waiting", () => {
      const details = hls.levels[hls.currentLevel]?.details;
      if (!(video.currentTime > 0 && details)) return;
      const now = performance.now();
      wait = { at: video.currentTime, left: details.edge - video.currentTime, known: now - told, since: now, lasted: Infinity };
      seen.stalls.push(wait);
    });
    video.addEventListener("playing", () => wait && (wait.lasted = Math.min(wait.lasted, performance.now() - wait.since)));
    video.addEventListener("resize", () => seen.heights.push(video.videoHeight));
    hls.loadSource(url);
    hls.attachMedia(video);
    video.muted = true;
    hls.on("hlsManifestParsed", () => video.play());
    window.seen = seen;
  };
  window.report = () => {
    const { video, hls, errors, stalls, seams, heights } = window.seen;
    const ranges = [...Array(video.buffered.length).keys()].map((n) => [video.buffered.start(n), video.buffered.end(n)]);
    const target = hls.levels[hls.currentLevel]?.details?.targetduration ?? 0;
    return {
      errors,
      // With more than a segment ahead of it, a player has no reason to wait for the encoder, but for the moment that it
      // takes to fetch what it was told of just now.
      stalls: stalls.filter(({ left, known, lasted }) => left > target + 1 && (known > FETCH_MS || lasted > FETCH_MS)),
      waits: stalls.length,
      seams: seams.filter(({ seconds }) => Math.abs(seconds) > 0.03),
      joined: seams.length,
      ranges,
      heights,
      ended: video.ended,
      at: video.currentTime,
      duration: video.duration,
      dropped: video.getVideoPlaybackQuality().corruptedVideoFrames,
    };
  };
}

async function grow(page) {
  stage = "waiting for the first segment";
  const master = `${base}/api/video/${clip}/master.m3u8`;
  while (!(await page.evaluate(async (url) => (await fetch(url)).ok, master))) await page.waitForTimeout(100);
  stage = "playing while it grows";
  await page.evaluate((url) => window.open(url, {}), master);
  const type = await page.waitForFunction(() => window.seen.hls.levels.find(({ details }) => details)?.details.type, undefined, { timeout: 30_000, polling: 50 });
  const growing = await type.jsonValue();
  await page.waitForFunction(() => window.seen.video.ended, undefined, { timeout: 300_000, polling: 200 });
  return { type: growing, ...(await page.evaluate(() => window.report())) };
}

async function change(page) {
  stage = "opening the whole clip";
  // Little is kept ahead, so that what is changed to has to be fetched.
  await page.evaluate((url) => window.open(url, { maxBufferLength: 4, maxMaxBufferLength: 6 }), `${base}/api/video/${clip}/master.m3u8`);
  await page.waitForFunction(() => window.seen.video.currentTime > 0.5, undefined, { timeout: 30_000, polling: 50 });
  const levels = await page.evaluate(() => window.seen.hls.levels.map(({ height }) => height));
  const ways = ["nextLevel", "currentLevel"];
  for (const way of ways)
    for (const level of [...levels.keys(), ...[...levels.keys()].reverse()]) {
      stage = `${way} = ${level}`;
      await page.evaluate(({ way, level }) => (window.seen.hls[way] = level), { way, level });
      await page.waitForFunction((height) => window.seen.video.videoHeight === height && !window.seen.video.paused, levels[level], { timeout: SWITCH_LIMIT_MS, polling: 50 });
      const before = await page.evaluate(() => window.seen.video.currentTime);
      await page.waitForFunction((time) => window.seen.video.currentTime > time + 0.3 || window.seen.video.ended, before, { timeout: SWITCH_LIMIT_MS, polling: 50 });
      // A change takes a few seconds of the clip.
      await page.evaluate(() => {
        const { video } = window.seen;
        if (video.duration - video.currentTime < 10) video.currentTime = 0;
      });
    }
  return { levels, ...(await page.evaluate(() => window.report())) };
}

function finish(result) {
  process.stdout.write(`${JSON.stringify(result)}\n`);
  const bye = () => process.exit(result.ok ? 0 : 1);
  // A browser that hangs on closing must not take the verdict along.
  setTimeout(bye, 3000);
  Promise.resolve(browser?.close()).then(bye, bye);
}
