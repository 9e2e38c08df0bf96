/**
 * Pictures of every page for the docs, each at most 120 kB.
 *
 *   node e2e/pictures.mjs <base-url> <api-key> <clip> <folder>
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { at, finish, go } from "./browser.mjs";

const LARGEST = 120_000;
const DESKTOP = { width: 1280, height: 860 };
const PHONE = { width: 390, height: 844 };

const [base, key, clip, folder] = process.argv.slice(2);
if (!base || !key || !clip || !folder) finish({ ok: false, why: "usage: pictures.mjs <base-url> <api-key> <clip> <folder>" });
else await go(300_000, walk);

async function walk(page) {
  await page.goto(`${base}/studio#key=${encodeURIComponent(key)}`);
  await page.locator(".own-row").first().waitFor();
  const name = encodeURIComponent(clip);
  const taken = {};
  const take = async (file, path, ready, { size = DESKTOP, scheme = "dark", before } = {}) => {
    at(`taking ${file}`);
    await page.setViewportSize(size);
    await page.emulateMedia({ colorScheme: scheme });
    await page.goto(base + path);
    await page.locator(ready).first().waitFor();
    await before?.();
    // Posters and lines that come a moment later.
    await page.waitForLoadState("networkidle", { timeout: 5000 }).catch(() => undefined);
    taken[file] = await save(page, file);
  };
  await take("library.jpg", "/", ".card img");
  await take("studio.jpg", "/studio", ".own-row img", { scheme: "light" });
  await take("insights.jpg", "/insights", ".chart canvas");
  await take("insights-clip.jpg", `/insights?clip=${name}&chart=startup_ms`, ".retention .curve", { scheme: "light", size: { width: 1280, height: 1240 } });
  await take("session.jpg", "/insights", "[data-testid=sessions] tr", {
    before: async () => {
      await page.locator("[data-testid=sessions] a").first().click();
      await page.locator(".course canvas").first().waitFor();
    },
  });
  await take("ops.jpg", "/ops", "[data-testid=events] li", { size: { width: 1280, height: 1020 } });
  await take("insights-phone.jpg", "/insights", ".chart canvas", { size: PHONE });
  return taken;
}

/** As good as fits. */
async function save(page, file) {
  const path = join(folder, file);
  for (let quality = 88; quality > 30; quality -= 6) {
    await page.screenshot({ path, type: "jpeg", quality });
    const { size } = await stat(path);
    if (size <= LARGEST) return size;
  }
  throw new Error(`${file} does not fit`);
}
