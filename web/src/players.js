// One small adapter per player: load its script, hand it video, URL and token, give back `stop`.
// The token goes to key and licence requests only, and only to origins that the page trusts.
import { PLAYERS } from "./pairs.js";
import { RAW } from "./testing.js";
import { isKeyDelivery } from "./watch.js";

export const CLEARKEY = "org.w3.clearkey";

const loaded = new Map();

/** Loads the player's script once; gives its global object. */
const library = (id) => {
  const { script, global } = PLAYERS[id];
  if (!loaded.has(id)) {
    loaded.set(
      id,
      new Promise((resolve, reject) => {
        const element = document.createElement("script");
        element.src = script;
        element.onload = () => resolve(window[global]);
        element.onerror = () => reject(new Error(`${script} could not be loaded`));
        document.head.append(element);
      }),
    );
  }
  return loaded.get(id);
};

/**
 * Starts `player` on `video`.
 * `job`: `url` of the manifest, `licence` URL for ClearKey if known (hls.js reads none from
 * playlists), `token` or "", `trusts(url)` says whether the token may go there, `address(url, system)`
 * is where to ask there instead, `failed(message)` is called with errors that end the play.
 * Resolves to a function that stops the player and frees it.
 */
export const start = async (player, video, job) => STARTERS[player](await library(player), video, job);

const startShaka = async (shaka, video, job) => {
  shaka.polyfill.installAll();
  const player = new shaka.Player();
  await player.attach(video);
  const { LICENSE, KEY } = shaka.net.NetworkingEngine.RequestType;
  player.getNetworkingEngine().registerRequestFilter((type, request) => {
    const system = { [LICENSE]: CLEARKEY, [KEY]: RAW }[type];
    if (!system || !job.trusts(request.uris[0])) return;
    request.uris = request.uris.map((uri) => job.address(uri, system));
    if (job.token) request.headers.Authorization = `Bearer ${job.token}`;
  });
  player.addEventListener("error", ({ detail }) => job.failed(`Shaka Player error ${detail.code}`));
  // Not awaited: `stop` must be at hand while the manifest is still on its way.
  player.load(job.url).catch((error) => {
    const { LOAD_INTERRUPTED } = shaka.util.Error.Code;
    if (error.code !== LOAD_INTERRUPTED) job.failed(`Shaka Player error ${error.code ?? error.message}`);
  });
  return () => player.destroy();
};

const startDash = async (dashjs, video, job) => {
  const player = dashjs.MediaPlayer().create();
  player.initialize();
  player.registerLicenseRequestFilter((request) => {
    if (job.trusts(request.url)) {
      request.url = job.address(request.url, CLEARKEY);
      if (job.token) request.headers.Authorization = `Bearer ${job.token}`;
    }
    return Promise.resolve();
  });
  player.on(dashjs.MediaPlayer.events.ERROR, ({ error }) => {
    job.failed(`dash.js error ${error.code ?? ""} ${error.message ?? ""}`.trim());
  });
  player.attachView(video);
  player.attachSource(job.url);
  return async () => player.destroy();
};

const base64Url = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

/**
 * Asks by the KID of the playlist. Left alone, hls.js asks by what the next init segment says, which after a seek may
 * stand before a fragment with another key.
 */
const byKid = (initDataType, initData, { decryptdata }) => {
  if (!decryptdata.keyId) return { initDataType, initData };
  const request = JSON.stringify({ kids: [base64Url(decryptdata.keyId)] });
  return { initDataType: "keyids", initData: new TextEncoder().encode(request).buffer };
};

const startHls = async (Hls, video, job) => {
  const authorise = (xhr, url, method) => {
    if (!job.trusts(url)) return;
    xhr.open(method, job.address(url, method === "POST" ? CLEARKEY : RAW), true);
    if (job.token) xhr.setRequestHeader("Authorization", `Bearer ${job.token}`);
  };
  const player = new Hls({
    // hls.js calls this for every request; only the URL tells a key from a segment.
    xhrSetup: (xhr, url) => isKeyDelivery(url) && authorise(xhr, url, "GET"),
    emeEnabled: Boolean(job.licence),
    drmSystems: job.licence ? { [CLEARKEY]: { licenseUrl: job.licence, generateRequest: byKid } } : {},
    licenseXhrSetup: (xhr, url) => authorise(xhr, url, "POST"),
  });
  player.on(Hls.Events.ERROR, (_, { fatal, details }) => fatal && job.failed(`hls.js: ${details}`));
  player.loadSource(job.url);
  player.attachMedia(video);
  return async () => player.destroy();
};

const STARTERS = { shaka: startShaka, dashjs: startDash, hlsjs: startHls };
