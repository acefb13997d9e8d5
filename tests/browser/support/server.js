// The real binary, started as a user would start it, on a free port with an empty data folder.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const BINARY = process.env.TEST_BINARY ?? fail("TEST_BINARY must name the binary: use `make test-browser`");
const START_LIMIT_MS = 20_000;

function fail(message) {
  throw new Error(message);
}

/** The environment without variables that would configure the server. */
const neutral = () =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("PORTCULLIS_")));

/** Starts `portcullis dev`, with `more` flags; resolves, once the ready file is there, to its content, the data folder and `stop`. */
export const startServer = async (more = []) => {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-"));
  const readyFile = join(folder, "ready.json");
  const data = join(folder, "data");
  const flags = ["dev", "--listen", "127.0.0.1:0", "--data", data, "--ready-file", readyFile, ...more];
  const child = spawn(BINARY, flags, { cwd: folder, env: neutral(), stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (text) => (output += text));
  child.stderr.on("data", (text) => (output += text));
  const exited = new Promise((resolve, reject) => child.on("exit", resolve).on("error", reject));
  const stop = async () => {
    child.kill("SIGTERM");
    const code = await exited;
    rmSync(folder, { recursive: true, force: true });
    return code;
  };
  const deadline = Date.now() + START_LIMIT_MS;
  while (!existsSync(readyFile)) {
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill("SIGKILL");
      fail(`the server did not become ready; it printed:\n${output}`);
    }
    await sleep(10);
  }
  return { ...JSON.parse(readFileSync(readyFile, "utf8")), data, stop };
};

/** Stores policies and locators in the server's database. */
export const apply = (server, documents) =>
  execFileSync(BINARY, ["apply", "-", "--data", server.data], { env: neutral(), input: JSON.stringify(documents) });

/** The stream of that name, or an error that lists what there is. */
export const streamOf = (server, name) =>
  server.streams.find((stream) => stream.name === name) ??
  fail(`no stream ${name}; the server has ${server.streams.map((stream) => stream.name).join(", ")}`);

/** The URL of the stream's first manifest for a protocol ("dash", "hls") or of a format. */
export const manifestOf = (stream, form) =>
  stream.manifests.find(({ protocol, format }) => protocol === form || format === form)?.url ??
  fail(`stream ${stream.name} has no ${form} manifest`);
