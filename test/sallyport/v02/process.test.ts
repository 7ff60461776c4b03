import assert from "node:assert/strict";
import { test } from "node:test";
import { Register, SGX_TECH } from "postern/sallyport/v02";
import { answer, BASE, Bench, BUF, words } from "./bench.js";

const ENOENT = -2;
const EFAULT = -14;
const EINVAL = -22;
const ENOSYS = -38;

test("a success gives the third register back, as the kernel keeps rdx", () => {
  const bench = new Bench(() => answer(7, 99));
  assert.deepEqual(bench.call(3, 1, 2, -3), { ok: [7n, -3n] });
  assert.deepEqual(bench.call(39, 0, 0, 5), { ok: [1000n, 5n] });
});

test("calls from 0xEA00 on keep their second value", () => {
  const asked: unknown[] = [];
  const bench = new Bench(undefined, {
    get_attestation: (_, ...values) => {
      asked.push(values);
      return { ok: [Register.from(4598), Register.from(SGX_TECH)] };
    },
  });
  assert.deepEqual(bench.call(0xea01, 1, 2, 3, 4), { ok: [4598n, 2n] });
  assert.deepEqual(asked, [[1n, 2n, 3n, 4n]]);
});

test("unknown numbers are ENOSYS, compared in all 64 bits", () => {
  const bench = new Bench();
  for (const num of [2, 8, 57, 202, 0xea02, 0xea04, -1, 2n ** 32n, 2n ** 32n + 3n]) {
    assert.equal(bench.value(num), ENOSYS);
  }
  assert.equal(bench.requests.length, 0);
});

test("each shim supplies its own memory calls and arch_prctl", () => {
  const seen: unknown[] = [];
  const supplied =
    (name: string) =>
    (_: unknown, ...values: unknown[]) => {
      seen.push([name, ...values]);
      return { ok: [Register.from(BASE), Register.ZERO] } as const;
    };
  const names = ["brk", "mmap", "munmap", "madvise", "mprotect", "arch_prctl"] as const;
  const bench = new Bench(undefined, Object.fromEntries(names.map((name) => [name, supplied(name)])));
  assert.deepEqual(bench.call(12, 1), { ok: [BASE, 0n] });
  bench.call(9, 0, 4096, 3, 0x22, -1, 0);
  bench.call(11, 4096, 8192);
  bench.call(28, 4096, 8192, 4);
  bench.call(10, 4096, 8192, 1);
  bench.call(158, 0x1002, 0x1234);
  assert.deepEqual(seen, [
    ["brk", 1n],
    ["mmap", 0n, 4096n, 3, 0x22, -1, 0n],
    ["munmap", 4096n, 8192n],
    ["madvise", 4096n, 8192n, 4],
    ["mprotect", 4096n, 8192n, 1],
    ["arch_prctl", 0x1002, 0x1234n],
  ]);
});

test("identity is made up", () => {
  const bench = new Bench();
  for (const num of [39, 102, 104, 107, 108]) assert.equal(bench.value(num), 1000);
  assert.equal(bench.value(218, 1), 1);
  assert.equal(bench.value(14, 0, 1, 1, 1), 0);
  assert.equal(bench.value(131, 1, 1), 0);
  assert.equal(bench.requests.length, 0);
});

test("rt_sigaction keeps 64 actions, zeros at first, and always writes the old one", () => {
  const actions = new Uint8Array(64 * 32);
  const bench = new Bench(undefined, {}, actions);
  const act = bench.put(0, words(8, 1, 2, 3, 4));
  bench.memory.bytes.fill(0xff, 64, 96);
  assert.equal(bench.value(13, 63, act, BASE + 64n, 8), 0);
  assert.deepEqual(bench.get(64, 32), new Uint8Array(32));
  assert.equal(bench.value(13, 63, 0, BASE + 64n, 8), 0);
  assert.deepEqual(bench.get(64, 32), words(8, 1, 2, 3, 4));
  assert.deepEqual(actions.slice(63 * 32), words(8, 1, 2, 3, 4));
  const otherThread = new Bench(undefined, {}, actions);
  assert.equal(otherThread.value(13, 63, 0, BASE, 8), 0);
  assert.deepEqual(otherThread.get(0, 32), words(8, 1, 2, 3, 4));
});

test("rt_sigaction refuses numbers, sizes and pointers that cannot be", () => {
  const bench = new Bench();
  assert.equal(bench.value(13, 64, 0, 0, 8), EINVAL);
  assert.equal(bench.value(13, -1, 0, 0, 8), EINVAL);
  assert.equal(bench.value(13, 1, 0, 0, 16), EINVAL);
  assert.equal(bench.value(13, 1, BASE + 4n, 0, 8), EFAULT);
  assert.equal(bench.value(13, 1, 0, BASE + 4n, 8), EFAULT);
  assert.equal(bench.value(13, 0, 0, 0, 8), 0);
});

test("readlink knows one link, by its first 14 characters", () => {
  const bench = new Bench();
  for (const [path, value] of [
    ["/proc/self/exe\0", 5],
    ["/proc/self/executable\0", 5],
    ["/proc/self/ex\0", ENOENT],
    ["\0", ENOENT],
    ["/proc/self/fd/1\0", ENOENT],
  ] as const) {
    bench.memory.bytes.fill(0);
    bench.put(512, "??????????");
    assert.equal(bench.value(89, bench.put(0, path), BASE + 512n, 10), value);
    assert.equal(bench.text(512, 10), value === 5 ? "/init\0????" : "??????????");
  }
  bench.put(0, "/proc/self/exe\0");
  assert.equal(bench.value(89, BASE, BASE + 512n, 5), EINVAL);
  assert.equal(bench.value(89, BASE, BASE + 512n, 2n ** 40n), EFAULT);
  assert.equal(bench.value(89, 0, BASE, 10), EFAULT);
});

test("readlink does not read a path beyond the program's memory", () => {
  const bench = new Bench();
  const size = bench.memory.bytes.length;
  bench.put(size - 4, "/pro");
  assert.equal(bench.value(89, BASE + BigInt(size - 4), BASE, 10), EFAULT);
});

test("uname names five fields and leaves the sixth", () => {
  const bench = new Bench();
  bench.memory.bytes.fill(0xff, 0, 400);
  assert.equal(bench.value(63, BASE), 0);
  const names = ["Linux", "localhost.localdomain", "5.6.0", "#1", "x86_64"];
  names.forEach((name, index) => {
    assert.equal(bench.text(65 * index, 65), name.padEnd(65, "\0"));
  });
  assert.deepEqual(bench.get(325, 75), new Uint8Array(75).fill(0xff));
  assert.equal(bench.value(63, BASE + 256n * 1024n - 389n), EFAULT);
});

test("getrandom never asks the host", () => {
  const bench = new Bench();
  for (const flags of [0, 1, 2, 3]) {
    bench.memory.bytes.fill(0);
    assert.equal(bench.value(318, BASE + 1n, 5000, flags), 5000);
    assert.deepEqual(bench.get(0, 5002), Uint8Array.of(0, ...new Array(5000).fill(0xa5), 0));
  }
  assert.equal(bench.value(318, BASE, 8, 4), EINVAL);
  assert.equal(bench.value(318, BASE, 8, -1), EINVAL);
  assert.equal(bench.value(318, 0, 8, 0), EFAULT);
  assert.equal(bench.requests.length, 0);
});

test("clock_gettime copies the time, also where a positive errno slips through", () => {
  for (const value of [0, 22]) {
    const bench = new Bench((_, buffer) => {
      buffer.set(words(8, 12, 34));
      return answer(value);
    });
    assert.equal(bench.value(228, 1, BASE), value);
    assert.deepEqual(bench.last.slice(0, 3), [228n, 1n, BUF]);
    assert.deepEqual(bench.get(0, 16), words(8, 12, 34));
    assert.equal(bench.value(228, 1, BASE + 4n), EFAULT);
  }
});
