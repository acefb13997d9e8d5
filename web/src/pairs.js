// Which player can play which form, as measured with the versions that are embedded.
// A cell is `true` or the reason why not. Protections are the values of `encryption=`, "" is clear;
// " in TS" behind one is for transport streams alone.

const ONLY_HLS = "hls.js plays HLS only";
const ONLY_DASH = "dash.js plays DASH, not HLS";

export const PLAYERS = {
  shaka: { name: "Shaka Player", script: "/assets/shaka-player.js", global: "shaka" },
  dashjs: { name: "dash.js", script: "/assets/dash.js", global: "dashjs" },
  hlsjs: { name: "hls.js", script: "/assets/hls.js", global: "Hls" },
};

/** What people call the values of `encryption=`. */
export const PROTECTIONS = { "": "clear", cbc: "AES-128", cenc: "cenc", "cbcs-aapl": "cbcs" };

const TABLE = {
  shaka: {
    dash: { "*": true },
    hls: { "*": true, "cbcs-aapl in TS": "Shaka Player cannot decrypt SAMPLE-AES in transport streams" },
  },
  dashjs: {
    dash: { "*": true, cbc: "dash.js cannot decrypt segments that are encrypted as a whole" },
    hls: { "*": ONLY_DASH },
  },
  hlsjs: {
    dash: { "*": ONLY_HLS },
    hls: {
      "*": true,
      "cbcs-aapl in TS": true,
      "cbcs-aapl": "hls.js cannot decrypt SAMPLE-AES in fragmented MP4 with a key from the playlist",
    },
  },
};

const SMOOTH = "no embedded player plays Smooth Streaming";

/** `true` when `player` can play this form, else a sentence that says why not. */
export const canPlay = (player, { protocol, format = "", encryption = "" }) => {
  const forms = TABLE[player][protocol];
  if (!forms) return SMOOTH;
  const inTs = format.startsWith("m3u8-aapl") ? forms[`${encryption} in TS`] : undefined;
  return inTs ?? forms[encryption] ?? forms["*"];
};
