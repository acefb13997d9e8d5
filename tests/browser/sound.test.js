// Sound stays with the pictures: its segments are put where their own clock says, in the middle of a film too.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { frameAfter, withPlay } from "./support/play.js";
import { streamOf } from "./support/server.js";
import { stage } from "./support/stage.js";

const MATRIX = [
  ["shaka5", "hls"],
  ["shaka5", "dash"],
];
const STREAMS = ["clear-open", "aes-open", "cbcs-open"];

/** Behind all that is buffered at the start. */
const SEEK_TO = 20;
const TICKS = 10_000_000;
/** A tenth of a frame of sound. */
const TOLERANCE = 0.002;

const on = stage();

const judge = async (page, wire) => {
  await frameAfter(page, 0.2);
  await page.evaluate((to) => window.seek(to), SEEK_TO);
  await frameAfter(page, SEEK_TO + 0.2);
  const buffered = await page.evaluate(() => window.bufferedSound());
  const asked = wire.answers.map(({ path }) => /Fragments\((?!video)\w+=(\d+)/.exec(decodeURIComponent(path))?.[1]);
  const starts = asked.filter(Boolean).map((time) => time / TICKS);
  const [start] = buffered.find(([from, to]) => from <= SEEK_TO && SEEK_TO < to) ?? [];
  assert.ok(start > 0, "all sound up to here is one piece: nothing can be told");
  const nearest = Math.min(...starts.map((time) => Math.abs(time - start)));
  assert.ok(nearest < TOLERANCE, `sound is buffered from ${start}, segments start at ${starts}`);
};

describe("sound", { concurrency: false }, () => {
  for (const [player, protocol] of MATRIX) {
    for (const name of STREAMS.filter((name) => protocol === "hls" || name !== "aes-open")) {
      test(`${player} keeps that of ${protocol} ${name} with the pictures`, () =>
        withPlay(on, { player, protocol, stream: streamOf(on.server, name) }, judge));
    }
  }
});
