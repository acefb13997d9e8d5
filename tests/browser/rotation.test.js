// Keys that rotate: play across the end of a crypto period, and seek over others and back.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PLAY_LIMIT_MS, frameAfter, withPlay } from "./support/play.js";
import { stage } from "./support/stage.js";

const odata = (kind) => ({ "@odata.type": `#Microsoft.Media.ContentKeyPolicy${kind}` });
const LOCATORS = {
  aes: "Predefined_ClearKey",
  cenc: "Portcullis_CencClearKey",
  cbcs: "Portcullis_CbcsClearKey",
  lead: "lead",
};
const id = (n) => `00000000-0000-4000-8000-0000000000${n}`;

/** Fragments of 6 seconds, of which each has a key of its own. */
const rotating = (name, n) => ({
  name,
  type: "streamingLocators",
  properties: {
    assetName: "gate",
    streamingPolicyName: LOCATORS[name],
    defaultContentKeyPolicyName: "everybody",
    streamingLocatorId: id(n + 10),
    keyRotation: { period: "PT6S" },
  },
});

/** One fragment is clear. */
const lead = {
  name: "lead",
  type: "streamingPolicies",
  properties: { commonEncryptionCenc: { enabledProtocols: { dash: true, hls: true }, clearLeadSeconds: 6 } },
};

const everybody = {
  name: "everybody",
  type: "contentKeyPolicies",
  properties: { options: [{ configuration: odata("ClearKeyConfiguration"), restriction: odata("OpenRestriction") }] },
};

const on = stage({ documents: [everybody, lead, ...Object.keys(LOCATORS).map(rotating)] });

const stream = (name, protocol, selectors) => ({
  name,
  licenses: { "org.w3.clearkey": `${on.server.origin}/keydelivery/ClearKey/` },
  manifests: [
    {
      protocol,
      url: `${on.server.origin}/${id(Object.keys(LOCATORS).indexOf(name) + 10)}/gate.ism/manifest(${selectors})`,
    },
  ],
});

describe("keys that rotate", { concurrency: 1 }, () => {
  for (const [player, protocol, name, selectors] of [
    ["shaka5", "dash", "cenc", "format=mpd-time-cmaf,encryption=cenc"],
    ["shaka5", "dash", "cbcs", "format=mpd-time-cmaf,encryption=cbcs-aapl"],
    ["shaka5", "dash", "aes", "format=mpd-time-csf,encryption=cbc"],
    ["shaka5", "hls", "cenc", "format=m3u8-cmaf,encryption=cenc"],
    ["shaka5", "hls", "cbcs", "format=m3u8-cmaf,encryption=cbcs-aapl"],
    ["shaka5", "hls", "aes", "format=m3u8-cmaf,encryption=cbc"],
    ["shaka5", "hls", "aes", "format=m3u8-aapl,encryption=cbc"],
    ["dashjs", "dash", "cenc", "format=mpd-time-cmaf,encryption=cenc"],
    ["dashjs", "dash", "cbcs", "format=mpd-time-cmaf,encryption=cbcs-aapl"],
    ["hlsjs", "hls", "cenc", "format=m3u8-cmaf,encryption=cenc"],
    ["hlsjs", "hls", "aes", "format=m3u8-cmaf,encryption=cbc"],
    ["hlsjs", "hls", "aes", "format=m3u8-aapl,encryption=cbc"],
    ["hlsjs", "hls", "cbcs", "format=m3u8-aapl,encryption=cbcs-aapl"],
    ["shaka5", "dash", "lead", "format=mpd-time-cmaf,encryption=cenc"],
    ["shaka5", "hls", "lead", "format=m3u8-cmaf,encryption=cenc"],
    ["dashjs", "dash", "lead", "format=mpd-time-cmaf,encryption=cenc"],
    ["hlsjs", "hls", "lead", "format=m3u8-cmaf,encryption=cenc"],
  ]) {
    test(`${player} plays and seeks over ${selectors} of ${name}`, { timeout: 6 * PLAY_LIMIT_MS }, async () => {
      const job = { player, protocol, stream: stream(name, protocol, selectors), token: "", settings: { rotating: true } };
      await withPlay(on, job, async (page) => {
        await frameAfter(page, 0.3);
        // To the end of the first period and over it, to the last one, and back into the second.
        for (const [to, shown] of [
          [5, 7],
          [19, 20],
          [8, 9],
        ]) {
          await page.evaluate((time) => window.seek(time), to);
          const at = await frameAfter(page, to);
          assert.ok(at < to + 4, `the frame after a seek to ${to} s is of ${at} s`);
          await frameAfter(page, shown);
        }
        const { errors } = await page.evaluate(() => window.report());
        assert.deepEqual(errors, []);
      });
    });
  }
});
