// One presentation under several keys: a token that covers only SD plays SD, one that covers HD plays HD.
import assert from "node:assert/strict";
import { createHmac, randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { PLAY_LIMIT_MS, frameAfter, withPlay } from "./support/play.js";
import { stage } from "./support/stage.js";

const ISSUER = "urn:test";
const SECRET = randomBytes(32);
const LOCATOR = "00000000-0000-4000-8000-00000000f11a";
/** Lines of the levels that each key covers; SD is the rest. */
const HD = 540;

const odata = (kind) => `#Microsoft.Media.ContentKeyPolicy${kind}`;
const base64url = (value) => Buffer.from(value).toString("base64url");

/** A token of the shared issuer. */
const sign = (claims) => {
  const exp = Math.floor(Date.now() / 1000) + 3600;
  const parts = [{ alg: "HS256", typ: "JWT" }, { iss: ISSUER, aud: ISSUER, exp, ...claims }];
  const signed = parts.map((part) => base64url(JSON.stringify(part))).join(".");
  return `${signed}.${createHmac("sha256", SECRET).update(signed).digest("base64url")}`;
};

const keyPolicy = (name, requiredClaims) => ({
  name,
  type: "contentKeyPolicies",
  properties: {
    options: [
      {
        configuration: { "@odata.type": odata("ClearKeyConfiguration") },
        restriction: {
          "@odata.type": odata("TokenRestriction"),
          issuer: ISSUER,
          audience: ISSUER,
          restrictionTokenType: "Jwt",
          primaryVerificationKey: {
            "@odata.type": odata("SymmetricTokenKey"),
            keyValue: SECRET.toString("base64"),
          },
          requiredClaims,
        },
      },
    ],
  },
});

const select = (property, value) => ({ trackSelections: [{ property, operation: "Equal", value }] });

const ladder = [
  keyPolicy("sd", []),
  keyPolicy("hd", [{ claimType: "tier", claimValue: "hd" }]),
  {
    name: "ladder",
    type: "streamingPolicies",
    properties: {
      commonEncryptionCenc: {
        enabledProtocols: { dash: true, hls: true },
        contentKeys: {
          defaultKey: { label: "SD", policyName: "sd" },
          keyToTrackMappings: [{ label: "HD", policyName: "hd", tracks: [select("TrackClass", "HD")] }],
        },
      },
    },
  },
  {
    name: "film",
    type: "streamingLocators",
    properties: { assetName: "gate", streamingPolicyName: "ladder", streamingLocatorId: LOCATOR },
  },
];

const on = stage({ documents: ladder });

const stream = () => ({
  name: "film",
  manifests: [
    { protocol: "dash", format: "mpd-time-cmaf" },
    { protocol: "hls", format: "m3u8-cmaf" },
  ].map((manifest) => ({
    ...manifest,
    url: `${on.server.origin}/${LOCATOR}/gate.ism/manifest(format=${manifest.format},encryption=cenc)`,
  })),
});

describe("a ladder under two keys", { concurrency: 1 }, () => {
  for (const [tier, protocol, claims, allowed] of [
    ["SD", "dash", {}, (height) => height < HD],
    ["HD", "dash", { tier: "hd" }, (height) => height === HD],
    ["HD", "hls", { tier: "hd" }, (height) => height === HD],
  ]) {
    test(`shaka5 plays ${tier} over ${protocol}`, { timeout: 2 * PLAY_LIMIT_MS }, async () => {
      const job = { player: "shaka5", protocol, stream: stream(), token: sign(claims) };
      await withPlay(on, job, async (page) => {
        await frameAfter(page, 8);
        const { height, encrypted, errors } = await page.evaluate(() => window.report());
        assert.deepEqual({ encrypted, errors }, { encrypted: true, errors: [] });
        assert.ok(height > 0 && allowed(height), `${height} lines are shown`);
      });
    });
  }

  test("shaka5 plays nothing without a token", { timeout: 2 * PLAY_LIMIT_MS }, async () => {
    const job = { player: "shaka5", protocol: "dash", stream: stream(), token: "" };
    await withPlay(on, job, async (page) => {
      await page.waitForFunction(() => window.report().errors.length > 0);
      assert.equal((await page.evaluate(() => window.report())).frames, 0);
    });
  });
});
