// Trick play: a player that is told to run fast fetches key frames in the place of segments.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { frameAfter, withPlay } from "./support/play.js";
import { streamOf } from "./support/server.js";
import { stage } from "./support/stage.js";

/**
 * Protocol, streams, and how key frames are asked for. Shaka cuts a key frame out of a clear range
 * of a fragment, but not out of a protected one, so HLS with `cenc` and `cbcs` is not here.
 */
const MATRIX = [
  ["dash", ["clear-open", "cenc-open", "cbcs-open"], /\/KeyFrames\(video=\d/],
  ["mpd-ondemand", ["clear-open", "cenc-open"], /\/Media\(video,.*type=keyframes\)$/],
  ["hls", ["aes-open"], /\/KeyFrames\(video=\d/],
  ["hls", ["clear-open"], /\/Manifest\(video,.*type=keyframes\)$/],
];

/** Behind everything that was fetched before the player was told to run. */
const RUN_TO = 19;

const on = stage();

const judge = (keyFrames) => async (page, wire) => {
  await frameAfter(page, 0.2);
  await page.evaluate(() => window.player.trickPlay(4));
  await frameAfter(page, RUN_TO - 1);
  const asked = wire.answers.filter(({ path }) => keyFrames.test(decodeURIComponent(path)));
  assert.ok(asked.length > 0, "no key frame was asked for");
  assert.deepEqual(wire.answers.filter(({ status }) => status >= 400), []);
  const { errors } = await page.evaluate(() => window.report());
  assert.deepEqual(errors, []);
};

describe("Shaka runs four times as fast", { concurrency: false }, () => {
  for (const [protocol, names, keyFrames] of MATRIX) {
    for (const name of names) {
      test(`over ${protocol} ${name}`, () =>
        withPlay(on, { player: "shaka5", protocol, stream: streamOf(on.server, name) }, judge(keyFrames)));
    }
  }
});
