// Debian's Chromium, headless. The flags keep it from asking the internet for anything.
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { chromium } from "playwright-core";

const PROGRAM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = [
  "--no-sandbox", // as root there is no user namespace to sandbox in
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--autoplay-policy=no-user-gesture-required",
];

export const startBrowser = () => {
  if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is missing: run \`make setup\``);
  return chromium.launch({ executablePath: PROGRAM, headless: true, args: FLAGS });
};

/** Where pictures of the pages are kept for people to look at. */
export const pictureFile = (name) => {
  const folder = join(dirname(process.env.TEST_BINARY), "..", "screenshots");
  mkdirSync(folder, { recursive: true });
  return join(folder, name);
};
