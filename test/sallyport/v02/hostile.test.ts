/** A host that lies. Whatever it does, the program's memory changes only where the call allowed it, and only then. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BUF_CAPACITY, Reply } from "postern/sallyport/v02";
import { type ErrorCode, PosternError } from "#src/errors.js";
import { answer, BASE, Bench, MEMORY_SIZE, words } from "./bench.js";

function hasCode(code: ErrorCode) {
  return (error: unknown) => error instanceof PosternError && error.code === code;
}

/** Calls with a count in the reply: registers, and the most that may come back. */
const COUNTED: { name: string; num: number; registers: (number | bigint)[]; most: number }[] = [
  { name: "read", num: 0, registers: [3, BASE, 100], most: 100 },
  { name: "read, capped", num: 0, registers: [3, BASE, 100_000], most: BUF_CAPACITY },
  { name: "write", num: 1, registers: [3, BASE, 100], most: 100 },
  { name: "readv", num: 19, registers: [3, BASE + 4096n, 1], most: 40 },
  { name: "writev", num: 20, registers: [3, BASE + 4096n, 1], most: 40 },
  { name: "epoll_wait", num: 232, registers: [3, BASE, 5, 0], most: 5 },
  { name: "epoll_pwait", num: 281, registers: [3, BASE, 5, 0, 0], most: 5 },
  { name: "recvfrom", num: 45, registers: [3, BASE, 100, 0, 0, 0], most: 100 },
  { name: "recvfrom with address", num: 45, registers: [3, BASE, 100, 0, BASE + 8192n, BASE + 8200n], most: 100 },
  { name: "sendto", num: 44, registers: [3, BASE, 100, 0, 0, 0], most: 100 },
];

function prepared(bench: Bench): Bench {
  bench.put(4096, words(8, BASE + 512n, 40));
  bench.put(8200, words(4, 8));
  return bench;
}

for (const { name, num, registers, most } of COUNTED) {
  test(`${name}: all that was asked is fine, one more is an attack and nothing is copied`, () => {
    assert.doesNotThrow(() => prepared(new Bench(() => answer(most))).call(num, ...registers));
    for (const count of [most + 1, 2n ** 32n, 2n ** 32n + 1n, 2n ** 63n, -4096n]) {
      const bench = prepared(
        new Bench((_, buffer) => {
          buffer.fill(0xee);
          return answer(count);
        }),
      );
      const before = bench.memory.bytes.slice();
      assert.throws(() => bench.call(num, ...registers), hasCode("EATTACKED"));
      assert.deepEqual(bench.memory.bytes, before);
    }
  });
}

test("after an attack every call fails, those answered inside too, and nothing leaves any more", () => {
  const bench = new Bench(() => answer(5));
  assert.throws(() => bench.call(0, 3, BASE, 4), hasCode("EATTACKED"));
  for (const num of [0, 3, 39, 318, 9999]) assert.throws(() => bench.call(num, 3, BASE, 4), hasCode("EATTACKED"));
  assert.equal(bench.requests.length, 1);
});

for (const num of [60, 231]) {
  test(`coming back from ${num === 60 ? "exit" : "exit_group"} is an attack, whatever the host answers`, () => {
    for (const result of [answer(0), { err: 38 }]) {
      const bench = new Bench(() => result);
      assert.throws(() => bench.call(num, 42), hasCode("EATTACKED"));
      assert.deepEqual(bench.last.slice(0, 2), [BigInt(num), 42n]);
      assert.throws(() => bench.call(39), hasCode("EATTACKED"));
    }
  });
}

test("an exit that an honest host carries out ends by what the hand-over throws", () => {
  const end = new Error("ended");
  const bench = new Bench(() => {
    throw end;
  });
  assert.throws(
    () => bench.call(231, 0),
    (error) => error === end,
  );
});

/** Ranges of the program's memory that a call may change: [offset, length]. */
const CALLS: { num: number; registers: (number | bigint)[]; writes: [number, number][] }[] = [
  { num: 0, registers: [3, BASE, 100], writes: [[0, 100]] },
  { num: 1, registers: [3, BASE, 100], writes: [] },
  { num: 7, registers: [BASE, 3, 0], writes: [[0, 24]] },
  { num: 16, registers: [3, 0x5421, BASE], writes: [] },
  { num: 19, registers: [3, BASE + 4096n, 1], writes: [[512, 40]] },
  { num: 22, registers: [BASE], writes: [[0, 8]] },
  { num: 42, registers: [3, BASE, 16], writes: [] },
  {
    num: 43,
    registers: [3, BASE, BASE + 8200n],
    writes: [
      [0, 8],
      [8200, 4],
    ],
  },
  {
    num: 45,
    registers: [3, BASE, 100, 0, BASE + 8192n, BASE + 8200n],
    writes: [
      [0, 100],
      [8192, 12],
    ],
  },
  {
    num: 51,
    registers: [3, BASE, BASE + 8200n],
    writes: [
      [0, 8],
      [8200, 4],
    ],
  },
  { num: 228, registers: [1, BASE], writes: [[0, 16]] },
  { num: 232, registers: [3, BASE, 5, 0], writes: [[0, 60]] },
  { num: 233, registers: [3, 1, 4, BASE], writes: [] },
];

const edge = fc.constantFrom(0n, 1n, 5n, 8n, 100n, 2n ** 31n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 64n - 4096n);
const word = fc.oneof(edge, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.bigInt({ min: 0n, max: 200n }));

test("a reply of any words over a buffer of any bytes changes only what the call allows", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...CALLS),
      fc.tuple(word, word, word),
      fc.uint8Array({ minLength: 1, maxLength: 200 }),
      ({ num, registers, writes }, [first, second, third], noise) => {
        const bench = prepared(
          new Bench((_, buffer) => {
            for (let at = 0; at < 512; at += noise.length) buffer.set(noise, at);
            return new Reply([first, second], third);
          }),
        );
        const before = bench.memory.bytes.slice();
        try {
          bench.call(num, ...registers);
        } catch (error) {
          if (!hasCode("EATTACKED")(error)) throw error;
          assert.deepEqual(bench.memory.bytes, before);
        }
        for (const [offset, length] of writes) before.set(bench.get(offset, length), offset);
        assert.ok(Buffer.from(bench.memory.bytes.buffer).equals(before));
      },
    ),
    { numRuns: 300, verbose: 1 },
  );
});

test("a program that passes any registers gets a result, and no request points outside of the buffer", () => {
  const pointer = fc.oneof(word, fc.bigInt({ min: BASE, max: BASE + BigInt(MEMORY_SIZE) }));
  const pointersOf: Record<number, number[]> = {
    0: [1],
    1: [1],
    7: [0],
    22: [0],
    42: [1],
    49: [1],
    228: [1],
    232: [1],
  };
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 330 }), fc.array(pointer, { maxLength: 6 }), (num, registers) => {
      if (num === 60 || num === 231) return;
      const bench = new Bench((request) => {
        for (const index of pointersOf[request.num.low] ?? []) {
          const offset = request.arg[index]!.toBigInt() - bench.block.address;
          assert.ok(offset >= 64n && offset <= 69632n);
        }
        return answer(0);
      });
      bench.memory.bytes.fill(0x41);
      const result = bench.call(num, ...registers);
      assert.ok("ok" in result || result.err > 0);
      assert.ok(bench.requests.length < 20);
    }),
    { numRuns: 1000, verbose: 1 },
  );
});
