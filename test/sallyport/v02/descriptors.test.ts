import assert from "node:assert/strict";
import { test } from "node:test";
import { answer, BASE, Bench, BUF, words } from "./bench.js";

const EBADF = -9;
const EFAULT = -14;
const EINVAL = -22;
const ENOTTY = -25;
const EBADFD = -77;
const EMSGSIZE = -90;
const FIONBIO = 0x5421;

test("calls without pointers leave as they are, and the host's value comes back", () => {
  const bench = new Bench(() => answer(17));
  const cases: [number, number[]][] = [
    [3, [5]],
    [32, [5]],
    [33, [5, -1]],
    [292, [5, 6, 0x80000]],
    [290, [4, 0x80000]],
    [291, [0]],
    [41, [2, 1, 0]],
    [50, [5, 128]],
  ];
  for (const [num, args] of cases) {
    assert.equal(bench.value(num, ...args), 17);
    assert.deepEqual(bench.last.slice(0, 1 + args.length), [num, ...args].map(BigInt));
    assert.deepEqual(
      bench.last.slice(1 + args.length),
      bench.last.slice(1 + args.length).map(() => 0n),
    );
  }
});

test("an integer outside of its type is EINVAL; the dup family and eventfd2 ignore the upper half instead", () => {
  const bench = new Bench(() => answer(0));
  assert.equal(bench.value(3, 2n ** 32n), EINVAL);
  assert.equal(bench.value(3, 0xffff_ffffn), EINVAL);
  assert.equal(bench.requests.length, 0);
  assert.equal(bench.value(32, 2n ** 32n + 5n), 0);
  assert.deepEqual(bench.last.slice(0, 2), [32n, 5n]);
  assert.equal(bench.value(290, 0xffff_ffffn, 0), 0);
  assert.deepEqual(bench.last.slice(0, 2), [290n, 0xffff_ffffn]);
});

test("poll copies every entry back, whatever number the host gives", () => {
  const bench = new Bench((_, buffer) => {
    buffer.set(words(4, 3, 0x0001_0001, 4, 0x0004_0001));
    return answer(1);
  });
  const entries = bench.put(0, words(4, 3, 1, 4, 1));
  assert.deepEqual(bench.call(7, entries, 2, -1), { ok: [1n, -1n] });
  assert.deepEqual(bench.last, [7n, BUF, 2n, -1n, 0n, 0n, 0n, 0n]);
  assert.deepEqual(bench.get(0, 16), words(4, 3, 0x0001_0001, 4, 0x0004_0001));
});

test("more entries than fit are EMSGSIZE", () => {
  const bench = new Bench();
  assert.equal(bench.value(7, BASE, 8696, 0), 0);
  assert.equal(bench.value(7, BASE, 8697, 0), EMSGSIZE);
  assert.equal(bench.value(7, BASE, 2n ** 61n, 0), EFAULT);
});

test("pipe copies two descriptors back", () => {
  const bench = new Bench((_, buffer) => {
    buffer.set(words(4, 10, 11));
    return answer(0);
  });
  bench.put(0, words(4, 1, 2, 3));
  assert.equal(bench.value(22, BASE), 0);
  assert.deepEqual(bench.get(0, 12), words(4, 10, 11, 3));
  assert.equal(bench.value(22, BASE + 2n), EFAULT);
});

test("epoll_ctl gives the descriptor to the host in place of the program's data", () => {
  let seen = new Uint8Array();
  const bench = new Bench((_, buffer) => {
    seen = buffer.slice(0, 12);
    return answer(0);
  });
  const event = bench.put(3, Uint8Array.of(1, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9));
  assert.equal(bench.value(233, 4, 1, 7, event), 0);
  assert.deepEqual(bench.last.slice(0, 5), [233n, 4n, 1n, 7n, BUF]);
  assert.deepEqual(seen, Uint8Array.of(1, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0));
  assert.deepEqual(bench.get(7, 8), new Uint8Array(8).fill(9));
  assert.equal(bench.value(233, 4, 2, 7, 0), EFAULT);
});

for (const num of [232, 281]) {
  test(`${num === 232 ? "epoll_wait" : "epoll_pwait, with its mask ignored,"} copies the events the host counts`, () => {
    const bench = new Bench((_, buffer) => {
      buffer.fill(0x77, 0, 36);
      return answer(2);
    });
    assert.equal(bench.value(num, 4, BASE, 3, 100, 0x1234), 2);
    assert.deepEqual(bench.last, [232n, 4n, BUF, 3n, 100n, 0n, 0n, 0n]);
    assert.deepEqual(bench.get(0, 36), new Uint8Array(36).fill(0x77, 0, 24));
    assert.equal(bench.value(num, 4, BASE, -1, 100), EFAULT);
    assert.equal(bench.value(num, 4, BASE, 5798, 100), EMSGSIZE);
  });
}

test("ioctl lets FIONBIO through, and on standard streams nothing", () => {
  let seen = new Uint8Array();
  const bench = new Bench((_, buffer) => {
    seen = buffer.slice(0, 4);
    return answer(0);
  });
  for (const fd of [0, 1, 2]) {
    assert.equal(bench.value(16, fd, 0x5413, 0), ENOTTY);
    assert.equal(bench.value(16, fd, FIONBIO, BASE), EINVAL);
  }
  assert.equal(bench.value(16, 3, 0x5413, 0), EBADFD);
  assert.equal(bench.value(16, 3, 0x541b, BASE), EBADFD);
  assert.equal(bench.value(16, 3, FIONBIO, 0), EFAULT);
  assert.equal(bench.requests.length, 0);
  assert.equal(bench.value(16, 3, FIONBIO, bench.put(8, words(4, 1))), 0);
  assert.deepEqual(bench.last.slice(0, 4), [16n, 3n, BigInt(FIONBIO), BUF]);
  assert.deepEqual(seen, words(4, 1));
});

test("fcntl answers for standard streams, and lets four commands through for others", () => {
  const bench = new Bench(() => answer(5));
  assert.equal(bench.value(72, 0, 3, 0), 1026);
  assert.equal(bench.value(72, 1, 3, 0), 1);
  assert.equal(bench.value(72, 2, 3, 0), 1);
  assert.equal(bench.value(72, 2, 4, 0), EINVAL);
  assert.equal(bench.value(72, 3, 0, 0), EBADFD);
  assert.equal(bench.value(72, -1, 1030, 0), EBADFD);
  assert.equal(bench.requests.length, 0);
  for (const [command, passes] of [
    [1, 0n],
    [2, 9n],
    [3, 0n],
    [4, 9n],
  ] as const) {
    assert.equal(bench.value(72, 3, command, 9), 5);
    assert.deepEqual(bench.last.slice(0, 4), [72n, 3n, BigInt(command), passes]);
  }
});

test("fstat knows the three standard streams", () => {
  const bench = new Bench();
  for (const [fd, device] of [
    [0, 0x19],
    [1, 0xc],
    [2, 0xc],
  ] as const) {
    bench.memory.bytes.fill(0xff, 0, 200);
    assert.equal(bench.value(5, fd, BASE), 0);
    const time = 1_579_507_218;
    const expected = new Uint8Array(144);
    expected.set(words(8, device, 3, 1), 0);
    expected.set(words(4, 0o10600, 1000, 5, 0), 24);
    expected.set(words(8, 0x8800, 0, 4096, 0, time, 0, time, 0, time, 0), 40);
    assert.deepEqual(bench.get(0, 144), expected);
    assert.equal(bench.get(144, 1)[0], 0xff);
  }
  assert.equal(bench.value(5, 3, BASE), EBADF);
  assert.equal(bench.value(5, -1, BASE), EBADF);
  assert.equal(bench.value(5, 0, BASE + 4n), EFAULT);
  assert.equal(bench.requests.length, 0);
});
