import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Allocation, Block, BUF_CAPACITY, Cursor, type Layout, OutOfSpace, U8 } from "postern/sallyport/v02";

const U32: Layout = { size: 4, align: 4 };
const U64: Layout = { size: 8, align: 8 };

function allocated(allocation: Allocation | OutOfSpace): Allocation {
  assert.notEqual(allocation, OutOfSpace);
  return allocation as Allocation;
}

const layout = fc
  .record({ power: fc.integer({ min: 0, max: 12 }), elements: fc.integer({ min: 0, max: 9 }) })
  .map(({ power, elements }) => ({ align: 2 ** power, size: elements * 2 ** power }));
const operation = fc.record({ layout, count: fc.oneof(fc.nat(20), fc.nat(80_000), fc.constant(2n ** 64n - 1n)) });

test("no sequence of allocations leaves the buffer, overlaps, or is misaligned", () => {
  fc.assert(
    fc.property(fc.array(operation), fc.nat(1 << 20), (operations, eighths) => {
      const block = new Block(undefined, BigInt(eighths) * 8n);
      let cursor = block.cursor();
      let end = 0;
      for (const { layout, count } of operations) {
        const before = cursor.remaining;
        const allocation = cursor.alloc(layout, count);
        if (allocation === OutOfSpace) break;
        const { slice } = allocation;
        assert.ok(slice.offset >= end && slice.offset + slice.bytes.length <= BUF_CAPACITY);
        assert.equal(slice.bytes.length, layout.size * Number(count));
        assert.equal(slice.bytes.byteOffset, 64 + slice.offset);
        if (slice.bytes.length > 0) assert.equal(block.addressOf(slice.offset) % BigInt(layout.align), 0n);
        end = slice.offset + slice.bytes.length;
        cursor = allocation.cursor;
        assert.equal(cursor.remaining, BUF_CAPACITY - end);
        assert.ok(cursor.remaining <= before);
      }
    }),
    { verbose: 1 },
  );
});

test("the address of the block decides the padding of large alignments", () => {
  const line = { size: 64, align: 64 };
  const offsets = [0n, 8n, 56n, 4096n].map((address) => {
    return allocated(new Block(undefined, address).cursor().alloc(line, 1)).slice.offset;
  });
  assert.deepEqual(offsets, [0, 56, 8, 0]);
});

test("padding that does not fit leaves no room, and a count of zero eats the whole tail", () => {
  const buffer = new Uint8Array(10);
  assert.equal(new Cursor(buffer, 1).alloc({ size: 16, align: 16 }, 1), OutOfSpace);
  const { cursor, slice } = allocated(new Cursor(buffer, 1).alloc({ size: 16, align: 16 }, 0));
  assert.deepEqual([slice.offset, cursor.remaining], [10, 0]);
  assert.equal(cursor.alloc(U8, 1), OutOfSpace);
});

test("a type without size has no elements, and none of them eats the whole tail", () => {
  const empty = { size: 0, align: 1 };
  assert.equal(new Block().cursor().alloc(empty, 1), OutOfSpace);
  assert.equal(allocated(new Block().cursor().alloc(empty, 0)).cursor.remaining, 0);
});

test("a cursor is good for one operation, also where that failed", () => {
  const cursor = new Block().cursor();
  cursor.alloc(U8, 1);
  assert.throws(() => cursor.alloc(U8, 1), /used already/);
  const failed = new Block().cursor();
  assert.equal(failed.alloc(U8, BUF_CAPACITY + 1), OutOfSpace);
  assert.throws(() => failed.alloc(U8, 1), /used already/);
});

test("what was copied in is read back by the same sequence on a new cursor", () => {
  const block = new Block();
  const words = Uint8Array.from({ length: 16 }, (_, index) => index);
  const first = allocated(block.cursor().copyFromSlice(U8, Uint8Array.of(1, 2, 3)));
  const second = allocated(first.cursor.copyFromSlice(U64, words));
  allocated(second.cursor.write(U32, Uint8Array.of(9, 8, 7, 6)));

  const three = new Uint8Array(2);
  const afterThree = block.cursor().copyIntoSlice(U8, 3, three);
  assert.ok(afterThree !== OutOfSpace);
  const one = new Uint8Array(8);
  const afterWords = afterThree.copyIntoSlice(U64, 2, one);
  assert.ok(afterWords !== OutOfSpace);
  const last = afterWords.read(U32);
  assert.ok(last !== OutOfSpace);
  assert.deepEqual([[...three], [...one], [...last.value]], [[1, 2], [...words.slice(0, 8)], [9, 8, 7, 6]]);
});

test("raw parts take a piece of a larger array, and nothing beyond it", () => {
  const block = new Block();
  const { slice } = allocated(
    block.cursor().copyFromRawParts(
      U32,
      Uint8Array.from({ length: 12 }, (_, i) => i),
      4,
      1,
    ),
  );
  assert.deepEqual([...slice.bytes], [4, 5, 6, 7]);
  const target = new Uint8Array(12);
  assert.ok(block.cursor().copyIntoRawParts(U32, 2, target, 8, 1) !== OutOfSpace);
  assert.deepEqual([...target], [0, 0, 0, 0, 0, 0, 0, 0, 4, 5, 6, 7]);
  assert.throws(() => block.cursor().copyFromRawParts(U32, target, 8, 2), /not all inside/);
  assert.throws(() => block.cursor().copyIntoRawParts(U32, 9, target, 1, 3), /not all inside/);
});

test("more out than in is refused, so is a value of another size", () => {
  assert.throws(() => new Block().cursor().copyIntoSlice(U8, 2, new Uint8Array(3)), /out of 2/);
  assert.throws(() => new Block().cursor().write(U32, new Uint8Array(3)), /4 bytes/);
  assert.throws(() => new Block().cursor().copyInto(U32, new Uint8Array(5)), /4 bytes/);
  assert.throws(() => new Block().cursor().copyFromSlice(U32, new Uint8Array(5)), /whole number/);
});

test("impossible layouts and counts are refused", () => {
  for (const bad of [
    { size: 8, align: 3 },
    { size: 6, align: 4 },
    { size: -8, align: 8 },
    { size: 8, align: 0 },
  ]) {
    assert.throws(() => new Block().cursor().alloc(bad, 1), /No type/);
  }
  for (const count of [-1, 0.5, Number.NaN, -1n])
    assert.throws(() => new Block().cursor().alloc(U8, count), /number of/);
});
