// The start page and the player page as a person uses them.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { pictureFile } from "./support/browser.js";
import { streamOf } from "./support/server.js";
import { stage } from "./support/stage.js";

const on = stage();

/** Opens a path in a fresh profile; afterwards nothing foreign was asked and no rule was broken. */
const visit = async (path, use, options = {}) => {
  const context = await on.browser.newContext(options);
  const page = await context.newPage();
  const complaints = [];
  const strangers = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (/Content Security Policy/i.test(message.text())) complaints.push(message.text());
  });
  page.on("request", (request) => {
    const own = request.url().startsWith(`${on.server.origin}/`) || /^(blob|data):/.test(request.url());
    if (!own) strangers.push(request.url());
  });
  try {
    await page.goto(on.server.origin + path);
    await use(page);
    assert.deepEqual(complaints, []);
    assert.deepEqual(strangers, []);
  } finally {
    await context.close();
  }
};

const player = (query, use, options) =>
  visit(`/player?${query}`, async (page) => {
    await page.waitForSelector("body[data-ready]");
    await use(page);
  }, options);

const stateIs = (page, kind) => page.waitForSelector(`#state[data-kind="${kind}"]`, { timeout: 15_000 });
const textOf = (page, selector) => page.locator(selector).innerText();

describe("start page", () => {
  test("lists every stream, with a link to its manifests and to the player", () =>
    visit("/", async (page) => {
      const links = await page.locator("a").evaluateAll((anchors) => anchors.map(({ href }) => href));
      const played = links.map((link) => new URL(link)).filter(({ pathname }) => pathname === "/player");
      const text = await textOf(page, "main");
      for (const { name, manifests, licenses } of on.server.streams) {
        for (const url of Object.values(licenses)) assert.ok(text.includes(url), `${url} is not shown`);
        assert.ok(played.some(({ searchParams }) => searchParams.get("stream") === name), `${name} has no play link`);
        for (const { url } of manifests) assert.ok(links.includes(url), `${url} is not linked`);
      }
      await page.screenshot({ path: pictureFile("start.png"), fullPage: true });
    }));

  test("reads well on a phone, in the dark", () =>
    visit("/", async (page) => {
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      assert.ok(overflow <= 0, `the page is ${overflow} pixels too wide`);
      await page.screenshot({ path: pictureFile("start-phone-dark.png") });
    }, { viewport: { width: 390, height: 844 }, colorScheme: "dark" }));
});

describe("player page", () => {
  for (const [query, delivered] of [
    ["stream=cenc-token&player=shaka&format=mpd-time-cmaf", "licence delivered"],
    ["stream=cbcs-token&player=dashjs&format=mpd-time-cmaf", "licence delivered"],
    ["stream=cbcs-token&player=shaka&format=m3u8-cmaf", "key delivered"],
    ["stream=aes-token&player=hlsjs&format=m3u8-cmaf", "key delivered"],
    ["stream=cenc-token&player=hlsjs&format=m3u8-cmaf", "licence delivered"],
    ["stream=clear-open&player=hlsjs&format=m3u8-cmaf", "no key was asked for"],
  ]) {
    test(`plays ${query}`, () =>
      player(query, async (page) => {
        await page.click("#play");
        await stateIs(page, "good");
        assert.match(await textOf(page, "#state"), new RegExp(delivered));
        assert.ok((await page.locator("#log tr.fine").count()) >= 3, "the log shows manifest, key and segments");
        assert.equal(await page.locator("#log tr.bad").count(), 0);
        await page.waitForFunction(() => document.getElementById("facts").textContent.includes("frames"));
        const name = `player-${query.replace(/&?\w+=/g, "-").slice(1)}.png`;
        await page.screenshot({ path: pictureFile(name), fullPage: true });
      }));
  }

  for (const [query, kind] of [
    ["stream=cenc-token&player=shaka&format=mpd-time-cmaf", "licence"],
    ["stream=cenc-token&player=dashjs&format=mpd-time-cmaf", "licence"],
    ["stream=aes-token&player=hlsjs&format=m3u8-cmaf", "key"],
  ]) {
    test(`says why ${query} is refused without a token`, () =>
      player(query, async (page) => {
        await page.fill("#token", "");
        await page.click("#play");
        await stateIs(page, "bad");
        const state = await textOf(page, "#state");
        assert.match(state, new RegExp(`Refused: ${kind} not delivered`));
        assert.match(state, /token-missing/);
        const row = await textOf(page, "#log tr.bad");
        assert.match(row, new RegExp(`${kind}\\s+401`));
        const frames = () => document.getElementById("video").getVideoPlaybackQuality().totalVideoFrames;
        assert.equal(await page.evaluate(frames), 0);
        await page.waitForFunction(() => document.getElementById("video").networkState === 0); // freed
        await page.screenshot({ path: pictureFile(`refused-${kind}.png`), fullPage: true });
      }));
  }

  test("offers only players that can play the chosen form, and says why not the others", () =>
    player("stream=cenc-open&format=mpd-time-cmaf&player=hlsjs", async (page) => {
      assert.ok(await page.locator('input[value="hlsjs"]').isDisabled());
      assert.match(await textOf(page, "#players"), /plays HLS only/);
      assert.ok(await page.locator('input[value="shaka"]').isChecked());
      await page.selectOption("#stream", "aes-open");
      assert.ok(await page.locator('input[value="dashjs"]').isDisabled());
      assert.match(await textOf(page, "#players"), /dash.js cannot decrypt/);
    }));

  test("offers the one player that decrypts SAMPLE-AES in transport streams", () =>
    player("stream=cbcs-open&format=m3u8-aapl&player=shaka", async (page) => {
      assert.ok(await page.locator('input[value="shaka"]').isDisabled());
      assert.ok(await page.locator('input[value="hlsjs"]').isChecked());
    }));

  test("plays a manifest that is typed in, and can be stopped", () =>
    player("player=shaka", async (page) => {
      const { manifests } = streamOf(on.server, "cenc-open");
      await page.selectOption("#stream", "Another manifest");
      await page.fill("#url", manifests[0].url);
      await page.click("#play");
      await stateIs(page, "good");
      await page.click("#stop");
      await stateIs(page, "idle");
      assert.ok(await page.locator("#stop").isDisabled());
    }));

  test("shows licences of every system and the demo's asset, with the switches that mean something to each", () =>
    player("stream=drm-token&format=m3u8-cmaf", async (page) => {
      await page.click("#testing summary");
      await page.fill('[name="test-expires"]', "60");
      await page.selectOption('[name="test-key"]', "wrong");
      const { licenses, manifests, token } = streamOf(on.server, "drm-token");
      const shown = await page.locator("#licences code").allInnerTexts();
      assert.equal(shown.length, Object.keys(licenses).length + 1);
      const asset = JSON.parse(await page.inputValue("#asset"));
      for (const [system, url] of Object.entries(licenses)) {
        const timed = system === "org.w3.clearkey" ? "" : "&test-expires=60";
        const expected = `${url}${url.includes("?") ? "&" : "?"}test-key=wrong${timed}`;
        assert.ok(shown.includes(expected), `${expected} is not in ${shown}`);
        assert.equal(asset.licenseServers[system], expected);
      }
      assert.equal(asset.manifestUri, manifests.find(({ format }) => format === "m3u8-cmaf").url);
      assert.equal(asset.licenseRequestHeaders.Authorization, `Bearer ${token}`);
      const fragment = await page.inputValue("#fragment");
      assert.deepEqual(JSON.parse(atob(fragment.replace("#assetBase64=", ""))), asset);
      await page.screenshot({ path: pictureFile("player-testing.png"), fullPage: true });
    }));

  for (const [query, name, value, reason] of [
    ["stream=cenc-token&player=shaka&format=mpd-time-cmaf", "test-status", "503", /Failed: licence .*test-status/],
    ["stream=cenc-token&player=dashjs&format=mpd-time-cmaf", "test-status", "503", /Failed: licence .*test-status/],
    ["stream=aes-token&player=hlsjs&format=m3u8-cmaf", "test-status", "404", /Failed: key .*test-status/],
    ["stream=cenc-token&player=hlsjs&format=m3u8-cmaf", "test-status", "429", /Failed: licence .*test-status/],
    ["stream=cenc-open&player=shaka&format=mpd-time-cmaf", "test-key", "wrong", /gave up.*3016/],
  ]) {
    test(`does with ${query} what ${name}=${value} says`, () =>
      player(query, async (page) => {
        await page.click("#testing summary");
        const control = page.locator(`[name="${name}"]`);
        await (/\d/.test(value) ? control.fill(value) : control.selectOption(value));
        await page.click("#play");
        await stateIs(page, "bad");
        assert.match(await textOf(page, "#state"), reason);
      }));
  }

  test("works by keyboard alone", () =>
    player("stream=clear-open&player=shaka", async (page) => {
      await page.locator("#play").focus();
      await page.keyboard.press("Enter");
      await stateIs(page, "good");
    }));

  test("keeps the token out of the address and of the log", () =>
    player("stream=aes-token&player=hlsjs", async (page) => {
      const { token } = streamOf(on.server, "aes-token");
      assert.equal(await page.inputValue("#token"), token);
      await page.click("#play");
      await stateIs(page, "good");
      assert.ok(!page.url().includes(token));
      assert.ok(!(await textOf(page, ".log")).includes(token));
    }));

  test("fits a phone, in the dark", () =>
    player("stream=cenc-token", async (page) => {
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      assert.ok(overflow <= 0, `the page is ${overflow} pixels too wide`);
      await page.screenshot({ path: pictureFile("player-phone-dark.png"), fullPage: true });
    }, { viewport: { width: 390, height: 844 }, colorScheme: "dark" }));
});
