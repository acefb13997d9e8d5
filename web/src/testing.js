// For testers: switches that change what licence requests get, and a stream for other test pages.
import { make } from "./dom.js";

/** Requests for a key without a licence, in the server's table of switches. */
export const RAW = "raw";

const control = ({ name, values: { number, words } }) =>
  words
    ? make("select", { name }, new Option("", ""), ...words.map((word) => new Option(word)))
    : make("input", { name, type: "number", min: number.least, max: number.most });

/** Fills `box` with a control for each switch. */
export const showSwitches = (box, switches) => {
  const row = (it) => make("label", {}, it.name, control(it), make("span", { className: "hint" }, it.does));
  box.replaceChildren(...switches.map(row));
};

/** `url` with the switches of `box` that are set and mean something to `system`; without one, all of them. */
export const addressWith = (box, switches, url, system) => {
  const address = new URL(url, location.href);
  const meant = switches.filter(({ systems }) => !system || systems.includes(system));
  for (const { name } of meant) {
    const { value } = box.querySelector(`[name="${name}"]`);
    if (value) address.searchParams.set(name, value);
  }
  return address.search === new URL(url, location.href).search ? url : address.href;
};

const MAP = { __type__: "map" };
const TYPES = { dash: "application/dash+xml", hls: "application/vnd.apple.mpegurl" };

/** The asset of Shaka Player's demo for one form of a stream, or nothing when the demo plays no such form. */
export const assetFor = (stream, { protocol, url }, token, address) => {
  if (!stream?.shakaDemo || !TYPES[protocol]) return undefined;
  const servers = Object.entries(stream.licenses).map(([system, server]) => [system, address(server, system)]);
  return {
    ...stream.shakaDemo.asset,
    manifestUri: url,
    mimeType: TYPES[protocol],
    features: ["VOD", protocol.toUpperCase()],
    licenseServers: { ...MAP, ...Object.fromEntries(servers) },
    licenseRequestHeaders: { ...MAP, ...(token && servers.length && { Authorization: `Bearer ${token}` }) },
  };
};

/** What stands behind the address of the demo page. */
export const fragmentOf = (asset) => {
  const code = (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`;
  const ascii = JSON.stringify(asset).replace(/[\u0080-\uffff]/g, code);
  return `#assetBase64=${btoa(ascii)}`;
};
