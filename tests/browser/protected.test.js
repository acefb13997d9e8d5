// Forms of protection that only a streaming policy of one's own has, each with the player that takes it.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { PLAY_LIMIT_MS, frameAfter, withPlay } from "./support/play.js";
import { stage } from "./support/stage.js";

const KEY = randomBytes(16);
const KID = "9eb4050d-e44b-4802-932e-27d75083e266";
const base64url = (bytes) => Buffer.from(bytes).toString("base64url");
const odata = (kind) => `#Microsoft.Media.ContentKeyPolicy${kind}`;

const everybody = {
  name: "everybody",
  type: "contentKeyPolicies",
  properties: {
    options: [
      {
        configuration: { "@odata.type": odata("ClearKeyConfiguration") },
        restriction: { "@odata.type": odata("OpenRestriction") },
      },
    ],
  },
};

/** A policy and a locator of one name; gives the locator's id back. */
const published = (name, id, properties, contentKeys = []) => [
  { name, type: "streamingPolicies", properties },
  {
    name,
    type: "streamingLocators",
    properties: {
      assetName: "gate",
      streamingPolicyName: name,
      streamingLocatorId: id,
      defaultContentKeyPolicyName: "everybody",
      contentKeys,
    },
  },
];

const SMOOTH = "00000000-0000-4000-8000-000000000001";
const CBCS = "00000000-0000-4000-8000-000000000002";

const LEAD = "00000000-0000-4000-8000-000000000003";

const documents = [
  everybody,
  ...published(
    "smooth",
    SMOOTH,
    { commonEncryptionCenc: { enabledProtocols: { smoothStreaming: true }, drm: { playReady: {} } } },
    [{ id: KID, labelReferenceInStreamingPolicy: "cencDefaultKey", value: KEY.toString("base64") }],
  ),
  ...published("cbcs", CBCS, {
    commonEncryptionCbcs: {
      enabledProtocols: { hls: true },
      clearKeyEncryptionConfiguration: { hlsKeyFormats: ["org.w3.clearkey"] },
    },
  }),
  ...published("lead", LEAD, {
    commonEncryptionCenc: { enabledProtocols: { dash: true, hls: true }, clearLeadSeconds: 4 },
    commonEncryptionCbcs: { enabledProtocols: { dash: true, hls: true }, clearLeadSeconds: 4 },
    envelopeEncryption: { enabledProtocols: { hls: true }, clearLeadSeconds: 4 },
  }),
];

const on = stage({ documents });

const stream = (protocol, locator, parameters, more) => ({
  name: locator,
  manifests: [{ protocol, format: "", url: `${on.server.origin}/${locator}/gate.ism/manifest(${parameters})` }],
  ...more,
});

const plays = async (player, protocol, asked, until = 5, eme = true) => {
  await withPlay(on, { player, protocol, stream: asked }, async (page) => {
    await frameAfter(page, until);
    const { encrypted, errors, audioBytes } = await page.evaluate(() => window.report());
    assert.deepEqual({ encrypted, errors }, { encrypted: eme, errors: [] });
    assert.ok(audioBytes > 0, "sound is decoded");
  });
};

describe("protected streams", { concurrency: 1 }, () => {
  for (const form of ["cenc", "piff"]) {
    test(`dashjs plays Smooth Streaming under ${form} with the keys of the page`, { timeout: 2 * PLAY_LIMIT_MS }, async () => {
      const id = Buffer.from(KID.replaceAll("-", ""), "hex");
      const clearKeys = { [base64url(id)]: base64url(KEY) };
      await plays("dashjs", "smooth", stream("smooth", SMOOTH, `encryption=${form}`, { clearKeys }));
    });
  }

  test("hlsjs plays cbcs by the ClearKey line that the policy chose", { timeout: 2 * PLAY_LIMIT_MS }, async () => {
    const licenses = { "org.w3.clearkey": `${on.server.keyDelivery}/ClearKey/` };
    const parameters = "format=m3u8-cmaf,encryption=cbcs-aapl";
    await plays("hlsjs", "hls", stream("hls", CBCS, parameters, { licenses }));
  });

  // Fragments have six seconds: one is clear.
  for (const [player, protocol, format, encryption, eme] of [
    ["shaka5", "dash", "mpd-time-cmaf", "cenc", true],
    ["shaka5", "dash", "mpd-time-cmaf", "cbcs-aapl", true],
    ["dashjs", "dash", "mpd-time-cmaf", "cenc", true],
    ["shaka5", "hls", "m3u8-cmaf", "cenc", true],
    ["shaka5", "hls", "m3u8-cmaf", "cbcs-aapl", true],
    ["hlsjs", "hls", "m3u8-cmaf", "cenc", true],
    ["hlsjs", "hls", "m3u8-cmaf", "cbc", false],
    ["hlsjs", "hls", "m3u8-aapl", "cbcs-aapl", true],
    ["hlsjs", "hls", "m3u8-aapl", "cbc", false],
  ]) {
    const limit = { timeout: 2 * PLAY_LIMIT_MS };
    test(`${player} plays over the end of a clear lead: ${format}, ${encryption}`, limit, async () => {
      const licenses = { "org.w3.clearkey": `${on.server.keyDelivery}/ClearKey/` };
      const parameters = `format=${format},encryption=${encryption}`;
      await plays(player, protocol, stream(protocol, LEAD, parameters, { licenses }), 8, eme);
    });
  }
});
