// What a query cuts out of a film: players show all of it from its first picture to its last, and ask
// for nothing else.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startBrowser } from "./support/browser.js";
import { startHost } from "./support/host.js";
import { frameAfter, withPlay } from "./support/play.js";
import { startServer, streamOf } from "./support/server.js";

/** Two of the four fragments of the clip, in seconds. */
const [START, END] = [6, 18];
const TICKS = 10_000_000;

/** Player, format, streams. */
const MATRIX = [
  ["shaka5", "mpd-ondemand", ["clear-open", "cenc-open", "cbcs-open"]],
  ["dashjs", "smooth", ["clear-open"]],
];

let server, host, browser;

before(async () => {
  server = await startServer(); // one by one: what started is stopped even when the next fails
  host = await startHost();
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  host?.stop();
  await server?.stop();
});

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
        withPlay({ browser, host }, { ...play, stream: streamOf(server, name) }, judge));
    }
  }
});
