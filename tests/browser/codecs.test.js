// Pictures in tiles and with hidden frames, in codecs beside AVC, under Common Encryption: what the
// decryptor of a real browser is told of them holds. Chromium has no decoder for HEVC.
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { frameAfter, withPlay } from "./support/play.js";
import { streamOf } from "./support/server.js";
import { stage } from "./support/stage.js";

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

const on = stage({
  media: (folder) => {
    for (const codec of CODECS) {
      mkdirSync(join(folder, codec));
      copyFileSync(`${MEDIA}${codec}.mp4`, join(folder, codec, `${codec}.mp4`));
    }
  },
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
          const stream = streamOf(on.server, `${codec}-${scheme}-open`);
          await withPlay(on, { player, protocol, stream, token: stream.token }, judge);
        });
      }
    }
  }
});
