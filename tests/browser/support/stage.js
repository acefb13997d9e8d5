// What the tests of a file stand on: a server, the page of somebody else, a browser.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { startBrowser } from "./browser.js";
import { startHost } from "./host.js";
import { apply, startServer } from "./server.js";

/**
 * `server`, `host` and `browser`, from the first test of the file to the last. `media(folder)` fills a folder
 * that is served instead of the built-in clip; `documents` are policies and locators to be stored, or a function
 * that makes them for the server.
 */
export const stage = ({ media, documents } = {}) => {
  const on = {};
  let folder;
  before(async () => {
    if (media) {
      folder = mkdtempSync(join(tmpdir(), "portcullis-media-"));
      media(folder);
    }
    on.server = await startServer(folder ? ["--media", folder] : []);
    // One by one: what started is stopped even when the next fails.
    if (documents) apply(on.server, typeof documents === "function" ? documents(on.server) : documents);
    on.host = await startHost();
    on.browser = await startBrowser();
  });
  after(async () => {
    await on.browser?.close();
    on.host?.stop();
    await on.server?.stop();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });
  return on;
};
