// What the tests saw, kept for the tables of the README: nobody fills a cell by hand.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../../results/", import.meta.url));

const fileOf = (name) => `${folder}${name}.json`;

/** Keeps the rows that a test file saw in this run. */
export const keep = (name, rows) => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(fileOf(name), `${JSON.stringify(rows, null, 1)}\n`);
};

/** The rows of the last run of a test file. */
export const kept = (name) => JSON.parse(readFileSync(fileOf(name), "utf8"));
