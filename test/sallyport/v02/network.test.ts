import assert from "node:assert/strict";
import { test } from "node:test";
import { BUF_CAPACITY } from "postern/sallyport/v02";
import { answer, BASE, Bench, BUF, words } from "./bench.js";

const EFAULT = -14;
const EINVAL = -22;
const EMSGSIZE = -90;
const ADDRESS = 256;
const LENGTH = 512;

/** The four calls that give an address, with the registers for its pointer and length. */
const GIVING: {
  name: string;
  num: number;
  sent: number;
  call: (address: bigint, length: bigint) => (number | bigint)[];
}[] = [
  { name: "accept", num: 43, sent: 288, call: (address, length) => [3, address, length] },
  { name: "accept4", num: 288, sent: 288, call: (address, length) => [3, address, length, 0x800] },
  { name: "getsockname", num: 51, sent: 51, call: (address, length) => [3, address, length] },
];

/** A host that fills the address with bytes 1, 2, 3 ... and answers a length. */
function giving(answered: number, value: number | bigint = 4, err = 0): Bench {
  return new Bench((request, buffer) => {
    const received = request.num.low === 45;
    const [at, lengthAt] = (received ? [4, 5] : [1, 2]).map((index) => Number(request.arg[index]!.toBigInt() - BUF));
    for (let index = 0; at! + index < lengthAt!; index++) buffer[at! + index] = index + 1;
    buffer.set(words(4, answered), lengthAt!);
    return err > 0 ? { err } : answer(value);
  });
}

for (const { name, num, sent, call } of GIVING) {
  test(`${name} stages the address, then its length on a multiple of four`, () => {
    const bench = giving(6);
    bench.put(LENGTH, words(4, 6));
    assert.equal(bench.value(num, ...call(BASE + 256n, BASE + 512n)), 4);
    assert.deepEqual(bench.last.slice(0, 4), [BigInt(sent), 3n, BUF, BUF + 8n]);
    assert.equal(bench.last[4], name === "accept4" ? 0x800n : 0n);
  });

  for (const [had, answered] of [
    [8, 8],
    [8, 3],
    [3, 8],
    [5, 0],
    [4, 0xffff_ffff],
  ] as const) {
    test(`${name} with room for ${had} and an answer of ${answered} copies the smaller and reports the answer`, () => {
      const bench = giving(answered);
      bench.put(LENGTH, words(4, had));
      bench.value(num, ...call(BASE + 256n, BASE + 512n));
      const copied = Math.min(had, answered);
      assert.deepEqual(
        [...bench.get(ADDRESS, 12)],
        Array.from({ length: 12 }, (_, index) => (index < copied ? index + 1 : 0)),
      );
      assert.deepEqual(bench.get(LENGTH, 4), words(4, answered));
    });
  }

  test(`${name} copies nothing where the host fails`, () => {
    const bench = giving(2, 0, 11);
    bench.put(LENGTH, words(4, 8));
    assert.equal(bench.value(num, ...call(BASE + 256n, BASE + 512n)), -11);
    assert.deepEqual(bench.get(ADDRESS, 8), new Uint8Array(8));
    assert.deepEqual(bench.get(LENGTH, 4), words(4, 8));
  });

  test(`${name} refuses bad pointers and lengths before anything leaves`, () => {
    const bench = giving(2);
    bench.put(LENGTH, words(4, 8));
    assert.equal(bench.value(num, ...call(BASE, 0n)), EFAULT);
    assert.equal(bench.value(num, ...call(BASE, BASE + 514n)), EFAULT);
    assert.equal(bench.value(num, ...call(1n, BASE + 512n)), EFAULT);
    bench.put(LENGTH, words(4, 0));
    assert.equal(bench.value(num, ...call(BASE, BASE + 512n)), EINVAL);
    bench.put(LENGTH, words(4, 0xffff_ffff));
    assert.equal(bench.value(num, ...call(BASE, BASE + 512n)), EFAULT);
    bench.put(LENGTH, words(4, BUF_CAPACITY - 3));
    assert.equal(bench.value(num, ...call(BASE + 1024n, BASE + 512n)), EMSGSIZE);
    assert.equal(bench.requests.length, 0);
  });
}

test("accept without an address passes both pointers on as they are", () => {
  const bench = new Bench(() => answer(9));
  assert.equal(bench.value(43, 3, 0, 0x1234), 9);
  assert.deepEqual(bench.last.slice(0, 5), [288n, 3n, 0n, 0x1234n, 0n]);
  assert.equal(bench.value(51, 3, 0, BASE), EINVAL);
});

for (const [name, num] of [
  ["connect", 42],
  ["bind", 49],
] as const) {
  test(`${name} puts the address at the start of the buffer`, () => {
    let seen = "";
    const bench = new Bench((_, buffer) => {
      seen = new TextDecoder().decode(buffer.slice(0, 5));
      return answer(0);
    });
    assert.equal(bench.value(num, 3, bench.put(1, "addr!"), 5), 0);
    assert.deepEqual(bench.last.slice(0, 4), [BigInt(num), 3n, BUF, 5n]);
    assert.equal(seen, "addr!");
    assert.equal(bench.value(num, 3, BASE, BUF_CAPACITY), 0);
    assert.equal(bench.value(num, 3, BASE, BUF_CAPACITY + 1), EINVAL);
    assert.equal(bench.value(num, 3, 0, 0), EFAULT);
  });
}

test("recvfrom stages data, address and length, and gives all three back", () => {
  const bench = new Bench((_, buffer) => {
    buffer.set(new TextEncoder().encode("data"));
    buffer.set(Uint8Array.of(7, 8, 9, 10), 5);
    buffer.set(words(4, 3), 12);
    return answer(4);
  });
  bench.put(LENGTH, words(4, 4));
  assert.equal(bench.value(45, 3, BASE, 5, 0x40, BASE + 256n, BASE + 512n), 4);
  assert.deepEqual(bench.last, [45n, 3n, BUF, 5n, 0x40n, BUF + 5n, BUF + 12n, 0n]);
  assert.equal(bench.text(0, 4), "data");
  assert.deepEqual(bench.get(ADDRESS, 4), Uint8Array.of(7, 8, 9, 0));
  assert.deepEqual(bench.get(LENGTH, 4), words(4, 3));
});

test("recvfrom without an address passes two zeros, but still counts a readable length against the buffer", () => {
  const bench = new Bench(() => answer(0));
  assert.equal(bench.value(45, 3, BASE, BUF_CAPACITY, 0, 0, 0), 0);
  assert.deepEqual(bench.last.slice(5), [0n, 0n, 0n]);
  bench.put(LENGTH, words(4, 1));
  assert.equal(bench.value(45, 3, BASE, BUF_CAPACITY, 0, 0, BASE + 512n), EINVAL);
});

test("recvfrom refuses what does not fit", () => {
  const bench = new Bench();
  bench.put(LENGTH, words(4, 16));
  assert.equal(bench.value(45, 3, BASE, BUF_CAPACITY - 15, 0, BASE, BASE + 512n), EINVAL);
  assert.equal(bench.value(45, 3, BASE, BUF_CAPACITY - 16, 0, BASE, BASE + 512n), EMSGSIZE);
  assert.equal(bench.value(45, 3, BASE, 16, 0, BASE, 0), EFAULT);
  assert.equal(bench.value(45, 3, 0, 16, 0, BASE, BASE + 512n), EFAULT);
  assert.equal(bench.requests.length, 0);
});

test("sendto stages data and address", () => {
  let seen = "";
  const bench = new Bench((_, buffer) => {
    seen = new TextDecoder().decode(buffer.slice(0, 8));
    return answer(2);
  });
  const data = bench.put(0, "data");
  const address = bench.put(100, "addr");
  assert.equal(bench.value(44, 3, data, 4, 0x4000, address, 4), 2);
  assert.deepEqual(bench.last, [44n, 3n, BUF, 4n, 0x4000n, BUF + 4n, 4n, 0n]);
  assert.equal(seen, "dataaddr");
  assert.equal(bench.value(44, 3, data, 4, 0, 0, 99), 2);
  assert.deepEqual(bench.last.slice(5), [0n, 99n, 0n]);
  assert.equal(bench.value(44, 3, BASE, BUF_CAPACITY, 0, address, 1), EMSGSIZE);
  assert.equal(bench.value(44, 3, BASE, 4, 0, 1, 1), EFAULT);
});

test("setsockopt needs a value", () => {
  const bench = new Bench(() => answer(0));
  assert.equal(bench.value(54, 3, 1, 2, bench.put(0, words(4, 1)), 4), 0);
  assert.deepEqual(bench.last, [54n, 3n, 1n, 2n, BUF, 4n, 0n, 0n]);
  assert.equal(bench.value(54, 3, 1, 2, 0, 0), EFAULT);
  assert.equal(bench.value(54, 3, 1, 2, BASE, 2n ** 32n), EINVAL);
  assert.equal(bench.value(54, 3, 1, 2, BASE, BUF_CAPACITY + 1), EMSGSIZE);
});
