// The player page: fills the choices, starts and stops the play, and keeps the log of requests.
import { at, make } from "./dom.js";
import { PLAYERS, PROTECTIONS, canPlay } from "./pairs.js";
import { CLEARKEY, start } from "./players.js";
import { addressWith, assetFor, fragmentOf, showSwitches } from "./testing.js";
import { watchRequests } from "./watch.js";

const video = at("video");
const OTHER = "Another manifest";
/** Successful segments that the log lists before it only counts them. */
const SEGMENTS_SHOWN = 6;

// ---- what can be chosen

const server = await fetch("/streams.json").then((answer) => answer.json());
const asked = new URLSearchParams(location.search);

const chosenStream = () => server.streams.find(({ name }) => name === at("stream").value);

const label = ({ protocol, encryption = "" }) =>
  `${protocol.toUpperCase()} · ${PROTECTIONS[encryption] ?? encryption}`;

/** The manifest of the chosen stream, or what the URL of another one says about itself. */
const chosenForm = () => {
  const url = at("url").value;
  const known = chosenStream()?.manifests.find((manifest) => manifest.url === url);
  const encryption = /encryption=([\w-]+)/i.exec(url)?.[1].toLowerCase();
  return known ?? { url, protocol: /m3u8/i.test(url) ? "hls" : "dash", encryption };
};

const fillStreams = () => {
  const names = [...server.streams.map(({ name }) => name), OTHER];
  at("stream").replaceChildren(...names.map((name) => new Option(name)));
  if (names.includes(asked.get("stream"))) at("stream").value = asked.get("stream");
};

const fillForms = () => {
  const stream = chosenStream();
  const forms = stream?.manifests ?? [];
  at("format").replaceChildren(...forms.map((form) => new Option(label(form), form.url)));
  at("format").disabled = forms.length === 0;
  const wanted = forms.find(({ format }) => format === asked.get("format"));
  if (wanted) at("format").value = wanted.url;
  at("url").value = at("format").value;
  at("url").readOnly = Boolean(stream);
  at("token").value = stream?.token ?? "";
};

const fillPlayers = () => {
  const before = document.forms[0].elements.player?.value ?? asked.get("player");
  const form = chosenForm();
  const rows = Object.entries(PLAYERS).map(([id, { name }]) => {
    const verdict = canPlay(id, form);
    const input = make("input", { type: "radio", name: "player", value: id, disabled: verdict !== true });
    const reason = verdict === true ? [] : [make("span", { className: "hint" }, verdict)];
    return make("label", {}, input, name, ...reason);
  });
  at("players").replaceChildren(at("players").firstElementChild, ...rows);
  const usable = [...at("players").querySelectorAll("input:enabled")];
  const wanted = usable.find(({ value }) => value === before) ?? usable[0];
  if (wanted) wanted.checked = true;
  at("play").disabled = !wanted;
};

// ---- for testers

/** Where to ask for a licence of a system, with what testers wish of it. */
const address = (url, system) => addressWith(at("switches"), server.switches, url, system);

/** Licence addresses and the asset of the chosen form, to be pasted elsewhere. */
const fillElsewhere = () => {
  const stream = chosenStream();
  const systems = Object.entries(stream?.licenses ?? {});
  const urls = systems.map(([system, url]) => [system, address(url, system)]);
  if (systems.length) urls.push(["all systems", address(server.license)]);
  const row = ([system, url]) => [make("dt", {}, system), make("dd", {}, make("code", {}, url))];
  at("licences").replaceChildren(...urls.flatMap(row));
  const asset = assetFor(stream, chosenForm(), at("token").value.trim(), address);
  at("asset").value = asset ? JSON.stringify(asset, null, 1) : "";
  at("fragment").value = asset ? fragmentOf(asset) : "";
  at("elsewhere").hidden = !asset;
};

// ---- what is going on

/** The play that is on: how to stop it, where its manifest lies, what was delivered so far. */
const newPlay = (url) => ({
  stop: async () => {},
  folder: decodeURI(new URL(".", url)),
  delivered: new Set(),
  segments: 0,
  over: false,
});

let play = { ...newPlay(location.href), over: true };

const say = (kind, ...parts) => {
  at("state").dataset.kind = kind;
  at("state").replaceChildren(...parts);
};

const playingSentence = () => {
  const what = ["licence", "key"].find((kind) => play.delivered.has(kind));
  return what ? `Playing, ${what} delivered.` : "Playing, no key was asked for.";
};

const logRow = ({ kind, method, url, status, ms, problem }) => {
  const reason = problem ? [make("p", { className: "reason" }, reasonOf(problem))] : [];
  return make(
    "tr",
    { className: status >= 200 && status < 400 ? "fine" : "bad" },
    make("td", {}, kind),
    make("td", {}, status === 0 ? "failed" : String(status)),
    make("td", {}, String(ms)),
    make("td", {}, make("span", { className: "method" }, method), ` ${shown(url)}`, ...reason),
  );
};

/** Short for what lies beside the manifest, and without the query: it may hold a token. */
const shown = (url) => {
  const { origin, pathname, searchParams } = new URL(url);
  const kid = searchParams.get("kid");
  const address = origin + decodeURI(pathname) + (kid ? `?kid=${kid}` : "");
  const { folder } = play;
  if (address.startsWith(folder) && address.length > folder.length) return `… ${address.slice(folder.length)}`;
  return address.replace(location.origin, "");
};

const reasonOf = ({ title, code, detail }) => `${detail ?? title}${code ? ` (${code})` : ""}`;

const record = (entry) => {
  if (play.over) return;
  const fine = entry.status >= 200 && entry.status < 400;
  if (fine) play.delivered.add(entry.kind);
  if (fine && entry.kind === "segment" && ++play.segments > SEGMENTS_SHOWN) {
    at("more").textContent = `and ${play.segments - SEGMENTS_SHOWN} more segments`;
    return;
  }
  at("log").querySelector(".empty")?.remove();
  at("log").append(logRow(entry));
  if (entry.status >= 400) refuse(entry);
};

/** A refused request ends the play: players either retry it for ever or give up without a reason. */
const refuse = ({ kind, status, problem }) => {
  const verdict = status === 401 || status === 403 ? "Refused" : "Failed";
  const reason = problem ? reasonOf(problem) : `status ${status}`;
  say("bad", make("strong", {}, `${verdict}: ${kind} not delivered.`), " ", reason);
  stop();
};

const stop = async () => {
  play.over = true;
  at("stop").disabled = true;
  await play.stop();
  video.removeAttribute("src");
  video.load();
};

const begin = async () => {
  await stop();
  const { url } = chosenForm();
  const licence = chosenStream()?.licenses[CLEARKEY];
  const known = licence ? [url, licence] : [url];
  const trusted = [location.origin, ...known.map((address) => new URL(address).origin)];
  const current = newPlay(url);
  play = current;
  at("log").replaceChildren();
  at("more").textContent = "";
  at("stop").disabled = false;
  say("busy", "Loading …");
  // A moment later: a refusal, which says more, is heard of after some players' complaint of it.
  const failed = (message) =>
    setTimeout(() => {
      if (current.over) return;
      say("bad", make("strong", {}, "The player gave up."), " ", message);
      stop();
    });
  try {
    const player = document.forms[0].elements.player.value;
    const trusts = (target) => trusted.includes(new URL(target, location.href).origin);
    const token = at("token").value.trim();
    current.stop = await start(player, video, { url, licence, token, trusts, address, failed });
    if (current.over) await current.stop();
    else await video.play().catch(() => {}); // without a user's click browsers wait for one
  } catch (error) {
    failed(error.message);
  }
};

const showFacts = () => {
  const { videoWidth: width, videoHeight: height } = video;
  const { totalVideoFrames: frames = 0, droppedVideoFrames: dropped = 0 } = video.getVideoPlaybackQuality();
  at("facts").textContent = width ? `${width} × ${height}, ${frames} frames, ${dropped} dropped` : "";
};

// ---- wiring

watchRequests(record);
showSwitches(at("switches"), server.switches);
at("testing").hidden = server.switches.length === 0;
fillStreams();
fillForms();
fillPlayers();
fillElsewhere();
at("stream").addEventListener("change", () => (fillForms(), fillPlayers()));
at("format").addEventListener("change", () => ((at("url").value = at("format").value), fillPlayers()));
at("url").addEventListener("input", fillPlayers);
at("choice").addEventListener("input", fillElsewhere);
at("choice").addEventListener("change", fillElsewhere);
at("choice").addEventListener("submit", (event) => (event.preventDefault(), begin()));
at("stop").addEventListener("click", () => stop().then(() => say("idle", "Stopped.")));
video.addEventListener("playing", () => play.over || say("good", playingSentence()));
video.addEventListener("timeupdate", showFacts);
document.body.dataset.ready = "true";
