// From an empty folder to a picture: how long a newcomer waits for the first encrypted frame.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startBrowser } from "./support/browser.js";
import { startHost } from "./support/host.js";
import { manifestOf, startServer, streamOf } from "./support/server.js";

const LIMIT_MS = 10_000;

/** Stops what was started, last first, also when the test fails. */
const started = [];
after(async () => {
  for (const stop of started.reverse()) await stop();
});

test("the first frame of the cenc stream is decoded within ten seconds of the process start", async () => {
  const began = performance.now();
  const since = () => Math.round(performance.now() - began);
  const server = await startServer();
  started.push(async () => assert.equal(await server.stop(), 0, "the server ends well on SIGTERM"));
  const ready = since();
  const host = await startHost();
  started.push(host.stop);
  const browser = await startBrowser();
  started.push(() => browser.close());

  const page = await browser.newPage();
  await page.goto(host.pageOf("shaka5"));
  await page.waitForFunction(() => window.begin);
  const url = manifestOf(streamOf(server, "cenc-open"), "dash");
  await page.evaluate((job) => void window.begin("shaka5", job), { url });
  await page.evaluate(() => window.frameAfter(0));
  const shown = since();
  console.log(`server ready after ${ready} ms, first frame after ${shown} ms`);
  assert.ok((await page.evaluate(() => window.report())).encrypted, "the stream is not encrypted");
  assert.ok(shown < LIMIT_MS, `${shown} ms`);
});
