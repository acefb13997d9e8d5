// Thumbnails in real players: the track is listed, and the address that the player gives for a time
// is that of an image of the size that it tells.
import assert from "node:assert/strict";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, test } from "node:test";
import { Parser } from "m3u8-parser";
import { frameAfter, withPlay } from "./support/play.js";
import { manifestOf, streamOf } from "./support/server.js";
import { stage } from "./support/stage.js";

const repository = fileURLToPath(new URL("../../", import.meta.url));
const SHEETS = join(repository, "tests/media/out/thumbs/thumbs_4x2.mp4"); // one thumbnail a second

/** Player, protocol and streams. */
const MATRIX = [
  ["shaka5", "dash", ["clear-open", "cenc-open", "cbcs-open"]],
  ["shaka5", "hls", ["clear-open", "aes-open"]],
  ["dashjs", "dash", ["clear-open", "cenc-open"]],
];

const on = stage({
  media: (folder) => {
    for (const name of ["gate_h264_180p.mp4", "gate_aac_eng.mp4"]) {
      copyFileSync(join(repository, "assets/demo", name), join(folder, name));
    }
    copyFileSync(SHEETS, join(folder, "thumbs_4x2.mp4"));
  },
});

/** What is shown at 13.5 s: the sixth thumbnail of the second sheet. */
const EXPECTED = { x: 160, y: 90, width: 160, height: 90, sheet: [640, 180], sheets: 80000000 };

const judge = async (page, wire) => {
  await frameAfter(page, 0.2);
  const thumbnail = await page.evaluate(() => window.thumbnailAt(13.5));
  assert.match(decodeURIComponent(thumbnail.url), new RegExp(`/Fragments\\(images=${EXPECTED.sheets},`));
  const sheet = await page.evaluate(async (url) => {
    const { width, height } = await createImageBitmap(await (await fetch(url)).blob());
    return [width, height];
  }, thumbnail.url);
  const { x, y, width, height } = thumbnail;
  assert.deepEqual({ x, y, width, height, sheet, sheets: EXPECTED.sheets }, EXPECTED);
  assert.deepEqual(wire.answers.filter(({ status }) => status >= 400), []);
  const { errors } = await page.evaluate(() => window.report());
  assert.deepEqual(errors, []);
};

describe("thumbnails", { concurrency: false }, () => {
  for (const [player, protocol, names] of MATRIX) {
    for (const name of names) {
      test(`${player} finds them over ${protocol} ${name}`, () =>
        withPlay(on, { player, protocol, stream: streamOf(on.server, name) }, judge));
    }
  }

  test("hls.js plays beside them, and the playlist is read by a second parser", async () => {
    const stream = streamOf(on.server, "clear-open");
    const master = manifestOf(stream, "hls");
    const [, uri] = /IMAGE-STREAM-INF:.*URI="([^"]+)"/.exec(await (await fetch(master)).text());
    const parser = new Parser();
    parser.push(await (await fetch(new URL(uri, master))).text());
    parser.end();
    assert.deepEqual(parser.manifest.segments.map(({ duration }) => duration), [8, 8, 8]);
    await withPlay(on, { player: "hlsjs", protocol: "hls", stream }, async (page) => {
      await frameAfter(page, 0.2);
      const { errors } = await page.evaluate(() => window.report());
      assert.deepEqual(errors, []);
    });
  });
});
