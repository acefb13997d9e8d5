// A track that goes over to other parameter sets in its middle: players go over with it.
import assert from "node:assert/strict";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { frameAfter, withPlay } from "./support/play.js";
import { streamOf } from "./support/server.js";
import { stage } from "./support/stage.js";

const FILE = fileURLToPath(new URL("../media/out/traps/two_sample_entries.mp4", import.meta.url));

/** Where the second entry begins, and the end, in seconds. */
const [CHANGE, END] = [8, 16];

const MATRIX = [
  ["shaka5", "mpd-time-cmaf", ["clear", "cenc", "cbcs"]],
  ["dashjs", "mpd-time-cmaf", ["clear", "cenc"]],
  ["shaka5", "m3u8-cmaf", ["clear", "aes"]],
  ["hlsjs", "m3u8-cmaf", ["clear", "aes"]],
];

const on = stage({ media: (folder) => copyFileSync(FILE, join(folder, "film.mp4")) });

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
        const stream = streamOf(on.server, `${form}-open`);
        return withPlay(on, { player, protocol, stream }, judge);
      });
    }
  }
});
