import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { measurePages, measureSgxs, measureSgxsStream, SgxsMeasurer } from "postern/measure";
import { flipped, reasonOf, refuses } from "./refusals.js";

const RECORD = { create: 0, firstPage: 64, firstChunk: 128, secondPage: 64 + 5184 };

/** Two pages, a TCS and code. */
function sample(): Buffer {
  const pieces: Buffer[] = [];
  const pages = [
    { offset: 0x1000n, flags: 0x205n, data: Buffer.alloc(4096, 7) },
    { offset: 0x2000n, flags: 0x100n },
  ];
  measurePages({ size: 0x4000n, ssaframesize: 1, pages }, { sink: (piece) => pieces.push(Buffer.from(piece)) });
  return Buffer.concat(pieces);
}

const stream = sample();

test("the pieces a file arrives in do not matter", () => {
  const whole = measureSgxs(stream);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1 }), (sizes) => {
      const measurer = new SgxsMeasurer();
      for (let at = 0, turn = 0; at < stream.length; turn++) {
        const size = sizes[turn % sizes.length]!;
        measurer.update(stream.subarray(at, at + size));
        at += size;
      }
      assert.deepEqual(measurer.finish(), whole);
    }),
  );
});

test("a file that is cut anywhere inside of a record is truncated there", () => {
  const ends = new Set([RECORD.firstPage, RECORD.firstChunk, RECORD.secondPage, RECORD.secondPage + 64, stream.length]);
  for (let index = 0; index < 16; index++) {
    ends.add(128 + index * 320);
    ends.add(RECORD.secondPage + 64 + index * 320);
  }
  for (let length = 1; length < stream.length; length += 7) {
    const cut = stream.subarray(0, length);
    if (ends.has(length))
      assert.equal(
        reasonOf(() => measureSgxs(cut)),
        null,
      );
    else refuses(() => measureSgxs(cut), "truncated", length);
  }
});

test("each broken rule is refused at the field that breaks it", () => {
  const at = (offset: number, bits = 1) => flipped(stream, offset, bits);
  refuses(() => measureSgxs(at(0)), "bad-tag", 0);
  refuses(() => measureSgxs(at(8)), "not-canonical", 8);
  refuses(() => measureSgxs(at(13)), "not-canonical", 12);
  refuses(() => measureSgxs(at(20)), "not-canonical", 20);
  refuses(() => measureSgxs(at(RECORD.firstPage + 8)), "not-canonical", RECORD.firstPage + 8);
  refuses(() => measureSgxs(at(RECORD.firstPage + 12)), "not-canonical", RECORD.firstPage + 8);
  refuses(() => measureSgxs(at(RECORD.firstPage + 18)), "not-canonical", RECORD.firstPage + 16);
  refuses(() => measureSgxs(at(RECORD.firstPage + 63)), "not-canonical", RECORD.firstPage + 63);
  refuses(() => measureSgxs(at(RECORD.firstChunk + 8)), "not-canonical", RECORD.firstChunk + 8);
  refuses(() => measureSgxs(at(RECORD.firstChunk + 9, 0x40)), "not-canonical", RECORD.firstChunk + 8);
  refuses(() => measureSgxs(at(RECORD.firstChunk + 16)), "not-canonical", RECORD.firstChunk + 16);
  refuses(() => measureSgxs(at(RECORD.secondPage + 16)), "not-canonical", RECORD.secondPage + 16);
  refuses(() => measureSgxs(Buffer.concat([stream, stream])), "not-canonical", stream.length);
  refuses(() => measureSgxs(Buffer.concat([stream, stream.subarray(64)])), "not-canonical", stream.length + 8);
  refuses(() => measureSgxs(Buffer.alloc(0)), "not-canonical", 0);
});

test("a chunk that is loaded but not measured is counted and left out", () => {
  const unmeasured = Buffer.from(stream);
  unmeasured.write("UNMEASRD", RECORD.firstChunk, "latin1");
  const result = measureSgxs(unmeasured);
  assert.deepEqual([result.unmeasuredChunks, result.streamLength], [1, stream.length - 320]);
  const without = Buffer.concat([stream.subarray(0, RECORD.firstChunk), stream.subarray(RECORD.firstChunk + 320)]);
  assert.equal(result.mrenclave, measureSgxs(without).mrenclave);
});

test("a changed byte is refused or changes the value", () => {
  const { mrenclave } = measureSgxs(stream);
  fc.assert(
    fc.property(fc.nat(stream.length - 1), fc.integer({ min: 1, max: 255 }), (at, bits) => {
      const changed = flipped(stream, at, bits);
      if (reasonOf(() => measureSgxs(changed), stream.length) === null) {
        assert.notEqual(measureSgxs(changed).mrenclave, mrenclave);
      }
    }),
    { numRuns: 2000 },
  );
});

test("random records, cut and shuffled, are measured or refused", () => {
  const tags = fc.constantFrom("ECREATE\0", "EADD\0\0\0\0", "EEXTEND\0", "UNMEASRD", "UNSIZED\0", "????????");
  const record = fc.tuple(tags, fc.uint8Array({ minLength: 0, maxLength: 312 })).map(([tag, rest]) => {
    const size = tag === "EEXTEND\0" || tag === "UNMEASRD" ? 320 : 64;
    const bytes = Buffer.alloc(size);
    bytes.set(rest.subarray(0, size - 8), 8);
    bytes.write(tag, 0, "latin1");
    return bytes;
  });
  fc.assert(
    fc.property(fc.array(record), fc.boolean(), fc.nat(400), (records, started, cut) => {
      const bytes = Buffer.concat(started ? [stream.subarray(0, 64), ...records] : records);
      const input = bytes.subarray(0, Math.max(0, bytes.length - cut));
      reasonOf(() => measureSgxs(input), input.length);
    }),
    { numRuns: 500 },
  );
});

test("a long stream tells its progress", async () => {
  const heard: (readonly [number, number | undefined])[] = [];
  async function* pieces() {
    yield stream.subarray(0, 64);
    for (let index = 0; index < 2000; index++) {
      const page = Buffer.from(stream.subarray(64, RECORD.secondPage));
      page.writeBigUInt64LE(BigInt(index) * 4096n, 8);
      for (let chunk = 0; chunk < 16; chunk++) {
        page.writeBigUInt64LE(BigInt(index) * 4096n + BigInt(chunk) * 256n, 64 + chunk * 320 + 8);
      }
      yield page;
    }
  }
  const large = async function* () {
    for await (const piece of pieces()) {
      if (piece.length === 64) piece.writeBigUInt64LE(1n << 30n, 12);
      yield piece;
    }
  };
  const options = { progress: (done: number, total: number | undefined) => heard.push([done, total]) };
  const result = await measureSgxsStream(large(), options, 64 + 2000 * 5184);
  assert.equal(result.pages, 2000);
  assert.equal(heard.length, 2);
  assert.ok(heard.every(([done, total]) => done >= 4 << 20 && total === 64 + 2000 * 5184));
});
