// One play of one stream: a page of its own for the player, watched from outside.
import { manifestOf } from "./server.js";
import { watchWire } from "./wire.js";

export const PLAY_LIMIT_MS = 15_000;

/**
 * Opens the player's page, starts the stream with `token`, what `query` chooses of it, and what `settings` a driver
 * knows beside; hands page and wire to `judge`, and cleans up.
 */
export const withPlay = async ({ browser, host }, { player, protocol, stream, token, query = "", settings = {} }, judge) => {
  const context = await browser.newContext();
  const page = await context.newPage();
  const wire = watchWire(page);
  try {
    await page.goto(host.pageOf(player));
    await page.waitForFunction(() => window.begin);
    const job = {
      url: manifestOf(stream, protocol) + query,
      protocol,
      token,
      licence: stream.licenses?.["org.w3.clearkey"],
      keys: stream.clearKeys,
      ...settings,
    };
    await page.evaluate(([id, work]) => void window.begin(id, work), [player, job]);
    await judge(page, wire);
  } catch (error) {
    const seen = await page.evaluate(() => window.report()).catch(() => "page gone");
    error.message += `\nplayer: ${JSON.stringify(seen)}\nwire: ${JSON.stringify(wire)}`;
    throw error;
  } finally {
    await context.close();
  }
};

/** The media time of the next frame shown from `from` on; fails when none comes in time. */
export const frameAfter = (page, from) =>
  Promise.race([
    page.evaluate((time) => window.frameAfter(time), from),
    new Promise((_, reject) =>
      setTimeout(() => reject(new Error(`no frame at or after ${from} s was shown in time`)), PLAY_LIMIT_MS).unref(),
    ),
  ]);
