// Pictures in tiles and with hidden frames, in codecs beside AVC, under Common Encryption: what the
// decryptor of a real browser is told of them holds. Chromium has no decoder for HEVC.
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startBrowser } from "./support/browser.js";
import { startHost } from "./support/host.js";
import { frameAfter, withPlay } from "./support/play.js";
import { startServer, streamOf } from "./support/server.js";

const MEDIA = fileURLToPath(new URL("../media/out/slices/", import.meta.url));

const CODECS = ["av1", "vp9"];

/** Player, protocol, and the schemes that it plays there. */
const PLAYERS = [
  ["shaka5", "dash", ["cenc", "cbcs"]],
  ["dashjs", "dash", ["cenc", "cbcs"]],
  ["shaka5", "hls", ["cenc", "cbcs"]],
  ["hlsjs", "hls", ["cenc"]],
];

const SEEK_TO = 7;

let media, server, host, browser;

before(async () => {
  media = mkdtempSync(join(tmpdir(), "portcullis-codecs-"));
  for (const codec of CODECS) {
    mkdirSync(join(media, codec));
    copyFileSync(`${MEDIA}${codec}.mp4`, join(media, codec, `${codec}.mp4`));
  }
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

const judge = async (page, wire) => {
  await frameAfter(page, 0.2);
  await page.evaluate((to) => window.seek(to), SEEK_TO);
  const shown = await frameAfter(page, SEEK_TO + 0.2);
  const seen = await page.evaluate(() => window.report());
  assert.ok(shown < SEEK_TO + 3, `the seek landed at ${shown}`);
  assert.equal(seen.height, 180);
  assert.deepEqual(seen.errors, []);
  assert.deepEqual(wire.failures, []);
  assert.ok(wire.keys().length > 0, "no key was asked for");
};

describe("codecs under Common Encryption", { concurrency: false }, () => {
  for (const codec of CODECS) {
    for (const [player, protocol, schemes] of PLAYERS) {
      for (const scheme of schemes) {
        test(`${player} ${protocol} ${codec} ${scheme}`, async () => {
          const stream = streamOf(server, `${codec}-${scheme}-open`);
          await withPlay({ browser, host }, { player, protocol, stream, token: stream.token }, judge);
        });
      }
    }
  }
});
