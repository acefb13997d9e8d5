// Real players show our subtitles: the cue that belongs to a time is there at that time.
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, describe, test } from "node:test";
import { manifestOf, streamOf } from "./support/server.js";
import { stage } from "./support/stage.js";

const demo = fileURLToPath(new URL("../../assets/demo/", import.meta.url));
const LIMIT_MS = 15_000;

const WEBVTT = `WEBVTT

00:00:00.200 --> 00:00:04.000
first cue

00:00:05.000 --> 00:00:07.500
crosses <i>an edge</i>

00:00:13.000 --> 00:00:17.000
after a seek
`;

const TTML = `<?xml version="1.0" encoding="UTF-8"?>
<tt xmlns="http://www.w3.org/ns/ttml" xml:lang="en"><body><div>
<p begin="0.2s" end="4s">first cue</p><p begin="5s" end="7.5s">crosses an edge</p>
<p begin="13s" end="17s">after a seek</p></div></body></tt>`;

/** player, protocol or format, stream, source of the text. */
const MATRIX = [
  ["hlsjs", "hls", "clear", "vtt"],
  ["hlsjs", "m3u8-aapl", "clear", "vtt"],
  ["hlsjs", "m3u8-aapl", "aes", "vtt"],
  ["hlsjs", "hls", "clear", "ttml"],
  ["shaka5", "hls", "clear", "vtt"],
  ["shaka5", "m3u8-aapl", "clear", "vtt"],
  ["shaka5", "m3u8-aapl", "aes", "vtt"],
  ["shaka5", "dash", "clear", "vtt"],
  ["shaka5", "dash", "cenc", "vtt"],
  ["shaka5", "dash", "clear", "ttml"],
  ["shaka5", "mpd-ondemand", "clear", "vtt"],
  ["shaka5", "mpd-ondemand", "cenc", "vtt"],
  ["shaka5", "mpd-ondemand", "clear", "ttml"],
  ["dashjs", "mpd-ondemand", "clear", "vtt"],
  ["dashjs", "dash", "clear", "vtt"],
  ["dashjs", "dash", "cenc", "vtt"],
  ["dashjs", "dash", "clear", "ttml"],
  ["dashjs", "smooth", "clear", "vtt"],
  ["dashjs", "smooth", "clear", "ttml"],
];

const on = stage({
  media: (home) => {
    for (const [folder, name, text] of [["vtt", "film_eng.vtt", WEBVTT], ["ttml", "film_eng.ttml", TTML]]) {
      mkdirSync(join(home, folder));
      for (const file of ["gate_h264_180p.mp4", "gate_aac_eng.mp4"]) copyFileSync(demo + file, join(home, folder, file));
      writeFileSync(join(home, folder, name), text);
    }
  },
});
const results = [];

after(() => {
  console.table(results);
});

/** Waits until the player shows a text that has `part` in it, at a time from `from` to `to`. */
const shows = async (page, part, from, to) => {
  const deadline = Date.now() + LIMIT_MS;
  let seen;
  while (Date.now() < deadline) {
    seen = await page.evaluate(() => ({ shown: window.shownText(), ...window.report() }));
    if (seen.shown.includes(part)) {
      assert.ok(seen.time >= from - 0.1 && seen.time <= to + 0.5, `${part} at ${seen.time} s`);
      return;
    }
    await page.waitForTimeout(50);
  }
  assert.fail(`${JSON.stringify(part)} was not shown: ${JSON.stringify(seen)}`);
};

describe("text", { concurrency: false }, () => {
  for (const [player, protocol, form, source] of MATRIX) {
    test(`${player} ${protocol} ${form} shows ${source}`, async () => {
      const row = { player, protocol, form, source, shows: "no" };
      results.push(row);
      const stream = streamOf(on.server, `${source}-${form}-open`);
      const context = await on.browser.newContext();
      const page = await context.newPage();
      try {
        await page.goto(on.host.pageOf(player));
        await page.waitForFunction(() => window.begin);
        const licence = stream.licenses?.["org.w3.clearkey"];
        const job = { url: manifestOf(stream, protocol), protocol, token: "", licence, text: true };
        await page.evaluate(([id, work]) => void window.begin(id, work), [player, job]);
        await shows(page, "first cue", 0.2, 4);
        await shows(page, "an edge", 5, 7.5);
        await page.evaluate(() => window.seek(13.5));
        await shows(page, "after a seek", 13, 17);
        row.shows = "yes";
      } finally {
        await context.close();
      }
    });
  }
});
