// Every format x every codec x every player: what comes out is the table of the README. A cell says
// what was seen, so there is nothing to assert here but that the clip in AVC and AAC plays everywhere.
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { decodedByFfmpeg } from "./support/ffmpeg.js";
import { keep } from "./support/results.js";
import { streamOf } from "./support/server.js";
import { stage } from "./support/stage.js";

const MEDIA = fileURLToPath(new URL("../media/out/codecs/", import.meta.url));

/** Column, and the files that make a title of it. */
const TITLES = [
  ["AVC + AAC", ["h264_320x180", "aac_eng"]],
  ["HEVC", ["hevc_320x180", "aac_eng"]],
  ["AV1", ["av1_320x180", "aac_eng"]],
  ["VP9", ["vp9_320x180", "aac_eng"]],
  ["AC-3", ["h264_320x180", "ac3_eng"]],
  ["E-AC-3", ["h264_320x180", "ec3_eng"]],
  ["Opus", ["h264_320x180", "opus_eng"]],
  ["FLAC", ["h264_320x180", "flac_eng"]],
];

const PLAYERS = { dash: ["shaka5", "dashjs"], hls: ["shaka5", "hlsjs"], smooth: ["dashjs"] };
const READ_BY_FFMPEG = ["dash", "hls"];

/** The two Smooth versions differ in how chunks are counted only. */
const LEFT_OUT = ["fmp4-v20"];

/** A player that shows nothing for this long does not play. */
const PATIENCE_MS = 6_000;

const folderOf = (title) => title.toLowerCase().replace(/[^a-z0-9]+/g, "");

const on = stage({
  media: (home) => {
    for (const [title, files] of TITLES) {
      const folder = join(home, folderOf(title));
      mkdirSync(folder);
      files.forEach((file) => copyFileSync(`${MEDIA}drift_${file}.mp4`, join(folder, `${file}.mp4`)));
    }
  },
});
const rows = [];

after(() => {
  keep("matrix", rows);
});

/** What a player in the browser shows of a manifest. */
const shownBy = async (player, protocol, url) => {
  const context = await on.browser.newContext();
  try {
    const page = await context.newPage();
    await page.goto(on.host.pageOf(player));
    await page.waitForFunction(() => window.begin);
    await page.evaluate(([id, job]) => void window.begin(id, job), [player, { url, protocol }]);
    const shown = await page
      .waitForFunction(() => window.hasPlayed() || window.report().errors.length > 0, null, { timeout: PATIENCE_MS })
      .then(() => page.evaluate(() => window.hasPlayed()), () => false);
    const { audioBytes } = await page.evaluate(() => window.report());
    return { video: shown, audio: shown && audioBytes > 0 };
  } finally {
    await context.close();
  }
};

/** Ways to see one manifest, by the name of the player. */
const judgesOf = (protocol, url) => [
  ...PLAYERS[protocol].map((player) => [player, () => shownBy(player, protocol, url)]),
  ...(READ_BY_FFMPEG.includes(protocol) ? [["ffmpeg", () => decodedByFfmpeg(url, protocol)]] : []),
];

const see = async (title, { protocol, format, url }) => {
  const { status } = await fetch(url);
  const row = { title, format, protocol, status, players: {} };
  rows.push(row);
  if (status === 415) return row; // the format cannot carry any of it, and says so
  assert.equal(status, 200, url);
  for (const [player, judge] of judgesOf(protocol, url)) row.players[player] = await judge();
  return row;
};

describe("formats and codecs", { concurrency: false }, () => {
  for (const [title] of TITLES) {
    test(title, async () => {
      const { manifests } = streamOf(on.server, `${folderOf(title)}-clear-open`);
      for (const manifest of manifests.filter(({ format }) => !LEFT_OUT.includes(format))) {
        const { format, players } = await see(title, manifest);
        if (title !== TITLES[0][0]) continue;
        for (const [player, seen] of Object.entries(players)) {
          assert.deepEqual(seen, { video: true, audio: true }, `${player} does not play ${format}`);
        }
      }
    });
  }
});
