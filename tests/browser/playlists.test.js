// Every HLS playlist by a second parser of other makers (the Rust tests read them with m3u8-rs): the one
// of video.js. No browser is needed.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Parser } from "m3u8-parser";
import { startServer } from "./support/server.js";

const SECONDS = 24;
/** Sound begins and ends with its frames, not with the pictures. */
const TOLERANCE = 0.1;

let server;

before(async () => {
  server = await startServer();
});
after(() => server?.stop());

const parsed = async (url) => {
  const answer = await fetch(url);
  assert.equal(answer.status, 200, url);
  const parser = new Parser();
  const complaints = [];
  parser.on("warn", ({ message }) => complaints.push(message));
  parser.push(await answer.text());
  parser.end();
  assert.deepEqual(complaints, [], url);
  return parser.manifest;
};

/** The media playlists that a multivariant playlist names: levels, renditions, key frames. */
const childrenOf = (manifest, url) => {
  const groups = Object.values(manifest.mediaGroups).flatMap((kind) => Object.values(kind));
  const renditions = groups.flatMap((group) => Object.values(group));
  const levels = [...manifest.playlists, ...(manifest.iFramePlaylists ?? [])];
  const uris = [...levels, ...renditions].map(({ uri }) => uri).filter(Boolean);
  return [...new Set(uris)].map((uri) => new URL(uri, url).href);
};

const judge = (playlist, url, encrypted) => {
  assert.ok(playlist.endList, `${url} has an end`);
  assert.ok(playlist.segments.length > 1, `${url} has segments`);
  const sum = playlist.segments.reduce((seconds, { duration }) => seconds + duration, 0);
  assert.ok(Math.abs(sum - SECONDS) < TOLERANCE, `${url} lasts ${sum} s`);
  const longest = Math.max(...playlist.segments.map(({ duration }) => duration));
  assert.ok(playlist.targetDuration + 0.5 >= longest, `${url}: a segment of ${longest} s`);
  if (encrypted) assert.ok(playlist.segments.every(({ key }) => key?.uri), `${url} has keys`);
};

describe("playlists are read by a second parser", () => {
  for (const name of ["clear-open", "aes-open"]) {
    test(name, async () => {
      const { manifests } = server.streams.find((stream) => stream.name === name);
      for (const { url } of manifests.filter(({ protocol }) => protocol === "hls")) {
        const children = childrenOf(await parsed(url), url);
        assert.ok(children.length >= 3, `${url} names ${children.length} playlists`);
        for (const child of children) judge(await parsed(child), child, name.startsWith("aes"));
      }
    });
  }
});
