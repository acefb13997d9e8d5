// ffmpeg as one more player: what it decodes of a manifest in its first seconds.
import { execFile } from "node:child_process";

const SECONDS = "2";

/** URLs in the shape of Azure Media Services have no file extension, which ffmpeg wants in playlists. */
const FLAGS = { hls: ["-extension_picky", "0", "-allowed_segment_extensions", "ALL"], dash: [] };

const run = (args) =>
  new Promise((resolve) => {
    execFile("ffmpeg", ["-hide_banner", "-nostdin", ...args], { timeout: 20_000 }, (error, _, said) =>
      resolve({ ok: !error, said }),
    );
  });

/** Whether pictures and sound are decoded without an error. */
export const decodedByFfmpeg = async (url, protocol) => {
  const input = ["-loglevel", "info", "-xerror", ...FLAGS[protocol], "-i", url];
  const { ok, said } = await run([...input, "-map", "0:v:0", "-map", "0:a:0?", "-t", SECONDS, "-f", "null", "-"]);
  const outputs = said.slice(said.indexOf("Output #0"));
  return { video: ok && /Stream #0:\d.*: Video:/.test(outputs), audio: ok && /Stream #0:\d.*: Audio:/.test(outputs) };
};
