// Measures `portcullis package` beside other tools on one film of about a gigabyte: megabytes of it
// for each second of CPU on one core, peak memory, and wall time on one core and on two. All take
// turns in each round, as machines change their speed; the cheapest run of each counts.
// usage: node scripts/package-bench.mjs [ROUNDS=3] [PROGRAM=target/release/portcullis]
//   BENCH_DIR=FOLDER  where the film and what is made of it go (target/package-bench)
//   BENCH_ONLY=TEXT   only lines whose name has it, and cp
// needs GNU time, taskset, ffmpeg, and the test packages (make setup)
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const ROUNDS = Number(process.argv[2] ?? 3);
const OURS = resolve(process.argv[3] ?? join(ROOT, "target/release/portcullis"));
const FOLDER = resolve(process.env.BENCH_DIR ?? join(ROOT, "target/package-bench"));
const OUT = join(FOLDER, "out");
const MINUTES = 20;
const KBIT = 7000;

const machine = process.arch === "arm64" ? "arm64" : "x64";
const SHAKA = join(ROOT, `tests/node_modules/shaka-packager/bin/packager-linux-${machine}`);
const KID = "9eb4050de44b4802932e27d75083e266";
const KEY = "166634c675823c235a4a9446fad52e4d";

/** One minute is encoded, the rest is that again; sound as raw frames, so that nothing drifts. */
function film() {
  const path = join(FOLDER, `film-${MINUTES}-${KBIT}.mp4`);
  if (existsSync(path)) return path;
  const minute = execFileSync(join(ROOT, "scripts/long-asset.sh"), ["1", `${KBIT}`]).toString().trim();
  const ffmpeg = (...args) => execFileSync("ffmpeg", ["-v", "error", "-nostdin", "-y", ...args]);
  const [sound, half] = [join(FOLDER, "sound.aac"), `${path}.part.mp4`];
  ffmpeg("-i", join(minute, "long_aac_eng_96.mp4"), "-c", "copy", sound);
  writeFileSync(sound, Buffer.concat(Array(MINUTES).fill(readFileSync(sound))));
  const pictures = ["-stream_loop", `${MINUTES - 1}`, "-i", join(minute, `long_h264_1920x1080_${KBIT}.mp4`)];
  ffmpeg(...pictures, "-i", sound, "-map", "0:v", "-map", "1:a", "-c", "copy", half);
  rmSync(sound);
  renameSync(half, path);
  return path;
}

const out = (name) => join(OUT, name);
const each = (input, stream, target) => `in=${input},stream=${stream},${target}`;
const files = (input) => [
  each(input, "video", `output=${out("v.mp4")}`),
  each(input, "audio", `output=${out("a.mp4")}`),
  `--mpd_output=${out("film.mpd")}`,
];
const segments = (input) => [
  each(input, "video", `segment_template=${out("v_$Number$.ts")}`),
  each(input, "audio", `segment_template=${out("a_$Number$.ts")}`),
  `--hls_master_playlist_output=${out("film.m3u8")}`,
];
const keyed = (scheme, keys) => ["--enable_raw_key_encryption", `--protection_scheme=${scheme}`, `--keys=${keys}`];
const ownKeys = ["HD", "AUDIO"].map((label) => `label=${label}:key_id=${KID}:key=${KEY}`).join(",");
const ours = (...args) => [OURS, "package", "--quiet", ...args];
const oursKeyed = (scheme, args) => ours(...args, ...keyed(scheme, ownKeys));
const keyUri = "--hls_key_uri=https://keys.example/film";
const shaka = (...args) => [SHAKA, "--quiet", "--segment_duration=6", ...args];
const shakaKeyed = (scheme, args) => shaka(...args, ...keyed(scheme, `key_id=${KID}:key=${KEY}`), "--clear_lead=0");
const ffmpeg = (input, ...args) => ["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", input, "-map", "0", "-c", "copy", ...args];
const fragmented = ["-movflags", "+frag_keyframe+empty_moov+default_base_moof", "-frag_duration", "6000000"];
const hls = ["-f", "hls", "-hls_time", "6", "-hls_playlist_type", "vod"];

/** Form, and what makes it by tool. The first that is not ours is what we are compared with. */
const LINES = [
  ["fMP4", (i) => ({
    ours: ours(...files(i)),
    shaka: shaka(...files(i)),
    ffmpeg: ffmpeg(i, ...fragmented, out("f.mp4")),
  })],
  ["fMP4 cenc", (i) => ({
    ours: oursKeyed("cenc", files(i)),
    shaka: shakaKeyed("cenc", files(i)),
    ffmpeg: ffmpeg(i, ...fragmented, "-encryption_scheme", "cenc-aes-ctr", "-encryption_key", KEY, "-encryption_kid", KID, out("f.mp4")),
  })],
  ["fMP4 cbcs", (i) => ({ ours: oursKeyed("cbcs", files(i)), shaka: shakaKeyed("cbcs", files(i)) })],
  ["TS", (i) => ({
    ours: ours(...segments(i)),
    shaka: shaka(...segments(i)),
    ffmpeg: ffmpeg(i, ...hls, out("f.m3u8")),
  })],
  ["TS AES-128", (i) => ({
    ours: oursKeyed("AES-128", [...segments(i), keyUri]),
    ffmpeg: ffmpeg(i, ...hls, "-hls_key_info_file", keyInfo(), out("f.m3u8")),
  })],
  ["TS SAMPLE-AES", (i) => ({
    ours: oursKeyed("SAMPLE-AES", [...segments(i), keyUri]),
    shaka: shakaKeyed("cbcs", segments(i)),
  })],
  ["copy", (i) => ({ cp: ["cp", i, out("copy.mp4")] })],
];

/** What ffmpeg reads a key from. */
function keyInfo() {
  const [key, info] = [join(FOLDER, "key"), join(FOLDER, "key.info")];
  writeFileSync(key, Buffer.from(KEY, "hex"));
  writeFileSync(info, `https://keys.example/film\n${key}\n`);
  return info;
}

/** Runs once on these cores: seconds of CPU and of wall time, and peak memory in MiB. */
function run(command, cores) {
  rmSync(OUT, { recursive: true, force: true });
  mkdirSync(OUT, { recursive: true });
  const report = join(FOLDER, "time");
  const args = ["-c", cores, "/usr/bin/time", "-o", report, "-f", "%e %U %S %M", ...command];
  const done = spawnSync("taskset", args, { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`${command.join(" ")}: ${done.error ?? done.stderr.slice(-2000)}`);
  const [wall, user, system, peak] = readFileSync(report, "utf8").trim().split(/\s+/).map(Number);
  return { wall, cpu: user + system, peak: peak / 1024 };
}

mkdirSync(FOLDER, { recursive: true });
const input = film();
execFileSync("cat", [input], { stdio: "ignore" }); // into the page cache
const megabytes = statSync(input).size / 1e6;
const only = process.env.BENCH_ONLY ?? "";
const lines = LINES.filter(([form]) => form.includes(only) || form === "copy");
const cheapest = (runs, value) => Math.min(...runs.map(value));
const runs = new Map();
for (let round = 0; round < ROUNDS; round += 1) {
  for (const [form, commands] of lines) {
    for (const [tool, command] of Object.entries(commands(input))) {
      const of = runs.get(`${form} ${tool}`) ?? { form, tool, one: [], two: [] };
      of.one.push(run(command, "1"));
      if (tool === "ours") of.two.push(run(command, "0,1"));
      runs.set(`${form} ${tool}`, of);
    }
  }
}
rmSync(OUT, { recursive: true, force: true });

console.log(`${cpus()[0].model}, ${Math.round(megabytes)} MB, best of ${ROUNDS}\n`);
console.log("| form | tool | MB per CPU second | of ours | peak MiB | wall s, 1 core | 2 cores |");
console.log("| --- | --- | --- | --- | --- | --- | --- |");
for (const { form, tool, one, two } of runs.values()) {
  const rate = (runs) => megabytes / cheapest(runs, (run) => run.cpu);
  const own = runs.get(`${form} ours`);
  const cells = [
    form,
    tool,
    rate(one).toFixed(0),
    own && own.one !== one ? (rate(one) / rate(own.one)).toFixed(2) : "",
    Math.max(...one.concat(two).map((run) => run.peak)).toFixed(0),
    cheapest(one, (run) => run.wall).toFixed(2),
    two.length > 0 ? cheapest(two, (run) => run.wall).toFixed(2) : "",
  ];
  console.log(`| ${cells.join(" | ")} |`);
}
