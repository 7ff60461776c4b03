import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryPlatform, plainShim, type Shim } from "postern/guest";
import { plans } from "postern/sallyport";
import { type Answer, fakeKeep } from "./fake-host.js";

const BASE = 0x10000;

function program(answer: Answer, options: { compatible?: boolean; shim?: Shim } = {}) {
  const memory = new Uint8Array(65536);
  const platform = new MemoryPlatform({ buffer: () => memory.buffer, base: BASE });
  const keep = fakeKeep(answer, options);
  return {
    ...keep,
    memory,
    platform,
    view: new DataView(memory.buffer),
    call: (...registers: (number | bigint)[]) => keep.handler.syscall(platform, registers),
  };
}

test("an event of epoll is packed for the program and wide in the block", () => {
  const { memory, call, block } = program(({ number, bytes, data }) => {
    if (number === plans.epoll_ctl.number) return 0;
    bytes.set([4, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8], data);
    bytes.set([5, 0, 0, 0, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9], data + 16);
    return 2;
  });
  memory.set([1, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1], 5);
  assert.equal(call(233, 4, 1, 7, BASE + 5), 0);
  assert.deepEqual([...block.bytes.subarray(88, 104)], [1, 0, 0, 0, 0, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1]);
  assert.equal(call(233, 4, 2, 7, 0), 0, "deleting needs no event");
  memory.fill(0x5a, 100, 140);
  assert.equal(call(232, 4, BASE + 100, 3, -1), 2);
  assert.deepEqual(
    [...memory.subarray(100, 125)],
    [4, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 5, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9, 0x5a],
  );
});

test("a mask of signals has 8 bytes", () => {
  const { call, memory, block } = program(() => 0);
  memory.fill(3, 0, 8);
  assert.equal(call(281, 4, BASE + 64, 1, 0, BASE, 8), 0);
  const mask = block.bytes.subarray(104, 104 + 128);
  assert.deepEqual([...mask.subarray(0, 9)], [3, 3, 3, 3, 3, 3, 3, 3, 0]);
  assert.equal(call(281, 4, BASE + 64, 1, 0, BASE, 128), -22);
  assert.equal(call(14, 0, BASE + 65536 - 8, 0, 8), 0);
  assert.equal(call(14, 0, BASE, 0, 128), -22);
});

test("nothing at all may be read or written through any pointer", () => {
  const { call } = program(() => 0);
  assert.equal(call(0, 3, 0, 0), 0);
  assert.equal(call(7, 0, 0, 0), 0);
  assert.equal(call(19, 3, 0, 0), 0);
  assert.equal(program(() => 0, { compatible: true }).call(0, 3, 0, 0), -22);
});

test("one piece of memory is not given out twice where that conflicts", () => {
  const { call, view } = program(() => -4);
  view.setBigInt64(0, 1n, true);
  assert.equal(call(35, BASE, BASE + 8), -22, "the remainder over the request");
  assert.equal(call(35, BASE, BASE + 16), -4);
});

test("registers are cut to the width of the parameter", () => {
  let descriptor = 0n;
  const { call } = program(({ argument }) => {
    descriptor = argument(0);
    return 0;
  });
  for (const register of [0x1_0000_0005, 0x1_0000_0005n]) {
    assert.equal(call(3, register), 0);
    assert.equal(descriptor, 5n);
  }
  call(3, 2n ** 32n - 1n);
  assert.equal(descriptor, 2n ** 64n - 1n);
  assert.equal(call(2n ** 32n), -38);
  assert.equal(call(), -38);
});

/** A shim that hands out memory from 8192 on. */
function mappingShim(log: string[]): Shim {
  return {
    ...plainShim,
    mmap: (_, length, prot) => {
      log.push(`mmap ${length} ${prot}`);
      return length > 16384 ? -12 : BASE + 8192;
    },
    munmap: (addr, length) => {
      log.push(`munmap ${addr - BASE} ${length}`);
      return 0;
    },
  };
}

test("a mapping that grows is copied to a new place that is not executable", () => {
  const log: string[] = [];
  const { call, memory } = program(() => 0, { shim: mappingShim(log) });
  memory.fill(9, 4096, 4104);
  assert.equal(call(25, BASE + 4096, 4096, 8192, 1), BASE + 8192);
  assert.deepEqual([...memory.subarray(8192, 8200)], [9, 9, 9, 9, 9, 9, 9, 9]);
  assert.deepEqual(log.splice(0), ["mmap 8192 3", "munmap 4096 4096"]);
  assert.equal(call(25, BASE + 4096, 4096, 8192, 5), BASE + 8192);
  assert.deepEqual(log.splice(0), ["mmap 8192 3"]);
  assert.equal(call(25, BASE + 4096, 4096, 32768, 1), -12);
  assert.equal(call(25, BASE + 4096, 8192, 4096, 1), BASE + 4096);
  assert.deepEqual(log.splice(0), ["mmap 32768 3", "munmap 8192 4096"]);
  assert.equal(call(25, BASE + 4096, 4096, 8192, 0), -95);
  assert.equal(call(25, BASE + 4096, 4096, 8192, 3, BASE), -95);
  assert.equal(call(25, BASE + 4096, 4096, 8192, 2, BASE), -22);
  assert.equal(call(25, BASE + 65536, 4096, 8192, 1), -22);
  const original = program(() => 0, { compatible: true, shim: mappingShim(log) });
  original.call(25, BASE + 4096, 4096, 8192, 1);
  assert.equal(log[0], "mmap 8192 7");
});

test("what a shim supplies gets its registers, and the shim itself as `this`", () => {
  const calls: unknown[][] = [];
  class Recording {
    readonly name = "recording";
    brk(...args: unknown[]) {
      calls.push([this.name, ...args]);
      return BASE;
    }
    clone(...args: unknown[]) {
      calls.push(args.map((each) => (each instanceof Uint8Array ? each.byteOffset : each)));
      return 7;
    }
  }
  const shim = Object.assign(Object.create(Recording.prototype), { name: "recording" }) as Shim;
  const { call } = program(() => 0, { shim });
  assert.equal(call(12, BASE + 100), BASE);
  assert.equal(call(56, 0x100, BASE, BASE + 4, BASE + 4, BASE + 64), 7);
  assert.deepEqual(calls, [
    ["recording", BASE + 100],
    [0x100, BASE, 4, 4, BASE + 64],
  ]);
  assert.equal(call(12, 2n ** 64n - 1n), BASE);
  assert.deepEqual(calls.at(-1), ["recording", Number.MAX_SAFE_INTEGER]);
  assert.equal(call(56, 0x111, BASE, 0, 0, BASE), -22);
  assert.equal(call(28, 0, 1, 1), -14);
});
