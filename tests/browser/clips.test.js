// What a query cuts out of a film: players show all of it from its first picture to its last, and ask
// for nothing else.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { frameAfter, withPlay } from "./support/play.js";
import { streamOf } from "./support/server.js";
import { stage } from "./support/stage.js";

/** Two of the four fragments of the clip, in seconds. */
const [START, END] = [6, 18];
const TICKS = 10_000_000;

/** Player, format, streams. */
const MATRIX = [
  ["shaka5", "mpd-ondemand", ["clear-open", "cenc-open", "cbcs-open"]],
  ["dashjs", "smooth", ["clear-open"]],
];

const on = stage();

const judge = async (page, wire) => {
  const first = await frameAfter(page, 0.2);
  assert.ok(first < 2, `the first picture at ${first} s`);
  const { duration } = await page.evaluate(() => window.report());
  assert.ok(Math.abs(duration - (END - START)) < 0.1, `${duration} s`);
  await page.evaluate((to) => window.seek(to), END - START - 1);
  await frameAfter(page, END - START - 0.8);
  assert.deepEqual(wire.answers.filter(({ status }) => status >= 400), []);
  const times = wire.answers.map(({ path }) => /Fragments\(\w+=(\d+)/.exec(decodeURIComponent(path))?.[1]);
  for (const time of times.filter(Boolean)) {
    assert.ok(time >= (START - 0.1) * TICKS && time < END * TICKS, `the fragment at ${time}`);
  }
  const { errors } = await page.evaluate(() => window.report());
  assert.deepEqual(errors, []);
};

describe("clips", { concurrency: false }, () => {
  for (const [player, protocol, names] of MATRIX) {
    for (const name of names) {
      const play = { player, protocol, query: `?start=${START}&end=${END}` };
      test(`${player} plays ${protocol} ${name}`, () =>
        withPlay(on, { ...play, stream: streamOf(on.server, name) }, judge));
    }
  }
});
