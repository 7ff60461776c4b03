import assert from "node:assert/strict";
import { test } from "node:test";
import { type BatchResult, request, ThreadStorage } from "postern/guest";
import { plans } from "postern/sallyport";
import { fakeKeep } from "./fake-host.js";

const EXIT_GROUP = plans.exit_group.number;
const attacked = { code: "EATTACKED" };

test("a copied descriptor is given back between peers of this implementation, and lost as in the original otherwise", () => {
  const own = fakeKeep(() => 9).handler;
  assert.deepEqual([own.dup(4), own.dup2(4, 9), own.dup3(4, 9, 0)], [9, 9, 9]);
  const compatible = fakeKeep(() => 9, { compatible: true }).handler;
  assert.deepEqual([compatible.dup(4), compatible.dup2(4, 9), compatible.dup3(4, 9, 0)], [0, 0, 0]);
});

test("the length of an address is no more than its room, save as in the original", () => {
  for (const [compatible, length] of [
    [false, 16],
    [true, 110],
  ] as const) {
    const { handler } = fakeKeep(
      ({ words, data, argument }) => {
        words.setUint32(data + Number(argument(2)), 110, true);
        return 0;
      },
      { compatible },
    );
    const address = { bytes: new Uint8Array(16), length: 16 };
    assert.equal(handler.getsockname(3, address), 0);
    assert.equal(address.length, length);
  }
});

test("poll gives what happened to every descriptor, wherever the ready one stands, and nothing else of the host's", () => {
  const { handler } = fakeKeep(({ bytes, data }) => {
    bytes.fill(0xff, data, data + 16);
    bytes.set([0, 0], data + 6);
    bytes.set([1, 0], data + 14);
    return 1;
  });
  const fds = new Uint8Array([3, 0, 0, 0, 1, 0, 9, 9, 4, 0, 0, 0, 1, 0, 9, 9]);
  assert.equal(handler.poll(fds, 0), 1);
  assert.deepEqual([...fds], [3, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 1, 0, 1, 0]);
});

test("errno tells failure from a value below zero", () => {
  const { handler } = fakeKeep(() => -2147483648n);
  assert.equal(handler.park(1, null), -2147483648);
  assert.equal(handler.errno, 0);
  const failing = fakeKeep(() => -110).handler;
  assert.equal(failing.park(1, null), -110);
  assert.equal(failing.errno, 110);
});

test("64-bit values are bigints, exact above 2^53", () => {
  const { handler } = fakeKeep(() => 2n ** 62n + 1n);
  assert.equal(handler.mem_info(), 2n ** 62n + 1n);
  assert.equal(handler.balloon_memory(12, 4, 2n ** 40n, 1), 2n ** 62n + 1n);
  assert.equal(handler.get_sgx_quote_size(), 2n ** 62n + 1n);
  assert.equal(fakeKeep(() => -12).handler.mem_info(), -12n);
});

test("an exit that comes back is an attack: the host is asked once to end the keep, then nothing works", () => {
  const { handler, seen } = fakeKeep(() => 0);
  assert.throws(() => handler.exit(3), attacked);
  assert.deepEqual(seen, [plans.exit.number, EXIT_GROUP]);
  assert.ok(handler.attacked);
  for (const call of [() => handler.close(1), () => handler.getpid(), () => handler.batch([]), () => handler.sync()]) {
    assert.throws(call, attacked);
  }
  assert.equal(seen.length, 2);
});

test("an exit that the host refuses gives its errno", () => {
  assert.equal(fakeKeep(() => -1).handler.exit_group(0), -1);
});

test("a call answered in the guest needs a block of two words and takes nothing of it", () => {
  for (const words of [0, 1]) {
    const { handler } = fakeKeep(() => 0, { words });
    assert.equal(handler.getpid(), -12);
    assert.equal(handler.errno, 12);
    assert.equal(handler.batch([request("getpid")]), -12);
  }
  const { handler, seen } = fakeKeep(() => 0, { words: 2 });
  assert.equal(handler.getuid(), 1000);
  assert.deepEqual(handler.batch([request("getpid"), [request("getgid")]]), [
    { value: 1000, errno: 0 },
    [{ value: 1000, errno: 0 }],
  ]);
  assert.deepEqual(seen, []);
});

test("a batch is handed over once, in order, and its results have its shape", () => {
  const { handler, seen } = fakeKeep(({ number }) => (number === plans.close.number ? -9 : number === 1 ? 2 : 0));
  const results = handler.batch([
    request("write", 1, new Uint8Array([1, 2])),
    [request("getpid"), [request("close", 7), request("sync")]],
    [],
    request("open", new TextEncoder().encode("/etc/passwd\0"), 0),
  ]);
  assert.deepEqual(results, [
    { value: 2, errno: 0 },
    [
      { value: 1000, errno: 0 },
      [
        { value: -9, errno: 9 },
        { value: 0, errno: 0 },
      ],
    ],
    [],
    { value: -13, errno: 13 },
  ]);
  assert.deepEqual(seen, [1, 3, plans.sync.number]);
});

test("a staging error of a member fails the whole batch, and nothing leaves the guest", () => {
  const { handler, seen } = fakeKeep(() => 0);
  assert.equal(handler.batch([request("close", 3), [request("fcntl", 5, 99, 0)]]), -77);
  assert.equal(handler.batch([request("close", 3), request("fcntl", 1, 1, 0)]), -22);
  assert.equal(handler.errno, 22);
  assert.equal(handler.batch([request("write", 1, new Uint8Array(4096)), request("sync")]), -12);
  assert.deepEqual(seen, []);
});

test("an impossible reply in a batch is null, and between peers of this implementation the end", () => {
  for (const compatible of [false, true]) {
    const { handler, seen } = fakeKeep(({ number }) => (number === 1 ? 100 : 0), { compatible });
    const results = handler.batch([request("write", 1, new Uint8Array(3)), request("sync")]) as BatchResult[];
    assert.deepEqual(results, [
      { value: null, errno: 0 },
      { value: 0, errno: 0 },
    ]);
    assert.equal(handler.attacked, !compatible);
    if (compatible) assert.equal(handler.sync(), 0);
    else assert.throws(() => handler.sync(), attacked);
    assert.equal(seen.at(-1), compatible ? plans.sync.number : EXIT_GROUP);
  }
});

test("a batch without end is refused", () => {
  const { handler } = fakeKeep(() => 0);
  const endless: unknown[] = [];
  endless.push(endless);
  assert.equal(handler.batch(endless as never), -7);
  assert.equal(handler.batch(Array.from({ length: 5000 }, () => request("getpid"))), -7);
});

test("readlink(2) counts no zero byte and cuts what does not fit; the original does neither", () => {
  const path = new TextEncoder().encode("/proc/self/exe\0");
  const buffer = new Uint8Array(8).fill(0x5a);
  const { handler } = fakeKeep(() => 0);
  assert.equal(handler.readlink(path, buffer), 5);
  assert.equal(new TextDecoder().decode(buffer), "/initZZZ");
  assert.equal(handler.readlink(path, new Uint8Array(2)), 2);
  assert.equal(fakeKeep(() => 0, { compatible: true }).handler.readlink(path, buffer), 6);
});

test("signal actions belong to a thread; signals 0, 9, 19 and 65 have none", () => {
  const thread = new ThreadStorage();
  const { handler } = fakeKeep(() => 0, { thread });
  const action = new Uint8Array(32).fill(7);
  for (const signal of [0, 9, 19, 65, -1]) assert.equal(handler.rt_sigaction(signal, action, null, 8), -22);
  assert.equal(handler.rt_sigaction(64, action, null, 8), 0);
  action.fill(1);
  const old = { action: null as Uint8Array | null };
  assert.equal(fakeKeep(() => 0, { thread }).handler.rt_sigaction(64, null, old, 8), 0);
  assert.deepEqual(old.action, new Uint8Array(32).fill(7));
  assert.equal(fakeKeep(() => 0).handler.rt_sigaction(64, null, old, 8), 0);
  assert.equal(old.action, null);
});

test("random bytes come from the source that was given, and its failures are told by the flags", () => {
  let draws = 0;
  const random = (into: Uint8Array): boolean => {
    into.fill(++draws);
    return draws < 2;
  };
  const buffer = new Uint8Array(5000);
  const keep = () => {
    draws = 0;
    return fakeKeep(() => 0, { random });
  };
  assert.equal(keep().handler.getrandom(buffer, 2), 4096);
  assert.ok(buffer.subarray(0, 4096).every((byte) => byte === 1));
  assert.equal(keep().handler.getrandom(buffer, 1), -11);
  assert.equal(keep().handler.getrandom(buffer, 0), -5);
  const { handler, seen } = keep();
  assert.equal(handler.getrandom(buffer, 4), -22);
  assert.deepEqual(seen, []);
  assert.equal(fakeKeep(() => 0).handler.getrandom(buffer, 0), 5000);
  assert.ok(new Set(buffer).size > 100);
});

test("a futex waits until its word changes, and tells a mismatch at the start", () => {
  const word = new Int32Array([5]);
  const expected: number[] = [];
  const { handler } = fakeKeep(({ argument }) => {
    expected.push(Number(argument(0)));
    if (expected.length === 3) word[0] = 6;
    return 40 + expected.length;
  });
  assert.equal(handler.futex(word, 128, 5, null, 0), 0);
  assert.deepEqual(expected, [0, 41, 42]);
  assert.equal(handler.futex(word, 0, 5, null, 0), -11);
  assert.equal(handler.futex(word, 1, 1, null, 0), 1);
});

test("a futex that the host wakes for nothing comes back all the same", () => {
  let parks = 0;
  const { handler } = fakeKeep(() => ++parks);
  assert.equal(handler.futex(new Int32Array([5]), 0, 5, null, 0), 0);
  assert.ok(parks < 10_000);
});

test("a relative timeout becomes a moment by the host's clock, with nanoseconds carried", () => {
  const moments: bigint[] = [];
  const { handler } = fakeKeep(({ number, words, data, argument }) => {
    if (number === plans.clock_gettime.number) {
      words.setBigInt64(data, 100n, true);
      words.setBigInt64(data + 8, 999_999_999n, true);
      return 0;
    }
    const at = data + Number(argument(1));
    moments.push(words.getBigInt64(at, true), words.getBigInt64(at + 8, true));
    return -110;
  });
  const timeout = new Uint8Array(new BigInt64Array([3n, 2n]).buffer);
  assert.equal(handler.futex(new Int32Array([5]), 0, 5, timeout, 0), -110);
  assert.deepEqual(moments, [104n, 1n]);
  const never = new Uint8Array(new BigInt64Array([3n, 1_000_000_000n]).buffer);
  assert.equal(handler.futex(new Int32Array([5]), 0, 5, never, 0), -22);
});
