// Runs inside the page: starts each player the way its own documentation tells page authors to,
// and measures the picture. Independent of the player page that the product ships.

const video = document.getElementById("video");
/** The buffers of sound, for what is in them. */
const sound = [];
const { addSourceBuffer } = MediaSource.prototype;
MediaSource.prototype.addSourceBuffer = function (type) {
  const buffer = addSourceBuffer.call(this, type);
  if (type.startsWith("audio/")) sound.push(buffer);
  return buffer;
};
const bearer = (token) => (token ? { Authorization: `Bearer ${token}` } : {});
const errors = [];
/** `at` gives address, place and size of the thumbnail of a time; set by players that have them. */
const thumbnails = {};

/** The settings of Shaka Player's demo for the asset in its address: servers, and headers for each of them. */
const asDemo = (player, { licenseServers, licenseRequestHeaders }) => {
  const { __type__, ...servers } = licenseServers;
  const { __type__: _, ...headers } = licenseRequestHeaders;
  const advanced = Object.fromEntries(Object.keys(servers).map((system) => [system, { headers }]));
  player.configure({ drm: { servers, advanced } });
};

const REQUEST = "rawLicenseRequestBase64";
const LICENCE = "rawLicenseBase64";

/** The wrapping of Shaka Player's tutorial on licences. */
const wrapLicences = (engine) => {
  const { LICENSE } = window.shaka.net.NetworkingEngine.RequestType;
  engine.registerRequestFilter((type, request) => {
    if (type !== LICENSE) return;
    const message = String.fromCharCode(...new Uint8Array(request.body));
    request.headers["Content-Type"] = "application/json";
    request.body = new TextEncoder().encode(JSON.stringify({ [REQUEST]: btoa(message), page: "wrapped" }));
  });
  engine.registerResponseFilter((type, response) => {
    if (type !== LICENSE) return;
    const licence = atob(JSON.parse(new TextDecoder().decode(response.data))[LICENCE]);
    response.data = Uint8Array.from(licence, (letter) => letter.charCodeAt(0)).buffer;
  });
};

/** A code of Shaka Player's, and that of the error inside. */
const codeOf = ({ code, data, message }) => [code ?? message, data?.[0]?.code].filter(Boolean).join("/");

const shaka = async ({ url, token, text, asset, wrapped }) => {
  const player = new window.shaka.Player();
  await player.attach(video);
  const engine = player.getNetworkingEngine();
  const { LICENSE, KEY } = window.shaka.net.NetworkingEngine.RequestType;
  engine.registerRequestFilter((type, request) => {
    if (!asset && (type === LICENSE || type === KEY)) Object.assign(request.headers, bearer(token));
  });
  if (wrapped) wrapLicences(engine);
  if (asset) asDemo(player, asset);
  player.addEventListener("error", ({ detail }) => errors.push(`shaka ${codeOf(detail)}`));
  await player.load(asset?.manifestUri ?? url, null, asset?.mimeType);
  if (text) player.selectTextTrack(player.getTextTracks()[0]);
  window.player = player;
  thumbnails.at = async (time) => {
    const [track] = player.getImageTracks();
    const { uris, positionX, positionY, width, height } = await player.getThumbnails(track.id, time);
    return { url: uris[0], x: positionX, y: positionY, width, height };
  };
};

/** dash.js reads PlayReady signalling of Smooth manifests only: a page with keys of its own adds ClearKey to it. */
const withKeys = (player, clearkeys) => {
  const clearKey = { schemeIdUri: "urn:uuid:e2719d58-a985-b3c9-781a-b030af78d30e", value: "ClearKey1.0" };
  player.setProtectionData({ "org.w3.clearkey": { clearkeys } });
  player.on("manifestLoaded", ({ data }) => {
    const sets = data.Period.flatMap(({ AdaptationSet }) => AdaptationSet);
    sets.filter(({ ContentProtection }) => ContentProtection).forEach((set) => set.ContentProtection.push(clearKey));
  });
};

const dashjs = async ({ url, token, text, keys, server, rotating }) => {
  const player = window.dashjs.MediaPlayer().create();
  // What is loaded ahead of later periods is not to be jumped to when the place of a seek is not there yet.
  if (rotating) player.updateSettings({ streaming: { gaps: { jumpLargeGaps: false } } });
  player.on("error", ({ error }) => errors.push(`dash.js ${error.code} ${error.message}`));
  player.initialize(video, null, true);
  const data = { ...(server && { serverURL: server }), ...(token && { httpRequestHeaders: bearer(token) }) };
  if (server || token) player.setProtectionData({ "org.w3.clearkey": data });
  if (keys) withKeys(player, keys);
  if (text) {
    const layer = document.body.appendChild(Object.assign(document.createElement("div"), { id: "ttml" }));
    player.attachTTMLRenderingDiv(layer);
    player.on("allTextTracksAdded", () => player.setTextTrack(0));
  }
  player.attachSource(url);
  thumbnails.at = (time) =>
    new Promise((resolve) => {
      player.provideThumbnail(time, ({ url, x, y, width, height }) => resolve({ url, x, y, width, height }));
    });
};

/**
 * hls.js takes what the next init segment says as said of the fragment that it is at, which after a seek may have another
 * key. Pages with keys that rotate let it ask by the KID of the playlist instead.
 */
const byKid = (_, __, { decryptdata }) => {
  const kid = btoa(String.fromCharCode(...decryptdata.keyId)).replaceAll("+", "-").replaceAll("/", "_");
  return { initDataType: "keyids", initData: new TextEncoder().encode(JSON.stringify({ kids: [kid.slice(0, 22)] })).buffer };
};

const hlsjs = async ({ url, token, licence, text, rotating }) => {
  const authorise = (xhr, target, method) => {
    xhr.open(method, target, true);
    Object.entries(bearer(token)).forEach(([name, value]) => xhr.setRequestHeader(name, value));
  };
  const player = new window.Hls({
    xhrSetup: (xhr, target) => target.includes("/keydelivery") && authorise(xhr, target, "GET"),
    emeEnabled: Boolean(licence),
    drmSystems: licence
      ? { "org.w3.clearkey": { licenseUrl: licence, ...(rotating && { generateRequest: byKid }) } }
      : {},
    licenseXhrSetup: (xhr, target) => authorise(xhr, target, "POST"),
  });
  player.on(window.Hls.Events.ERROR, (_, { details, fatal }) => fatal && errors.push(`hls.js ${details}`));
  if (text) video.textTracks.addEventListener("addtrack", ({ track }) => (track.mode = "showing"));
  player.loadSource(url);
  player.attachMedia(video);
};

const videojs = async ({ url, token, protocol, licence }) => {
  video.className = "video-js";
  window.videojs.Vhs.xhr.onRequest((options) => {
    if (options.uri.includes("/keydelivery")) options.headers = { ...options.headers, ...bearer(token) };
    return options;
  });
  const player = window.videojs(video, { html5: { vhs: { overrideNative: true } } });
  player.on("error", () => errors.push(`video.js ${player.error().code} ${player.error().message}`));
  await new Promise((resolve) => player.ready(resolve));
  player.eme();
  player.src({
    src: url,
    type: protocol === "dash" ? "application/dash+xml" : "application/vnd.apple.mpegurl",
    keySystems: licence && { "org.w3.clearkey": { url: licence, licenseHeaders: bearer(token) } },
  });
};

const DRIVERS = { shaka5: shaka, shaka4: shaka, dashjs, hlsjs, videojs };

const element = () => document.querySelector("video");

/** Starts the player; what goes wrong is kept for `report`. */
window.begin = async (player, job) => {
  try {
    await DRIVERS[player](job);
    element().play().catch((error) => errors.push(`play() ${error.message}`));
  } catch (error) {
    errors.push(`load ${codeOf(error)}`);
  }
};

/** Resolves to the media time of the next frame that is shown at or after `from` seconds. */
window.frameAfter = (from) =>
  new Promise((resolve) => {
    const shown = (_, { mediaTime }) =>
      mediaTime >= from ? resolve(mediaTime) : element().requestVideoFrameCallback(shown);
    element().requestVideoFrameCallback(shown);
  });

/** Whether pictures have been shown for a moment. */
window.hasPlayed = () => element().currentTime > 0.3 && element().getVideoPlaybackQuality().totalVideoFrames > 3;

window.seek = (to) => {
  element().currentTime = to;
};

/** The text on the screen: cues of the browser's text tracks, and what players draw themselves. */
window.shownText = () => {
  const cues = [...element().textTracks].flatMap(({ activeCues }) => [...(activeCues ?? [])]);
  return [...cues.map(({ text }) => text), document.getElementById("ttml")?.textContent].join("\n");
};

/** Start and end in seconds of every piece of sound that is buffered. */
window.bufferedSound = () =>
  sound.flatMap(({ buffered }) => Array.from(buffered, (_, n) => [buffered.start(n), buffered.end(n)]));

window.thumbnailAt = (time) => thumbnails.at(time);

window.report = () => ({
  time: element().currentTime,
  duration: element().duration,
  frames: element().getVideoPlaybackQuality().totalVideoFrames,
  audioBytes: element().webkitAudioDecodedByteCount,
  height: element().videoHeight,
  encrypted: element().mediaKeys !== null,
  errors,
});

/** How much the brightness of a picture (a PNG as data URL) varies: 0 for one plain colour. */
window.contrast = async (picture) => {
  const image = new Image();
  image.src = picture;
  await image.decode();
  const canvas = new OffscreenCanvas(64, 36);
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0, 64, 36);
  const { data } = context.getImageData(0, 0, 64, 36);
  const light = Array.from({ length: 64 * 36 }, (_, i) => data[4 * i] + data[4 * i + 1] + data[4 * i + 2]);
  const mean = light.reduce((sum, value) => sum + value, 0) / light.length;
  return Math.sqrt(light.reduce((sum, value) => sum + (value - mean) ** 2, 0) / light.length) / 3;
};
