// A web page of somebody else: it lives on another origin than the gateway (`localhost`, not
// `127.0.0.1`), so that everything a player does crosses origins as it would in production.
import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../../../", import.meta.url));
const web = `${repository}web/node_modules/`;
const tests = `${repository}tests/node_modules/`;

/** Scripts that each player's page loads, in order. */
const SCRIPTS = {
  shaka5: [`${web}shaka-player/dist/shaka-player.compiled-es2021.js`],
  shaka4: [`${tests}shaka-player-4/dist/shaka-player.compiled-es2021.js`],
  dashjs: [`${web}dashjs/dist/modern/umd/dash.all.min.js`, `${web}dashjs/dist/modern/umd/dash.mss.min.js`],
  hlsjs: [`${web}hls.js/dist/hls.min.js`],
  videojs: [
    `${tests}video.js/dist/video.min.js`,
    `${tests}videojs-contrib-eme/dist/videojs-contrib-eme.min.js`,
  ],
};

const drivers = fileURLToPath(new URL("../host/drivers.js", import.meta.url));

const pageFor = (player) => `<!doctype html>
<title>${player}</title>
<style>video, .video-js { width: 640px; height: 360px }</style>
<video id="video" muted playsinline></video>
${SCRIPTS[player].map((_, i) => `<script src="/${player}/${i}.js"></script>`).join("\n")}
<script type="module" src="/drivers.js"></script>`;

const script = (response, file) => {
  if (!existsSync(file)) throw new Error(`${file} is missing: run \`make setup\``);
  response.writeHead(200, { "content-type": "text/javascript" });
  createReadStream(file).pipe(response);
};

const answer = ({ url }, response) => {
  const [, player, index] = /^\/(\w+)(?:\/(\d+)\.js)?$/.exec(url) ?? [];
  if (url === "/drivers.js") return script(response, drivers);
  if (!SCRIPTS[player]) return response.writeHead(404).end();
  if (index !== undefined) return script(response, SCRIPTS[player][index]);
  response.writeHead(200, { "content-type": "text/html" }).end(pageFor(player));
};

export const startHost = async () => {
  const server = createServer(answer);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    pageOf: (player) => `http://localhost:${server.address().port}/${player}`,
    stop: () => server.close(),
  };
};
