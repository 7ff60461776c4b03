import assert from "node:assert/strict";
import { test } from "node:test";
import { BUF_CAPACITY } from "postern/sallyport/v02";
import { answer, BASE, Bench, BUF, words } from "./bench.js";

const READ = 0;
const WRITE = 1;
const READV = 19;
const WRITEV = 20;
const EFAULT = -14;
const CAPACITY = BigInt(BUF_CAPACITY);

/** A host that has this text to read, and takes `room` bytes of each write. */
function stream(text: string, room = Number.POSITIVE_INFINITY) {
  const bytes = new TextEncoder().encode(text);
  const written: string[] = [];
  let position = 0;
  const bench = new Bench((request, buffer) => {
    const asked = Number(request.arg[2]!.toBigInt());
    if (request.num.low === WRITE) {
      const taken = Math.min(asked, room);
      written.push(new TextDecoder().decode(buffer.slice(0, taken)));
      return answer(taken);
    }
    const given = bytes.subarray(position, position + asked);
    buffer.set(given);
    position += given.length;
    return answer(given.length);
  });
  return { bench, written };
}

test("read asks for bytes at the start of the buffer and copies as many as came", () => {
  const { bench } = stream("hello");
  const target = bench.put(100, "..........");
  assert.deepEqual(bench.call(READ, 3, target, 10), { ok: [5n, 10n] });
  assert.deepEqual(bench.last, [0n, 3n, BUF, 10n, 0n, 0n, 0n, 0n]);
  assert.equal(bench.text(100, 10), "hello.....");
});

test("read checks all of the target and asks for no more than the buffer holds", () => {
  const bench = new Bench(() => answer(0));
  assert.equal(bench.value(READ, 3, BASE, 200_000), 0);
  assert.equal(bench.last[3], CAPACITY);
  assert.equal(bench.value(READ, 3, BASE, 300_000), EFAULT);
  assert.equal(bench.value(READ, 3, 0, 0), EFAULT);
  assert.equal(bench.requests.length, 1);
});

test("read hands no leftover of an earlier call to the program where the host wrote nothing", () => {
  const bench = new Bench((request) => answer(request.arg[2]!.toBigInt()));
  assert.equal(bench.value(WRITE, 1, bench.put(0, "secret"), 6), 6);
  assert.equal(bench.value(READ, 0, bench.put(64, "......"), 6), 6);
  assert.deepEqual(bench.get(64, 6), new Uint8Array(6));
});

test("an errno of the host is the result, and nothing is copied", () => {
  const bench = new Bench((_, buffer) => {
    buffer.fill(0xee);
    return { err: 4 };
  });
  assert.deepEqual(bench.call(READ, 3, bench.put(0, "abc"), 3), { err: 4 });
  assert.equal(bench.text(0, 3), "abc");
});

test("write copies in what fits and gives the host's count", () => {
  const { bench, written } = stream("", 3);
  assert.equal(bench.value(WRITE, 7, bench.put(0, "hello"), 5), 3);
  assert.deepEqual(bench.last, [1n, 7n, BUF, 5n, 0n, 0n, 0n, 0n]);
  assert.deepEqual(written, ["hel"]);
  assert.equal(bench.value(WRITE, 7, BASE, 250_000), 3);
  assert.equal(bench.last[3], CAPACITY);
});

test("write caps before it checks, so the range behind the cap is not looked at", () => {
  const bench = new Bench(() => answer(1));
  assert.equal(bench.value(WRITE, 1, BASE, 2n ** 63n), 1);
});

test("readv reads once for each vector, sums, and goes on after a short read", () => {
  const { bench } = stream("abcdefgh");
  const vectors = bench.put(0, words(8, BASE + 512n, 3, BASE + 600n, 10, BASE + 700n, 4));
  assert.deepEqual(bench.call(READV, 5, vectors, 3), { ok: [8n, 3n] });
  assert.deepEqual([bench.text(512, 3), bench.text(600, 5)], ["abc", "defgh"]);
  assert.deepEqual(
    bench.requests.map(({ num, arg }) => [num, arg[2]]),
    [
      [0n, 3n],
      [0n, 10n],
      [0n, 4n],
    ],
  );
});

test("readv fails with the first failing vector", () => {
  const { bench } = stream("abcdefgh");
  const vectors = bench.put(0, words(8, BASE + 512n, 3, 0, 0));
  assert.equal(bench.value(READV, 5, vectors, 2), EFAULT);
  assert.equal(bench.text(512, 3), "abc");
});

test("writev stops behind a short write", () => {
  const { bench, written } = stream("", 4);
  bench.put(512, "abcdefghij");
  const vectors = bench.put(0, words(8, BASE + 512n, 4, BASE + 516n, 5, BASE + 521n, 1));
  assert.equal(bench.value(WRITEV, 1, vectors, 3), 8);
  assert.deepEqual(written, ["abcd", "efgh"]);
});

test("vectors must be aligned, in memory, and not negative in number", () => {
  const bench = new Bench();
  for (const num of [READV, WRITEV]) {
    assert.equal(bench.value(num, 1, BASE + 4n, 1), EFAULT);
    assert.equal(bench.value(num, 1, BASE, -1), EFAULT);
    assert.equal(bench.value(num, 1, BASE, 0x7fff_ffff), EFAULT);
    assert.equal(bench.value(num, 1, BASE, 0), 0);
  }
  assert.equal(bench.requests.length, 0);
});
