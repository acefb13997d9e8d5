// Box surgery on the clips that make.sh encoded: legal forms that ffmpeg does not write, and files
// that are broken in one known place each (traps/malformed). Plain Node, nothing is re-encoded.
// usage: node surgery.js TRAPS_FOLDER
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const folder = process.argv[2];
const CONTAINERS = new Set(["moov", "trak", "mdia", "minf", "stbl", "edts"]);

// ---- a box tree that prints back to the same bytes

const parse = (bytes) => {
  const boxes = [];
  for (let at = 0; at + 8 <= bytes.length; ) {
    const size = bytes.readUInt32BE(at);
    const kind = bytes.toString("latin1", at + 4, at + 8);
    const body = bytes.subarray(at + 8, at + size);
    boxes.push(CONTAINERS.has(kind) ? { kind, kids: parse(body) } : { kind, data: Buffer.from(body) });
    at += size;
  }
  return boxes;
};

const header = (size, kind) => {
  const out = Buffer.alloc(8);
  out.writeUInt32BE(size, 0);
  out.write(kind, 4, "latin1");
  return out;
};

const print = (boxes) =>
  Buffer.concat(
    boxes.flatMap((box) => {
      const body = box.kids ? print(box.kids) : box.data;
      return [header(8 + body.length, box.kind), body];
    }),
  );

const all = (boxes, kind) =>
  boxes.flatMap((box) => [...(box.kind === kind ? [box] : []), ...all(box.kids ?? [], kind)]);
const one = (boxes, kind) => all(boxes, kind)[0];
const u32 = (...values) => {
  const out = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => out.writeUInt32BE(value >>> 0, 4 * i));
  return out;
};

const load = (name) => parse(readFileSync(join(folder, name)));
const save = (name, bytes) => writeFileSync(join(folder, name), bytes);

const offsets = (stco) =>
  Array.from({ length: stco.data.readUInt32BE(4) }, (_, i) => stco.data.readUInt32BE(8 + 4 * i));
const moveChunks = (boxes, by) => {
  for (const stco of all(boxes, "stco")) {
    stco.data = Buffer.concat([stco.data.subarray(0, 8), u32(...offsets(stco).map((o) => o + by))]);
  }
};

// ---- legal forms

const co64 = () => {
  const boxes = load("baseline_cavlc_no_ctts.mp4");
  const stco = one(boxes, "stco");
  const growth = 4 * offsets(stco).length; // the moov stands before the mdat
  stco.kind = "co64";
  stco.data = Buffer.concat([
    stco.data.subarray(0, 8),
    ...offsets(stco).map((offset) => u32(0, offset + growth)),
  ]);
  save("co64.mp4", print(boxes));
};

const largeMdat = () => {
  const boxes = load("baseline_cavlc_no_ctts.mp4");
  moveChunks(boxes, 8);
  const parts = boxes.map((box) =>
    box.kind === "mdat"
      ? Buffer.concat([header(1, "mdat"), u32(0, 16 + box.data.length), box.data])
      : print([box]),
  );
  save("mdat_largesize.mp4", Buffer.concat(parts));
};

const openEndedMdat = () => {
  const boxes = load("baseline_cavlc_no_ctts.mp4");
  const mdat = boxes.find((box) => box.kind === "mdat");
  const rest = boxes.filter((box) => box.kind !== "mdat" && box.kind !== "free");
  const first = Math.min(...offsets(one(rest, "stco")));
  moveChunks(rest, print(rest).length + 8 - first);
  save("mdat_size_zero.mp4", Buffer.concat([print(rest), header(0, "mdat"), mdat.data]));
};

const unknownBoxes = () => {
  const boxes = load("four_slices.mp4");
  const before = print(boxes).length;
  one(boxes, "moov").kids.splice(1, 0, { kind: "zzzz", data: Buffer.alloc(40) });
  one(boxes, "stbl").kids.unshift({ kind: "qqqq", data: Buffer.from("unknown") });
  for (const hdlr of all(boxes, "hdlr")) {
    hdlr.data = Buffer.concat([hdlr.data.subarray(0, 24), Buffer.from("NoTerminator")]);
  }
  boxes.splice(1, 0, { kind: "uuid", data: Buffer.alloc(48, 0x5a) });
  moveChunks(boxes, print(boxes).length - before);
  save("unknown_boxes.mp4", print(boxes));
};

const compactSizes = () => {
  const boxes = load("ctts_v1_negative.mp4");
  const before = print(boxes).length;
  for (const stsz of all(boxes, "stsz")) {
    const count = stsz.data.readUInt32BE(8);
    const sizes = Buffer.alloc(2 * count);
    for (let i = 0; i < count; i++) {
      sizes.writeUInt16BE(stsz.data.readUInt32BE(12 + 4 * i), 2 * i); // throws above 65,535
    }
    stsz.kind = "stz2";
    stsz.data = Buffer.concat([u32(0, 16, count), sizes]);
  }
  moveChunks(boxes, print(boxes).length - before);
  save("stz2_16bit.mp4", print(boxes));
};

// One track that goes over to the parameter sets of another encoder: the samples of both files, two
// sample entries. Neither file has composition offsets or edits that matter.
const twoEntries = () => {
  const [front, back] = [load("baseline_cavlc_no_ctts.mp4"), load("main_no_ctts.mp4")];
  const table = (boxes, kind) => one(boxes, kind).data;
  const count = (boxes) => table(boxes, "stsz").readUInt32BE(8);
  const rest = (boxes, kind, at) => table(boxes, kind).subarray(at);
  const [samples, chunks] = [count(front), offsets(one(front, "stco")).length];
  const media = [front, back].map((boxes) => one(boxes, "mdat").data);
  const starts = [front, back].map((boxes) => Math.min(...offsets(one(boxes, "stco"))));
  const words = (bytes) => Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readUInt32BE(4 * i));
  const stsc = [front, back].map((boxes, n) =>
    words(rest(boxes, "stsc", 8)).map((word, i) => [word + n * chunks, word, n + 1][i % 3]),
  );
  const merged = {
    stsd: Buffer.concat([u32(0, 2), rest(front, "stsd", 8), rest(back, "stsd", 8)]),
    stts: u32(0, 1, samples + count(back), table(front, "stts").readUInt32BE(12)),
    stsz: Buffer.concat([u32(0, 0, samples + count(back)), rest(front, "stsz", 12), rest(back, "stsz", 12)]),
    stsc: u32(0, (stsc[0].length + stsc[1].length) / 3, ...stsc[0], ...stsc[1]),
  };
  const syncs = [...words(rest(front, "stss", 8)), ...words(rest(back, "stss", 8)).map((n) => n + samples)];
  merged.stss = u32(0, syncs.length, ...syncs);
  const places = [front, back].flatMap((boxes, n) =>
    offsets(one(boxes, "stco")).map((offset) => offset - starts[n] + n * media[0].length),
  );
  merged.stco = u32(0, places.length, ...places);
  const boxes = front.filter((box) => ["ftyp", "moov"].includes(box.kind));
  for (const [kind, data] of Object.entries(merged)) one(boxes, kind).data = data;
  one(boxes, "trak").kids = one(boxes, "trak").kids.filter((box) => box.kind !== "edts");
  moveChunks(boxes, print(boxes).length + 8);
  const mdat = Buffer.concat(media);
  save("two_sample_entries.mp4", Buffer.concat([print(boxes), header(8 + mdat.length, "mdat"), mdat]));
};

// The moov of moov_at_end.mp4 is last, so edit lists may change size and no offset moves.
const editLists = (name, wanted, edit) => {
  const boxes = load("moov_at_end.mp4");
  const movieScale = one(boxes, "mvhd").data.readUInt32BE(12);
  for (const trak of all(boxes, "trak")) {
    const handler = one([trak], "hdlr").data.toString("latin1", 8, 12);
    if (!wanted.includes(handler)) continue;
    const elst = one([trak], "elst");
    const entry = { duration: elst.data.readUInt32BE(8), start: elst.data.readInt32BE(12) };
    const entries = edit(entry, movieScale, one([trak], "mdhd").data.readUInt32BE(12));
    elst.data = u32(0, entries.length, ...entries.flatMap((e) => [e.duration, e.start, 0x10000]));
  }
  save(name, print(boxes));
};

const emptyEdit = () =>
  editLists("elst_empty_edit_audio.mp4", ["soun"], (entry, movieScale) => [
    { duration: (movieScale * 480) / 1000, start: -1 },
    entry,
  ]);

const trimEdit = () =>
  editLists("elst_trim_1s.mp4", ["soun", "vide"], (entry, movieScale, trackScale) => [
    { duration: entry.duration - movieScale, start: entry.start + trackScale },
  ]);

// ---- broken in one place

const broken = (name, bytes) => save(join("malformed", name), bytes);

const poke = (kind, at, value) => (boxes) => one(boxes, kind).data.writeUInt32BE(value >>> 0, at);
const drop = (parent, kind) => (boxes) => {
  const box = one(boxes, parent);
  box.kids = box.kids.filter((kid) => kid.kind !== kind);
};

const EDITS = {
  "stsz_count_4g.mp4": poke("stsz", 8, 0xffffffff),
  "stts_count_4g.mp4": poke("stts", 4, 0xffffffff),
  "ctts_count_4g.mp4": poke("ctts", 4, 0xffffffff),
  "stco_past_eof.mp4": poke("stco", 8, 0x7fffffff),
  "stsc_zero_first_chunk.mp4": poke("stsc", 8, 0),
  "timescale_zero.mp4": poke("mdhd", 12, 0),
  "stsd_zero_entries.mp4": poke("stsd", 4, 0),
  "no_stsd.mp4": drop("stbl", "stsd"),
  "no_video_trak.mp4": drop("moov", "trak"),
};

// Overwrites four bytes beside a box type, found as text.
const PATCHES = {
  "box_size_4.mp4": ["stbl", -4, 4], // smaller than its own header
  "child_larger_than_parent.mp4": ["minf", -4, 0x7ffffff0],
  "avcc_sps_length.mp4": ["avcC", 10, 0xffff6764], // the SPS length runs past the box
};

const malformed = () => {
  const good = readFileSync(join(folder, "four_slices.mp4"));
  for (const [name, edit] of Object.entries(EDITS)) {
    const boxes = parse(good);
    edit(boxes);
    broken(name, print(boxes));
  }
  for (const [name, [kind, at, value]] of Object.entries(PATCHES)) {
    const bytes = Buffer.from(good);
    bytes.writeUInt32BE(value, bytes.indexOf(kind) + at);
    broken(name, bytes);
  }
  broken("truncated_mdat.mp4", good.subarray(0, Math.floor(good.length * 0.6)));
  broken("truncated_moov.mp4", good.subarray(0, 600));
  broken("empty.mp4", Buffer.alloc(0));
  broken("not_an_mp4.mp4", Buffer.from("<html><body>404</body></html>\n".repeat(20)));
  let deep = Buffer.alloc(0);
  for (let i = 0; i < 5000; i++) deep = Buffer.concat([header(8 + deep.length, "moov"), deep]);
  broken("deep_nesting.mp4", Buffer.concat([good.subarray(0, good.indexOf("moov") - 4), deep]));
};

for (const make of [co64, twoEntries, largeMdat, openEndedMdat, unknownBoxes, compactSizes, emptyEdit, trimEdit, malformed]) {
  make();
}
