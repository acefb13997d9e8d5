// A track that goes over to other parameter sets in its middle: players go over with it.
import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startBrowser } from "./support/browser.js";
import { startHost } from "./support/host.js";
import { frameAfter, withPlay } from "./support/play.js";
import { startServer, streamOf } from "./support/server.js";

const FILE = fileURLToPath(new URL("../media/out/traps/two_sample_entries.mp4", import.meta.url));

/** Where the second entry begins, and the end, in seconds. */
const [CHANGE, END] = [8, 16];

const MATRIX = [
  ["shaka5", "mpd-time-cmaf", ["clear", "cenc", "cbcs"]],
  ["dashjs", "mpd-time-cmaf", ["clear", "cenc"]],
  ["shaka5", "m3u8-cmaf", ["clear", "aes"]],
  ["hlsjs", "m3u8-cmaf", ["clear", "aes"]],
];

let media, server, host, browser;

before(async () => {
  media = mkdtempSync(join(tmpdir(), "portcullis-descriptions-"));
  copyFileSync(FILE, join(media, "film.mp4"));
  server = await startServer(["--media", media]);
  host = await startHost();
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  host?.stop();
  await server?.stop();
  rmSync(media, { recursive: true, force: true });
});

const judge = async (page) => {
  await frameAfter(page, 0.2);
  // Over the change, then behind it after a jump.
  await page.evaluate((to) => window.seek(to), CHANGE - 1);
  await frameAfter(page, CHANGE + 0.3);
  await page.evaluate((to) => window.seek(to), END - 2);
  await frameAfter(page, END - 1.5);
  const { errors } = await page.evaluate(() => window.report());
  assert.deepEqual(errors, []);
};

describe("several sample descriptions", { concurrency: false }, () => {
  for (const [player, protocol, forms] of MATRIX) {
    for (const form of forms) {
      test(`${player} plays ${protocol} ${form}`, () => {
        const stream = streamOf(server, `${form}-open`);
        return withPlay({ browser, host }, { player, protocol, stream }, judge);
      });
    }
  }
});
