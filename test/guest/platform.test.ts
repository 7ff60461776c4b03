import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MemoryPlatform, validate, validateIovecs, validateMut, validateSocketAddress, type Word } from "postern/guest";
import { WebAssembly } from "#src/wasm/engine.js";

const BASE = 0x1000;
const memoryOf = (bytes = 256) => {
  const memory = new Uint8Array(bytes);
  const platform = new MemoryPlatform({ buffer: () => memory.buffer, base: BASE });
  return { memory, view: new DataView(memory.buffer), platform };
};

test("a pointer must be there, aligned, and all of what it points to inside of the memory", () => {
  const { platform } = memoryOf();
  assert.equal(validate(platform, BASE + 8, 8, 8)?.byteOffset, 8);
  for (const [pointer, size, align] of [
    [0, 8, 8],
    [BASE - 8, 8, 8],
    [BASE + 4, 8, 8],
    [BASE + 256, 8, 8],
    [BASE + 252, 8, 4],
    [2n ** 64n - 8n, 8, 8],
    [-8, 8, 8],
    [Number.NaN, 8, 8],
    [BASE + 0.5, 1, 1],
  ] as const) {
    assert.equal(validate(platform, pointer, size, align), null, String(pointer));
  }
  assert.equal(platform.validateSlice(BASE, 2n ** 61n, 16, 8), null);
  assert.equal(platform.validateSlice(BASE, 2n ** 64n - 1n, 1, 1), null);
  assert.equal(platform.validateSlice(0, 0, 1, 1), null);
  assert.equal(platform.validateSlice(BASE + 256, 0, 1, 1)?.length, 0);
});

test("memory may be borrowed many times to read, once to write, until it is given back", () => {
  const { platform } = memoryOf();
  assert.ok(validate(platform, BASE, 16, 8));
  assert.ok(validate(platform, BASE + 8, 16, 8));
  assert.equal(validateMut(platform, BASE + 16, 8, 8), null);
  assert.ok(validateMut(platform, BASE + 24, 8, 8));
  assert.equal(validateMut(platform, BASE + 24, 8, 8), null);
  assert.equal(validate(platform, BASE + 28, 4, 4), null);
  platform.release();
  assert.ok(validateMut(platform, BASE, 256, 1));
});

test("whatever the pointer, what is given lies where it says, or nothing is given", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.integer({ min: BASE - 20, max: BASE + 300 }),
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        fc.integer(),
      ),
      fc.oneof(fc.integer({ min: 0, max: 300 }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
      fc.constantFrom(1, 4, 8, 16, 144),
      fc.constantFrom(1, 2, 4, 8),
      (pointer: Word, count: Word, size, align) => {
        const { platform, memory } = memoryOf();
        const exact = BigInt.asUintN(64, BigInt(pointer));
        const end = exact + BigInt.asUintN(64, BigInt(count)) * BigInt(size);
        const fits = exact >= BigInt(BASE) && exact % BigInt(align) === 0n && end <= BigInt(BASE + memory.length);
        const given = platform.validateSlice(pointer, count, size, align);
        assert.equal(given !== null, fits);
        if (given === null) return;
        assert.equal(given.byteOffset, Number(exact) - BASE);
        assert.equal(given.byteOffset + given.byteLength, Number(end) - BASE);
      },
    ),
  );
});

test("a text ends at its zero byte, which belongs to it, or there is none", () => {
  const { platform, memory } = memoryOf();
  memory.fill(0x61);
  memory[12] = 0;
  assert.equal(platform.validateString(BASE + 8)?.length, 5);
  assert.equal(platform.validateString(BASE + 13), null);
  assert.equal(platform.validateString(BASE + 256), null);
  assert.equal(platform.validateString(0), null);
});

test("each piece of an iovec list is checked, and a list of more than 1024 is refused", () => {
  const { platform, view } = memoryOf();
  const entry = (index: number, base: bigint, length: bigint) => {
    view.setBigUint64(index * 16, base, true);
    view.setBigUint64(index * 16 + 8, length, true);
  };
  entry(0, BigInt(BASE + 100), 3n);
  entry(1, BigInt(BASE + 120), 4n);
  assert.deepEqual(
    validateIovecs(platform, BASE, 2, true)?.map((piece) => [piece.byteOffset, piece.length]),
    [
      [100, 3],
      [120, 4],
    ],
  );
  platform.release();
  entry(1, 0n, 0n);
  assert.equal(validateIovecs(platform, BASE, 2, true), null);
  platform.release();
  entry(1, BigInt(BASE + 101), 1n);
  assert.equal(validateIovecs(platform, BASE, 2, true), null, "two pieces to write that overlap");
  platform.release();
  assert.ok(validateIovecs(platform, BASE, 2, false), "two pieces to read that overlap");
  platform.release();
  assert.equal(validateIovecs(memoryOf(65536).platform, BASE, 1025, false), null);
});

test("a socket address is as long as its variable says, and the variable takes the new length", () => {
  const { platform, view } = memoryOf();
  view.setUint32(64, 16, true);
  const address = validateSocketAddress(platform, BASE, BASE + 64);
  assert.equal(address?.bytes.length, 16);
  address!.length = 7;
  assert.equal(view.getUint32(64, true), 7);
  platform.release();
  view.setUint32(64, 1000, true);
  assert.equal(validateSocketAddress(platform, BASE, BASE + 64), null);
  platform.release();
  view.setUint32(64, 16, true);
  assert.equal(validateSocketAddress(platform, BASE + 60, BASE + 64), null, "the address over its own length");
});

test("memory of WebAssembly that grows is seen as it is", () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const platform = new MemoryPlatform({ buffer: () => memory.buffer });
  assert.equal(validate(platform, 65536, 8, 8), null);
  memory.grow(1);
  assert.equal(validate(platform, 65536, 8, 8)?.byteOffset, 65536);
});
