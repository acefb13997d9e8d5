// From an empty folder to a picture: how long a newcomer waits for the first encrypted frame.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startBrowser } from "./support/browser.js";
import { startHost } from "./support/host.js";
import { manifestOf, startServer, streamOf } from "./support/server.js";

const LIMIT_MS = 10_000;

test("the first frame of the cenc stream is decoded within ten seconds of the process start", async () => {
  const started = performance.now();
  const server = await startServer();
  const ready = performance.now() - started;
  const [host, browser] = await Promise.all([startHost(), startBrowser()]);
  try {
    const page = await browser.newPage();
    await page.goto(host.pageOf("shaka5"));
    await page.waitForFunction(() => window.begin);
    const url = manifestOf(streamOf(server, "cenc-open"), "dash");
    await page.evaluate((job) => void window.begin("shaka5", job), { url });
    await page.evaluate(() => window.frameAfter(0));
    const shown = performance.now() - started;
    console.log(`server ready after ${ready.toFixed(0)} ms, first frame after ${shown.toFixed(0)} ms`);
    assert.ok((await page.evaluate(() => window.report())).encrypted, "the stream is not encrypted");
    assert.ok(shown < LIMIT_MS, `${shown} ms`);
  } finally {
    await browser.close();
    host.stop();
    assert.equal(await server.stop(), 0, "the server ends well on SIGTERM");
  }
});
