import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import {
  buildTcs,
  EnclaveMeasurer,
  measurePages,
  measureSgxs,
  type Page,
  pageData,
  parsePageList,
  parsePageListText,
} from "postern/measure";
import { reasonOf, refuses } from "./refusals.js";

const page: fc.Arbitrary<Page> = fc
  .record({
    index: fc.nat(15),
    permissions: fc.constantFrom(0n, 1n, 3n, 5n, 7n),
    tcs: fc.boolean(),
    data: fc.uint8Array({ maxLength: 4096 }),
    measure: fc.oneof(fc.constantFrom("all" as const, "none" as const), fc.uniqueArray(fc.nat(15), { maxLength: 16 })),
  })
  .map(({ index, permissions, tcs, data, measure }) => ({
    offset: BigInt(index) * 4096n,
    flags: tcs ? 0x100n | permissions : 0x200n | permissions,
    data,
    measure,
  }));
const pages = fc.uniqueArray(page, { selector: ({ offset }) => offset, maxLength: 8 });

function streamOf(list: readonly Page[]): { bytes: Buffer; mrenclave: string; records: number; streamLength: number } {
  const pieces: Buffer[] = [];
  const measured = measurePages(
    { size: 0x10000n, ssaframesize: 1, pages: list },
    { sink: (piece) => pieces.push(Buffer.from(piece)) },
  );
  return { ...measured, bytes: Buffer.concat(pieces) };
}

test("MRENCLAVE is the SHA-256 of the stream that is handed out", () => {
  fc.assert(
    fc.property(pages, (list) => {
      const { bytes, mrenclave, streamLength } = streamOf(list);
      assert.equal(createHash("sha256").update(bytes).digest("hex"), mrenclave);
      assert.equal(bytes.length, streamLength);
      assert.equal(bytes.length % 64, 0);
    }),
  );
});

test("pages in ascending order make a canonical SGXS stream that measures the same", () => {
  fc.assert(
    fc.property(pages, (list) => {
      const ascending = list.toSorted((a, b) => Number(a.offset - b.offset));
      const { bytes, mrenclave, records } = streamOf(ascending);
      const again = measureSgxs(bytes);
      assert.deepEqual([again.mrenclave, again.records, again.pages], [mrenclave, records, list.length]);
    }),
  );
});

test("two pages in the other order measure differently", () => {
  const [a, b] = [0n, 4096n].map((offset) => ({ offset, flags: 0x203n }));
  assert.notEqual(streamOf([a!, b!]).mrenclave, streamOf([b!, a!]).mrenclave);
});

test("what EADD clears in a TCS page does not count, every other byte does", () => {
  const tcs = buildTcs({ ossa: 0x3000, nssa: 2, oentry: 0x1000 });
  const measure = (data: Uint8Array) => streamOf([{ offset: 0n, flags: 0x100n, data }]).mrenclave;
  const cleared = new Set([0, 7, 24, 27, 40, 47]);
  for (const at of [0, 7, 16, 23, 24, 27, 28, 32, 40, 47, 48, 64, 4095]) {
    const changed = Buffer.from(tcs);
    changed[at]! ^= 0x80;
    assert.equal(measure(changed) === measure(tcs), cleared.has(at), `byte ${at}`);
  }
  assert.equal(measure(buildTcs({ ossa: 0x3000, nssa: 2, oentry: 0x1000, flags: 1 })), measure(tcs));
  assert.notEqual(measure(buildTcs({ ossa: 0x3000, nssa: 2, oentry: 0x1000, flags: 2 })), measure(tcs));
});

test("a refused page tells the place in the stream where its record would stand, and is not measured", () => {
  const measurer = new EnclaveMeasurer(0x4000n, 1);
  measurer.add({ offset: 0n, flags: 0x203n });
  const end = 64 + 5184;
  refuses(() => measurer.add({ offset: 0x800n, flags: 0x203n }), "offset-align", end);
  refuses(() => measurer.add({ offset: 0x4000n, flags: 0x203n }), "offset-range", end);
  refuses(() => measurer.add({ offset: 0n, flags: 0x203n }), "duplicate", end);
  refuses(() => measurer.add({ offset: 0x1000n, flags: 0x202n }), "write-without-read", end);
  refuses(() => measurer.add({ offset: 0x1000n, flags: 0x3n }), "page-type", end);
  refuses(() => measurer.add({ offset: 0x1000n, flags: 0x20bn }), "secinfo-reserved", end);
  refuses(() => measurer.add({ offset: 0x1000n, flags: 0x203n, measure: [16] }), "chunk", end);
  refuses(() => measurer.add({ offset: 0x1000n, flags: 0x203n, data: new Uint8Array(4097) }), "page-data", end);
  assert.equal(measurer.finish().mrenclave, measureOne());
});

function measureOne(): string {
  return measurePages({ size: 0x4000n, ssaframesize: 1, pages: [{ offset: 0n, flags: 0x203n }] }).mrenclave;
}

test("the size is a power of two of at least a page, and SSAFRAMESIZE at least 1", () => {
  for (const size of [-1n, 0n, 1n, 0x800n, 0x3000n, 1n << 64n]) {
    refuses(() => measurePages({ size, ssaframesize: 1, pages: [] }), "size", 12);
  }
  for (const ssaframesize of [0, -1, 1.5, 2 ** 32, Number.NaN]) {
    refuses(() => measurePages({ size: 0x1000n, ssaframesize, pages: [] }), "ssaframesize", 8);
  }
});

test("progress is told for a large list", () => {
  const heard: number[] = [];
  const list = Array.from({ length: 2048 }, (_, index) => ({ offset: BigInt(index * 4096), flags: 0x203n }));
  const options = { progress: (done: number) => heard.push(done) };
  measurePages({ size: 1n << 30n, ssaframesize: 1, pages: list }, options);
  assert.deepEqual(heard, [4 << 20, 8 << 20]);
});

test("every form of page content in a list is understood", () => {
  assert.deepEqual([...pageData({ fill: "5a" })], Array(4096).fill(0x5a));
  assert.equal(Buffer.from(pageData({ hex: "0102" })).toString("hex"), "0102");
  assert.equal(Buffer.from(pageData({ base64: "AQI=" })).toString("hex"), "0102");
  assert.deepEqual(
    [...pageData({ pattern: 3 }).subarray(255, 258)],
    [(3 + 31 * 255) & 255, (3 + 31 * 256 + 7) & 255, 41],
  );
  assert.deepEqual([...pageData({ sparse: { "4094": "aabb", "0x1": "01" } }).subarray(4093)], [0, 0xaa, 0xbb]);
  for (const wrong of [
    {},
    { hex: "00", fill: "00" },
    { hex: "0" },
    { fill: "" },
    { pattern: -1 },
    { tcs: { color: 1 } },
    { tcs: { nssa: 2 ** 32 } },
    { sparse: { "4096": "00" } },
    { constructor: 1 },
    null,
    7,
    [],
  ]) {
    assert.equal(
      reasonOf(() => pageData(wrong)),
      "field",
      JSON.stringify(wrong),
    );
  }
  assert.equal(
    reasonOf(() => pageData({ sparse: { "4095": "0000" } })),
    "page-data",
  );
  assert.equal(
    reasonOf(() => pageData({ hex: "00".repeat(4097) })),
    "page-data",
  );
});

test("text that is no JSON is refused with the byte offset", () => {
  refuses(() => parsePageListText('{"size": "é", x'), "field", 15);
  refuses(() => parsePageListText(""), "field", 0);
});

test("what is wrong with a page of a list is told with the byte at which its description starts", () => {
  const measure = (text: string) => measurePages(parsePageListText(text));
  const good = '{"offset":0,"flags":513,"data":{"hex":"00"},"measure":[1,2]}';
  const head = '{"é": ["pages", {"pages": [1, 2]}], "size": 8192, "ssaframesize":1, "pages": [';
  const start = Buffer.byteLength(head);
  assert.equal(measure(`${head}${good}]}`).records, 4);
  for (const [page, reason] of [
    ['{"offset":1,"flags":513}', "offset-align"],
    ['{"offset":0,"flags":513}', "duplicate"],
    ['{"offset":4096,"flags":513,"data":{"hex":"0"}}', "field"],
    ['{"offset":4096,"flags":513,"data":{"hex":7}}', "field"],
    ["7", "field"],
    ['"\\"]"', "field"],
  ]) {
    refuses(() => measure(`${head}${good} , ${page}, 8]}`), reason!, start + good.length + 3);
  }
  refuses(() => measure(`{"pages":[],"pages":[${head.length}],"size":4096,"ssaframesize":1}`), "field", 21);
});

test("no JSON value makes the list reader do anything but measure or refuse", () => {
  const loose = fc.oneof(fc.constantFrom<unknown>("0x2000", 4096, "all", -1, null, true, "0x"), fc.jsonValue());
  const list = fc.record(
    {
      size: loose,
      ssaframesize: loose,
      pages: fc.oneof(
        loose,
        fc.array(fc.record({ offset: loose, flags: loose, measure: loose, data: loose }, { requiredKeys: [] })),
      ),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.oneof(list, fc.jsonValue()), (value) => {
      reasonOf(() => measurePages(parsePageList(value)));
    }),
    { numRuns: 500 },
  );
});
