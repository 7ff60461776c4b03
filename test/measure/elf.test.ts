import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { layOutElf, measurePages, type Page, sourceOfBytes } from "postern/measure";
import { flipped, reasonOf, refuses } from "./refusals.js";

interface SegmentInput {
  readonly type?: number;
  readonly flags: number;
  readonly offset: number;
  readonly address: number;
  readonly fileSize: number;
  readonly memorySize: number;
}

const CODE: SegmentInput = { flags: 5, offset: 0, address: 0, fileSize: 0x300, memorySize: 0x300 };
const DATA: SegmentInput = { flags: 6, offset: 0x300, address: 0x1300, fileSize: 0x100, memorySize: 0x2000 };
const HEADER = 64;

/** An ELF file of 0x400 bytes with the given segments; content bytes count up. */
function elf(segments: readonly SegmentInput[], entry = 0x200): Buffer {
  const file = Buffer.from(Array.from({ length: 0x400 }, (_, index) => index & 255));
  file.fill(0, 0, HEADER);
  file.set(Buffer.from("7f454c46020101", "hex"), 0);
  file.writeUInt16LE(3, 16);
  file.writeUInt16LE(62, 18);
  file.writeBigUInt64LE(BigInt(entry), 24);
  file.writeBigUInt64LE(BigInt(HEADER), 32);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(segments.length, 56);
  for (const [index, segment] of segments.entries()) {
    const at = HEADER + index * 56;
    file.fill(0, at, at + 56);
    file.writeUInt32LE(segment.type ?? 1, at);
    file.writeUInt32LE(segment.flags, at + 4);
    const words = [segment.offset, segment.address, segment.address, segment.fileSize, segment.memorySize, 4096];
    for (const [word, value] of words.entries()) file.writeBigUInt64LE(BigInt(value), at + 8 + word * 8);
  }
  return file;
}

const layOut = (file: Buffer, options = {}) => layOutElf(sourceOfBytes(file), options);
const SMALL = { heap: 1, stack: 1 };

test("segments, heap, stack, TCS and SSA frames follow one another with a gap before heap and stack", () => {
  const file = elf([CODE, DATA]);
  const layout = layOut(file, { ...SMALL, nssa: 2 });
  const pages: Page[] = [...layout.pages];
  assert.deepEqual(
    pages.map(({ offset, flags }) => [Number(offset), Number(flags)]),
    [
      [0x0, 0x205],
      [0x1000, 0x203],
      [0x2000, 0x203],
      [0x3000, 0x203],
      [0x5000, 0x203],
      [0x7000, 0x203],
      [0x8000, 0x100],
      [0x9000, 0x203],
      [0xa000, 0x203],
    ],
  );
  assert.equal(pages.length, layout.pageCount);
  assert.deepEqual([layout.size, layout.entry, layout.imageEnd, layout.heap], [0x10000n, 0x200n, 0x4000n, 0x5000n]);
  assert.deepEqual(layout.tcs, [0x8000n]);
  assert.deepEqual(Buffer.from(pages[0]!.data!).subarray(0, 0x300), file.subarray(0, 0x300));
  const data = Buffer.from(pages[1]!.data!);
  assert.deepEqual(data.subarray(0x300, 0x400), file.subarray(0x300, 0x400));
  assert.ok(data.subarray(0, 0x300).every((byte) => byte === 0) && data.subarray(0x400).every((byte) => byte === 0));
  const tcs = Buffer.from(pages[6]!.data!);
  assert.deepEqual([tcs.readBigUInt64LE(16), tcs.readUInt32LE(28), tcs.readBigUInt64LE(32)], [0x9000n, 2, 0x200n]);
});

test("the pages ascend, so the layout has a canonical stream, whatever the options", () => {
  const options = fc.record({
    threads: fc.integer({ min: 1, max: 5 }),
    nssa: fc.integer({ min: 1, max: 4 }),
    ssaframesize: fc.integer({ min: 1, max: 3 }),
    heap: fc.nat(5),
    stack: fc.integer({ min: 1, max: 5 }),
  });
  fc.assert(
    fc.property(options, (chosen) => {
      const layout = layOut(elf([CODE, DATA]), chosen);
      const offsets = [...layout.pages].map(({ offset }) => offset);
      assert.deepEqual(
        offsets,
        offsets.toSorted((a, b) => Number(a - b)),
      );
      assert.equal(new Set(offsets).size, layout.pageCount);
      assert.ok(offsets.at(-1)! < layout.size && layout.tcs.length === chosen.threads);
    }),
    { numRuns: 50 },
  );
});

test("the measurement of a small program is always this one", () => {
  const measured = measurePages(layOut(elf([CODE, DATA]), SMALL));
  assert.equal(measured.records, 1 + 10 * 17);
  assert.equal(measured.mrenclave, measurePages(layOut(elf([CODE, DATA]), { ...SMALL, size: 0x10000n })).mrenclave);
  assert.notEqual(measured.mrenclave, measurePages(layOut(elf([CODE, DATA]), { ...SMALL, size: 0x20000n })).mrenclave);
  assert.notEqual(measured.mrenclave, measurePages(layOut(flipped(elf([CODE, DATA]), 0x3ff), SMALL)).mrenclave);
});

test("what cannot be placed is refused at the field that says so", () => {
  const file = elf([CODE, DATA]);
  const field = (offset: number, value: number) => {
    const copy = Buffer.from(file);
    copy.writeUInt16LE(value, offset);
    return copy;
  };
  refuses(() => layOut(flipped(file, 1)), "elf", 0);
  refuses(() => layOut(flipped(file, 4)), "elf", 4);
  refuses(() => layOut(field(16, 2)), "elf", 16);
  refuses(() => layOut(field(18, 183)), "elf", 18);
  refuses(() => layOut(field(54, 32)), "elf", 54);
  refuses(() => layOut(field(56, 0)), "elf", 56);
  refuses(() => layOut(field(56, 65)), "elf", 56);
  refuses(() => layOut(file.subarray(0, 63)), "truncated", 63);
  refuses(() => layOut(file.subarray(0, 100)), "truncated", 100);
  refuses(() => layOut(file.subarray(0, 0x3ff)), "truncated", HEADER + 56 + 8);
  refuses(() => layOut(elf([CODE, DATA], 0x1300)), "elf", 24);
  refuses(() => layOut(elf([CODE, { ...DATA, type: 3 }])), "elf", HEADER + 56);
  refuses(() => layOut(elf([DATA, CODE])), "overlap", HEADER + 56);
  refuses(() => layOut(elf([CODE, { ...DATA, address: 0xfff }])), "overlap", HEADER + 56);
  refuses(() => layOut(elf([CODE, { ...DATA, flags: 2 }])), "write-without-read", HEADER + 56 + 4);
  refuses(() => layOut(elf([CODE, { ...DATA, memorySize: 0x10 }])), "elf", HEADER + 56 + 32);
  refuses(() => layOut(elf([CODE, { ...DATA, memorySize: 2 ** 40 }])), "limit", HEADER + 56);
  refuses(() => layOut(elf([{ ...CODE, type: 4 }])), "elf", HEADER);
});

test("options out of range and a size that is too small are refused", () => {
  const file = elf([CODE, DATA]);
  for (const options of [
    { threads: 0 },
    { threads: 257 },
    { nssa: 0 },
    { heap: -1 },
    { stack: 1.5 },
    { ssaframesize: 17 },
  ]) {
    refuses(() => layOut(file, options), "field");
  }
  refuses(() => layOut(file, { ...SMALL, size: 0x8000n }), "size");
});

test("a source that gives fewer bytes than it promised is truncated", () => {
  const file = elf([CODE, DATA]);
  const source = {
    size: file.length,
    read: (offset: number, length: number) => file.subarray(offset, offset + length - 1),
  };
  refuses(() => layOutElf(source), "truncated", 63);
});

test("a program with changed bytes is laid out or refused, never more than its limits", () => {
  const file = elf([CODE, DATA, { ...DATA, address: 0x4000 }]);
  const change = fc.tuple(fc.nat(HEADER + 3 * 56), fc.nat(255));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), fc.nat(0x400), (changes, cut) => {
      const copy = Buffer.from(file.subarray(0, 0x400 - (cut % 3 === 0 ? cut : 0)));
      for (const [at, value] of changes) if (at < copy.length) copy[at] = value;
      reasonOf(() => {
        const layout = layOut(copy, SMALL);
        assert.ok(layout.size <= 1n << 33n);
        if (layout.pageCount < 100) measurePages(layout);
      }, copy.length);
    }),
    { numRuns: 2000 },
  );
});
