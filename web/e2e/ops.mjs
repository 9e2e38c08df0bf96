/**
 * An operator's walk: what waits, what is parked, making a read model anew, and a clip as it was.
 *
 *   node e2e/ops.mjs <base-url> <api-key> [screenshot-dir]
 *
 * The server has the clips `one` and `two`, both waiting for an encoder, and an event of `two` that it cannot read.
 */
import { accessible, at, finish, go, picture, withinBudget } from "./browser.mjs";

const [base, key, shots] = process.argv.slice(2);
if (!base || !key) finish({ ok: false, why: "usage: ops.mjs <base-url> <api-key> [screenshot-dir]" });
else await go(150_000, walk, { pictures: shots });

async function walk(page) {
  await signIn(page);
  await page.getByTestId("ready").filter({ hasText: "All is well" }).waitFor();
  await page.reload();
  await page.getByTestId("ready").filter({ hasText: "All is well" }).waitFor();
  await withinBudget(page, "operations");
  await holdBack(page);
  await skipParked(page);
  await rebuild(page);
  await keepKeys(page);
  const events = await browse(page);
  const travelled = await travel(page);
  await accessible(page, "a clip in time");
  await picture(page, "ops-travel");
  await page.keyboard.press("Escape");
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 390, height: 844 });
  await accessible(page, "operations on a phone");
  await picture(page, "ops-phone");
  return { events, travelled };
}

/** Visitors are asked to sign in; the link does the same as the form. */
async function signIn(page) {
  at("opening the page as a visitor");
  await page.goto(`${base}/ops`);
  await page.getByTestId("key-input").fill(key);
  await accessible(page, "the sign-in");
  await page.getByTestId("key-submit").click();
  at("waiting for the operations");
  await page.locator("#models tbody tr").first().waitFor();
  await page.getByRole("link", { name: "Operations" }).waitFor();
}

async function holdBack(page) {
  at("holding a class back");
  const fresh = page.getByTestId("class-fresh");
  const waiting = page.locator("#queue tbody tr").filter({ hasText: "two" });
  await waiting.first().waitFor();
  await accessible(page, "operations");
  await picture(page, "ops");
  await fresh.click();
  await fresh.filter({ hasText: "Let it go on" }).click();
  await fresh.filter({ hasText: "Hold back" }).waitFor();
}

/** A key is shown once, is listed without being told, and ends when it is revoked. */
async function keepKeys(page) {
  at("making a key");
  await page.getByTestId("key-make").click();
  await page.locator("#key-user").fill("ann");
  await page.locator("#key-name").fill("of the walk");
  await page.getByRole("checkbox", { name: "analytics:read" }).check();
  await accessible(page, "the form for a key");
  await page.getByTestId("confirm").click();
  const made = await page.locator("#key-made").inputValue();
  if (!made.startsWith("clk_")) throw new Error("no key is shown");
  await accessible(page, "a new key");
  await page.getByTestId("confirm").click();
  const row = page.locator("#keys tbody tr").filter({ hasText: "of the walk" });
  await row.waitFor();
  if ((await page.content()).includes(made)) throw new Error("the key is still shown");
  await picture(page, "ops-keys");
  at("revoking a key");
  await row.getByRole("button", { name: "Revoke" }).click();
  await page.getByTestId("confirm").click();
  await row.waitFor({ state: "detached" });
}

async function skipParked(page) {
  at("skipping a parked event");
  const parked = page.getByTestId("parked");
  await parked.getByText("is not known to this program").first().waitFor();
  const rows = await parked.locator("tbody tr").count();
  await parked.getByTestId("parked-retry").first().click();
  await parked.getByText("still parked").waitFor();
  for (let left = rows; left > 0; left--) {
    await parked.getByTestId("parked-skip").first().click();
    await page.getByTestId("confirm").click();
    await page.waitForFunction((most) => document.querySelectorAll("[data-testid=parked] tbody tr").length < most, left);
  }
  await parked.getByText("No event is parked").waitFor();
}

async function rebuild(page) {
  at("making a read model anew");
  await page.getByRole("button", { name: "Rebuild clips", exact: true }).click();
  await page.getByLabel("At most so many events per second").fill("2");
  await accessible(page, "the question");
  await page.getByTestId("confirm").click();
  const bar = page.locator("#models tr").filter({ hasText: "clips v" }).getByTestId("rebuild-progress");
  await bar.waitFor({ state: "visible" });
  await bar.waitFor({ state: "hidden" });
}

async function browse(page) {
  at("browsing events");
  const list = page.getByTestId("events");
  await page.getByLabel("Type contains").fill("registered");
  await page.waitForFunction(() => {
    const types = [...document.querySelectorAll("[data-testid=events] li")].map((row) => row.dataset.type);
    return types.length === 2 && types.every((type) => type === "ClipRegistered");
  });
  at("following the log");
  await page.getByTestId("follow").check();
  const registered = await page.evaluate(async () => {
    const answer = await fetch("/api/clips", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ title: "three", slug: "three" }) });
    return answer.status;
  });
  if (registered !== 201) throw new Error(`registering answered ${registered}`);
  await list.locator("li.new").first().waitFor();
  return list.locator("li").count();
}

async function travel(page) {
  at("travelling in time");
  await page.getByLabel("Type contains").fill("");
  await page.getByLabel("Stream contains").fill("");
  const probed = page.locator('[data-testid=events] li[data-type="SourceProbed"]').first();
  await probed.locator("summary").click();
  await probed.getByTestId("travel").click();
  await page.getByTestId("travel-at").filter({ hasText: "SourceProbed" }).waitFor();
  const changed = page.locator(".state-table .changed").first();
  await changed.waitFor();
  const slider = page.getByTestId("travel-slider");
  await slider.focus();
  await page.keyboard.press("Home");
  await page.getByTestId("travel-at").filter({ hasText: "ClipRegistered, version 1" }).waitFor();
  await page.keyboard.press("ArrowRight");
  await page.getByTestId("travel-at").filter({ hasText: "version 2" }).waitFor();
  return page.getByTestId("travel-at").textContent();
}
