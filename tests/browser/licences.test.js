// Licences as pages of others ask for them: one address for all systems, set up as Shaka Player's demo does it, in
// the wrapping of its tutorial, and what players say of refusals. And the exchanges of the web platform's tests.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PLAY_LIMIT_MS, frameAfter, withPlay } from "./support/play.js";
import { streamOf } from "./support/server.js";
import { stage } from "./support/stage.js";

const CLEARKEY = "org.w3.clearkey";
const SYSTEMS = [CLEARKEY, "com.widevine.alpha", "com.microsoft.playready", "com.apple.fps"];
const odata = (kind) => ({ "@odata.type": `#Microsoft.Media.ContentKeyPolicy${kind}` });

/** Streams whose manifests name the address of all systems, with a query that may hold a switch for testers. */
const SWITCHES = {
  plain: "",
  late: "?test-delay=700",
  "wrong-key": "?test-key=wrong",
  busy: "?test-status=503",
  unreadable: "?test-cors=none",
};
const idOf = (name) => `00000000-0000-4000-8000-00000000aa0${Object.keys(SWITCHES).indexOf(name)}`;
const one = (server) => `${server.keyDelivery}/license`;

/** KIDs and keys of the web platform's tests, in base64url. */
const PLATFORM = [
  ["AAAAAAPS_EEAAAAAAAAAAA", "rzQTSR-sLD46a4jgU4RCBg"],
  ["AAECAwQFBgcICQoLDA0ODw", "691i8WgU0nto7xIq_OSuPA"],
];
const bytes = (base64url) => Buffer.from(base64url, "base64url");
const guid = (kid) => bytes(kid).toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");

const streaming = (server) => ([name, query]) => ({
  name,
  type: "streamingPolicies",
  properties: {
    commonEncryptionCenc: {
      enabledProtocols: { dash: true, hls: true },
      drm: { playReady: {}, widevine: {} },
      clearKeyEncryptionConfiguration: { customKeysAcquisitionUrlTemplate: one(server) + query },
    },
  },
});

const locator = (name, properties) => ({ name, type: "streamingLocators", properties: { assetName: "gate", ...properties } });

const documents = (server) => [
  {
    name: "everybody",
    type: "contentKeyPolicies",
    properties: { options: [{ configuration: odata("ClearKeyConfiguration"), restriction: odata("OpenRestriction") }] },
  },
  ...Object.entries(SWITCHES).map(streaming(server)),
  ...Object.keys(SWITCHES).map((name) =>
    locator(name, {
      streamingPolicyName: name,
      streamingLocatorId: idOf(name),
      defaultContentKeyPolicyName: name === "plain" ? "token" : "everybody",
    }),
  ),
  ...PLATFORM.map(([kid, key], n) =>
    locator(`platform-${n}`, {
      streamingPolicyName: "Portcullis_CencClearKey",
      defaultContentKeyPolicyName: "everybody",
      contentKeys: [
        { id: guid(kid), labelReferenceInStreamingPolicy: "cencDefaultKey", value: bytes(key).toString("base64") },
      ],
    }),
  ),
];

const on = stage({ documents });
const limit = { timeout: 2 * PLAY_LIMIT_MS };

const manifestUrl = (name, format) =>
  `${on.server.origin}/${idOf(name)}/gate.ism/manifest(format=${format},encryption=cenc)`;

const stream = (name) => ({
  name,
  licenses: { [CLEARKEY]: one(on.server) + SWITCHES[name] },
  manifests: [
    { protocol: "dash", url: manifestUrl(name, "mpd-time-cmaf") },
    { protocol: "hls", url: manifestUrl(name, "m3u8-cmaf") },
  ],
});

const token = () => streamOf(on.server, "cenc-token").token;

/** An asset of the demo in which one address stands for every system, as its dialog makes it of one address. */
const assetOf = (name, bearer) => ({
  manifestUri: manifestUrl(name, "mpd-time-cmaf"),
  licenseServers: { __type__: "map", ...Object.fromEntries(SYSTEMS.map((system) => [system, one(on.server)])) },
  licenseRequestHeaders: { __type__: "map", ...(bearer && { Authorization: `Bearer ${bearer}` }) },
});

/** What each player is told of licences, with a token or "". */
const SETTINGS = {
  shaka5: ["dash", (name, bearer) => ({ asset: assetOf(name, bearer) })],
  shaka4: ["dash", (name, bearer) => ({ asset: assetOf(name, bearer) })],
  dashjs: ["dash", (name) => ({ server: one(on.server) + SWITCHES[name] })],
  hlsjs: ["hls", () => ({})],
};

const play = (player, name, bearer, judge, more = {}) => {
  const [protocol, settings] = SETTINGS[player];
  const job = { player, protocol, stream: stream(name), token: bearer, settings: { ...settings(name, bearer), ...more } };
  return withPlay(on, job, judge);
};

const judgePlay = (path) => async (page, wire) => {
  await frameAfter(page, 0.3);
  const { encrypted, errors } = await page.evaluate(() => window.report());
  assert.deepEqual({ encrypted, errors, failures: wire.failures }, { encrypted: true, errors: [], failures: [] });
  const asked = wire.keys().filter(({ method }) => method === "POST");
  assert.ok(asked.length > 0 && asked.every(({ status }) => status === 200), "licences are given");
  assert.deepEqual([...new Set(asked.map((answer) => answer.path))], [path]);
};

/** The player ends with this error. */
const judgeError = (expected, judgeWire = () => {}) => async (page, wire) => {
  await page.waitForFunction(() => window.report().errors.length > 0, undefined, { timeout: PLAY_LIMIT_MS });
  const { errors } = await page.evaluate(() => window.report());
  assert.match(errors[0], expected);
  await judgeWire(wire);
};

const ONE = "/keydelivery/license";

describe("licences of one address", { concurrency: 1 }, () => {
  for (const player of Object.keys(SETTINGS)) {
    test(`${player} plays with a token`, limit, () => play(player, "plain", token(), judgePlay(ONE)));
  }

  for (const player of ["shaka5", "shaka4"]) {
    test(`${player} plays with wrapped requests`, limit, () =>
      play(player, "plain", token(), judgePlay(ONE), { wrapped: true }));

    test(`${player} plays what stands behind the address of the demo page`, limit, async () => {
      const { shakaDemo, ...listed } = streamOf(on.server, "cenc-token");
      const asset = JSON.parse(atob(shakaDemo.assetBase64));
      const job = { player, protocol: "dash", stream: listed, token: "", settings: { asset } };
      await withPlay(on, job, judgePlay("/keydelivery/ClearKey/"));
    });
  }

  test("shaka5 waits for a late licence", limit, () => play("shaka5", "late", "", judgePlay(ONE)));
});

describe("refusals", { concurrency: 1 }, () => {
  const REFUSED = {
    shaka5: /6007\/1001$/,
    shaka4: /6007\/1001$/,
    dashjs: /^dash\.js 114 /,
    hlsjs: /^hls\.js keySystemLicenseRequestFailed$/,
  };
  for (const [player, code] of Object.entries(REFUSED)) {
    test(`${player} without a token says ${code.source}`, limit, () =>
      play(player, "plain", "", judgeError(code, async (wire) => {
        const [refusal] = wire.refusals();
        assert.equal(refusal.status, 401);
        assert.equal((await refusal.problem).code, "token-missing");
      })));
  }

  for (const [name, code] of [
    ["busy", /6007\/1001$/],
    ["unreadable", /6007\/1002$/],
    ["wrong-key", /3016/],
  ]) {
    test(`shaka5 with the switch of ${name} says ${code.source}`, limit, () =>
      play("shaka5", name, "", judgeError(code)));
  }

  test("a page of another origin reads why", limit, async () => {
    const page = await on.browser.newPage();
    await page.goto(on.host.pageOf("hlsjs"));
    const kid = streamOf(on.server, "cenc-token").keys[0].kid.replaceAll("-", "");
    const body = JSON.stringify({ kids: [Buffer.from(kid, "hex").toString("base64url")] });
    for (const [path, sent, status, reason] of [
      ["/ClearKey/", body, 401, "token-missing"],
      ["/license", body, 401, "token-missing"],
      ["/license", "hello", 415, "license-request-unknown"],
      ["/Widevine/", "hello", 400, "widevine-request-malformed"],
      ["/PlayReady/", "hello", 400, "playready-request-malformed"],
      ["/FairPlay/", "hello", 400, "fairplay-request-malformed"],
      ["/ClearKey/?test-key=right", body, 400, "test-switch-value"],
    ]) {
      const read = async ([url, message]) => {
        const headers = { "Content-Type": "application/json" };
        const answer = await fetch(url, { method: "POST", body: message, credentials: "include", headers });
        return { status: answer.status, text: await answer.text() };
      };
      const answer = await page.evaluate(read, [on.server.keyDelivery + path, sent]);
      assert.equal(answer.status, status, path);
      assert.ok(answer.text.includes(reason), `${path}: ${answer.text}`);
    }
    await page.context().close();
  });
});

describe("exchanges of the web platform's tests", { concurrency: 1 }, () => {
  /** One session for each list of KIDs: its message goes to the server as it is, the answer comes back as it is. */
  const exchange = async (page, sessions) =>
    page.evaluate(
      async ([url, lists]) => {
        const video = [{ contentType: 'video/mp4; codecs="avc1.4d401f"' }];
        const system = { initDataTypes: ["keyids"], videoCapabilities: video };
        const access = await navigator.requestMediaKeySystemAccess("org.w3.clearkey", [system]);
        const keys = await access.createMediaKeys();
        const run = async (kids) => {
          const session = keys.createSession("temporary");
          const said = new Promise((resolve) => session.addEventListener("message", resolve, { once: true }));
          await session.generateRequest("keyids", new TextEncoder().encode(JSON.stringify({ kids })));
          const { message, messageType } = await said;
          const answer = await fetch(url, { method: "POST", body: message });
          const licence = await answer.text();
          const told = { type: messageType, request: new TextDecoder().decode(message), status: answer.status, licence };
          if (!answer.ok) return told;
          await session.update(new TextEncoder().encode(licence));
          const base64url = (id) =>
            btoa(String.fromCharCode(...new Uint8Array(id))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
          const statuses = [...session.keyStatuses].map(([id, status]) => `${base64url(id)} ${status}`);
          await session.close();
          return { ...told, statuses: statuses.sort() };
        };
        const done = [];
        for (const kids of lists) done.push(await run(kids));
        return done;
      },
      [`${on.server.keyDelivery}/ClearKey/`, sessions],
    );

  test("keys are usable in one session, in several, and unknown ones are refused", limit, async () => {
    const page = await on.browser.newPage();
    await page.goto(on.host.pageOf("hlsjs"));
    const [[kid0, key0], [kid1, key1]] = PLATFORM;
    const unknown = "AAAAAAAAAAAAAAAAAAAAAA";
    const [first, second, both, none] = await exchange(page, [[kid0], [kid1], [kid0, kid1], [unknown]]);
    const jwk = (kid, k) => ({ kty: "oct", kid, k });
    for (const [seen, keys] of [
      [first, [jwk(kid0, key0)]],
      [second, [jwk(kid1, key1)]],
      [both, [jwk(kid0, key0), jwk(kid1, key1)]],
    ]) {
      const kids = keys.map(({ kid }) => kid);
      assert.equal(seen.type, "license-request");
      assert.deepEqual(JSON.parse(seen.request), { kids, type: "temporary" });
      assert.deepEqual(JSON.parse(seen.licence), { keys, type: "temporary" });
      assert.deepEqual(seen.statuses, kids.map((kid) => `${kid} usable`).sort());
    }
    assert.equal(none.status, 404);
    assert.equal(JSON.parse(none.licence).code, "key-unknown");
    await page.context().close();
  });
});
