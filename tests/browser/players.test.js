// Real players on a foreign page play every form that they can, and are refused without a token.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { PLAY_LIMIT_MS, frameAfter, withPlay as play } from "./support/play.js";
import { keep } from "./support/results.js";
import { streamOf } from "./support/server.js";
import { stage } from "./support/stage.js";

/** player, protocol or format, streams: what players.md section 5 says this player must be able to play. */
const MATRIX = [
  ["shaka5", "dash", ["clear-open", "aes-open", "aes-token", "cenc-open", "cenc-token", "cbcs-open", "cbcs-token"]],
  ["shaka5", "hls", ["clear-open", "aes-open", "aes-token", "cenc-open", "cenc-token", "cbcs-open", "cbcs-token"]],
  ["shaka4", "dash", ["cenc-open", "cenc-token", "cbcs-open", "cbcs-token"]],
  ["shaka4", "hls", ["aes-token", "cbcs-token"]],
  ["dashjs", "dash", ["clear-open", "cenc-open", "cenc-token", "cbcs-open", "cbcs-token"]],
  ["hlsjs", "hls", ["clear-open", "aes-open", "aes-token", "cenc-open", "cenc-token"]],
  ["videojs", "hls", ["aes-open", "aes-token"]],
  ["videojs", "dash", ["cenc-open", "cenc-token", "cbcs-token"]],
  ["shaka5", "mpd-ondemand", ["clear-open", "cenc-open", "cbcs-open"]],
  ["dashjs", "mpd-ondemand", ["clear-open", "cenc-open", "cbcs-open"]],
  ["shaka5", "m3u8-aapl", ["clear-open", "aes-open", "aes-token"]],
  ["shaka5", "m3u8-aapl-v3", ["clear-open", "aes-open"]],
  ["shaka5", "m3u8-aapl-v8", ["clear-open"]],
  ["shaka5", "m3u8-aapl-packed", ["clear-open", "aes-open"]],
  ["shaka4", "m3u8-aapl", ["clear-open", "aes-token"]],
  ["hlsjs", "m3u8-aapl", ["clear-open", "aes-open", "aes-token", "cbcs-open", "cbcs-token"]],
  ["hlsjs", "m3u8-aapl-v3", ["clear-open", "aes-open"]],
  ["hlsjs", "m3u8-aapl-v8", ["clear-open", "cbcs-open"]],
  ["hlsjs", "m3u8-aapl-packed", ["clear-open", "aes-open", "cbcs-open", "cbcs-token"]],
  ["videojs", "m3u8-aapl", ["clear-open", "aes-token"]],
  ["videojs", "m3u8-aapl-v3", ["clear-open"]],
  ["shaka5", "mpd-time-csf", ["clear-open", "aes-open", "cenc-open"]],
  ["dashjs", "mpd-time-csf", ["clear-open", "cenc-open", "cenc-token"]],
  ["dashjs", "smooth", ["clear-open"]],
];

const SEEK_TO = 15;
/** A refused player must show nothing for this long after the refusal. */
const QUIET_MS = 1_000;
/** One plain colour has a contrast of 0; the clip's gradient and white digits are far above this. */
const LEAST_CONTRAST = 10;

/** With its last character changed a signature no longer fits; base64url keeps it decodable. */
const forge = (token) => {
  const [head, claims, signature] = token.split(".");
  const first = signature[0] === "A" ? "B" : "A";
  return `${head}.${claims}.${first}${signature.slice(1)}`;
};

const REFUSALS = [
  ["without a token", () => "", "token-missing"],
  ["with a forged token", forge, "token-signature-invalid"],
];

const on = stage();
const results = [];

after(() => {
  console.table(results);
  keep("players", results);
});

const withPlay = (job, judge) => play(on, job, judge);

const judgePlay = (stream, row) => async (page, wire) => {
  await frameAfter(page, 0.2);
  const picture = await page.locator("video").screenshot();
  const data = `data:image/png;base64,${picture.toString("base64")}`;
  row.contrast = Math.round(await page.evaluate((url) => window.contrast(url), data));
  await page.evaluate((to) => window.seek(to), SEEK_TO);
  row.afterSeek = await frameAfter(page, SEEK_TO + 0.2);
  const seen = await page.evaluate(() => window.report());
  Object.assign(row, { height: seen.height, keys: wire.keys().length });
  assert.ok(row.contrast > LEAST_CONTRAST, `the picture is blank (contrast ${row.contrast})`);
  assert.ok(row.afterSeek < SEEK_TO + 3, `the seek landed at ${row.afterSeek}`);
  assert.ok(seen.audioBytes > 0, "no sound was decoded");
  assert.ok(Math.abs(seen.duration - 24) < 0.2, `duration ${seen.duration}`);
  assert.deepEqual(seen.errors, []);
  assert.deepEqual(wire.failures, []);
  assert.deepEqual(wire.answers.filter(({ status }) => status >= 400), []);
  assert.equal(wire.keys().length > 0, stream.keys.length > 0, "keys are asked for when there are any");
};

const judgeRefusal = (code) => async (page, wire) => {
  const deadline = Date.now() + PLAY_LIMIT_MS;
  while (wire.refusals().length === 0 && Date.now() < deadline) await page.waitForTimeout(50);
  await page.waitForTimeout(QUIET_MS);
  const [refusal] = wire.refusals();
  assert.ok(refusal, "no key or licence request was refused");
  assert.equal(refusal.status, 401);
  assert.equal((await refusal.problem).code, code);
  assert.deepEqual(wire.keys().filter(({ status, method }) => status < 400 && method !== "OPTIONS"), []);
  assert.equal((await page.evaluate(() => window.report())).frames, 0, "a frame was decoded");
};

const casesOf = (player, protocol, name) => {
  const title = `${player} ${protocol} ${name}`;
  test(`${title} plays and seeks`, async () => {
    const stream = streamOf(on.server, name);
    const row = { player, protocol, stream: name, plays: "no" };
    results.push(row);
    await withPlay({ player, protocol, stream, token: stream.token }, judgePlay(stream, row));
    row.plays = "yes";
  });
  if (!name.endsWith("-token")) return;
  for (const [how, tokenOf, code] of REFUSALS) {
    test(`${title} is refused ${how}`, async () => {
      const stream = streamOf(on.server, name);
      await withPlay({ player, protocol, stream, token: tokenOf(stream.token) }, judgeRefusal(code));
    });
  }
};

describe("players", { concurrency: false }, () => {
  for (const [player, protocol, names] of MATRIX) {
    for (const name of names) casesOf(player, protocol, name);
  }
});
