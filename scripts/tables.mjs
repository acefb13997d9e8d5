// The tables of the README out of what the last browser tests saw.
// usage: node scripts/tables.mjs --write | --check
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { kept } from "../tests/browser/support/results.js";

const README = fileURLToPath(new URL("../README.md", import.meta.url));

/** Rows of both tables: value of `format=`, and what it is. */
const FORMATS = [
  ["mpd-time-cmaf", "DASH, CMAF"],
  ["mpd-time-csf", "DASH, CSF"],
  ["mpd-ondemand", "DASH, on demand"],
  ["m3u8-cmaf", "HLS, CMAF"],
  ["m3u8-aapl", "HLS 4, TS"],
  ["m3u8-aapl-v3", "HLS 3, TS, sound muxed in"],
  ["m3u8-aapl-v8", "HLS 8, TS"],
  ["m3u8-aapl-packed", "HLS 4, TS, packed audio"],
  ["fmp4", "Smooth Streaming (no `format=`)"],
];

/** What the tests of players call by its protocol. */
const FORMAT_OF = { dash: "mpd-time-cmaf", hls: "m3u8-cmaf", smooth: "fmp4" };

const PROTECTIONS = [
  ["clear", "clear"],
  ["cenc", "`cenc`"],
  ["cbcs", "`cbcs`"],
  ["aes", "AES-128"],
];

/** Columns of the table of schemes: value of `encryption=`. */
const SCHEMES = [
  ["cbc", "AES-128"],
  ["cenc", "`cenc`"],
  ["cbcs-aapl", "`cbcs`"],
  ["cens", "`cens`"],
  ["cbc1", "`cbc1`"],
];

/** The codecs of the titles that decryptors judge, as their files are named. */
const JUDGED = {
  h264: "AVC",
  hevc: "HEVC",
  av1: "AV1",
  vp9: "VP9",
  aac: "AAC",
  ac3: "AC-3",
  ec3: "E-AC-3",
  opus: "Opus",
  flac: "FLAC",
};

const NAMES = { shaka5: "Shaka 5", shaka4: "Shaka 4", dashjs: "dash.js", hlsjs: "hls.js", videojs: "video.js" };

/** Column letters of the table of codecs; small ones mean pictures without sound. */
const LETTERS = { shaka5: "S", dashjs: "D", hlsjs: "H", ffmpeg: "F" };

const table = (head, rows) =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

const label = ([format, name]) => (format === "fmp4" ? name : `${name}, \`${format}\``);

const protections = () => {
  const seen = kept("players").filter(({ plays }) => plays === "yes");
  const cell = (format, protection) => {
    const here = seen.filter((row) => (FORMAT_OF[row.protocol] ?? row.protocol) === format);
    const players = here.filter(({ stream }) => stream.startsWith(`${protection}-`)).map(({ player }) => NAMES[player]);
    return [...new Set(players)].join(", ") || "–";
  };
  const listed = FORMATS.filter(([format]) => PROTECTIONS.some(([id]) => cell(format, id) !== "–"));
  const rows = listed.map((format) => [label(format), ...PROTECTIONS.map(([id]) => cell(format[0], id))]);
  return table(["", ...PROTECTIONS.map(([, name]) => name)], rows);
};

const codecs = () => {
  const seen = kept("matrix");
  const titles = [...new Set(seen.map(({ title }) => title))];
  const cell = (format, title) => {
    const row = seen.find((row) => row.format === format && row.title === title);
    const letters = Object.entries(row?.players ?? {}).map(([player, { video, audio }]) => {
      if (!video) return "";
      return audio ? LETTERS[player] : LETTERS[player].toLowerCase();
    });
    return letters.filter(Boolean).join(" ") || "–";
  };
  const listed = FORMATS.filter(([format]) => seen.some((row) => row.format === format));
  const rows = listed.map((format) => [label(format), ...titles.map((title) => cell(format[0], title))]);
  return table(["", ...titles], rows);
};

/** All codecs, all but few, or those that there are. */
const codecList = (codecs) => {
  const names = (wanted) => Object.keys(JUDGED).filter(wanted).map((codec) => JUDGED[codec]);
  const [here, absent] = [names((codec) => codecs.includes(codec)), names((codec) => !codecs.includes(codec))];
  if (here.length === 0) return "–";
  if (absent.length === 0) return "all";
  return absent.length < here.length ? `all but ${absent.join(", ")}` : here.join(", ");
};

const schemes = () => {
  const seen = kept("schemes");
  const cell = (format, scheme) =>
    codecList(seen.find((row) => row.format === format && row.encryption === scheme)?.codecs ?? []);
  const listed = FORMATS.filter(([format]) => SCHEMES.some(([scheme]) => cell(format, scheme) !== "–"));
  const rows = listed.map((format) => [label(format), ...SCHEMES.map(([scheme]) => cell(format[0], scheme))]);
  return table(["", ...SCHEMES.map(([, name]) => name)], rows);
};

const TABLES = { protections, codecs, schemes };

/** The text with each table in the place of the one between its marks. */
const filled = (text) =>
  Object.entries(TABLES).reduce((readme, [name, make]) => {
    const [front, back] = [`<!-- table: ${name} -->`, "<!-- end of table -->"];
    const start = readme.indexOf(front) + front.length;
    const end = readme.indexOf(back, start);
    if (start < front.length || end < 0) throw new Error(`README.md has no marks for the table "${name}"`);
    return `${readme.slice(0, start)}\n${make()}\n${readme.slice(end)}`;
  }, text);

const readme = readFileSync(README, "utf8");
const wanted = filled(readme);
if (process.argv.includes("--write")) {
  writeFileSync(README, wanted);
} else if (readme !== wanted) {
  const lines = (text) => new Set(text.split("\n"));
  const [is, should] = [lines(readme), lines(wanted)];
  console.error("README.md says otherwise than the tests saw; `make tables` writes what they saw:");
  for (const line of should) if (!is.has(line)) console.error(`+ ${line}`);
  for (const line of is) if (!should.has(line)) console.error(`- ${line}`);
  process.exit(1);
}
