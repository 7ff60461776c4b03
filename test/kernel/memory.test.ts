import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { addressOf, allocate, LINUX, mmap, mprotect, munmap, SYS, syscall3, viewOf } from "#src/kernel/index.js";

const EBADF = 9;
const EFAULT = 14;
const EINVAL = 22;

/** Whether an address lies in a mapping of this process. */
function isMapped(address: number): boolean {
  return readFileSync("/proc/self/maps", "utf8")
    .split("\n")
    .map((line) => line.split(/[- ]/, 2).map((part) => Number.parseInt(part, 16)))
    .some(([first, end]) => first! <= address && address < end!);
}

describe("memory maps", () => {
  it("allocates zeroed pages that system calls and JavaScript share, and gives them back", () => {
    const memory = allocate(10_000);
    assert.equal(memory.address % 4096, 0);
    assert.equal(memory.buffer.byteLength, 10_000);
    const bytes = new Uint8Array(memory.buffer);
    assert.ok(bytes.every((byte) => byte === 0));
    assert.equal(addressOf(bytes), memory.address);
    assert.equal(syscall3(SYS.getrandom, memory.address, 64, 0), 64);
    assert.ok(bytes.subarray(0, 64).some((byte) => byte !== 0));
    assert.ok(isMapped(memory.address));
    memory.release();
    assert.ok(!isMapped(memory.address));
    memory.release();
  });

  it("marks shared memory as shared", () => {
    const memory = allocate(4096, "shared");
    const line = readFileSync("/proc/self/maps", "utf8")
      .split("\n")
      .find((text) => text.startsWith(memory.address.toString(16).padStart(8, "0")));
    assert.match(line ?? "", /rw-s/);
    memory.release();
  });

  it("refuses impossible sizes", () => {
    for (const bytes of [0, -1, 1.5, Number.NaN, 2 ** 32 + 1, 2 ** 60]) {
      assert.throws(() => allocate(bytes), { code: "EINVALIDARGUMENT" });
    }
  });

  it("changes the protection, which the kernel then respects", () => {
    const flags = LINUX.MAP_PRIVATE | LINUX.MAP_ANONYMOUS;
    const address = mmap(0, 4096, LINUX.PROT_READ | LINUX.PROT_WRITE, flags, -1, 0);
    new Uint8Array(viewOf(address, 4096))[0] = 42;
    mprotect(address, 4096, LINUX.PROT_READ);
    assert.equal(new Uint8Array(viewOf(address, 4096))[0], 42);
    assert.equal(syscall3(SYS.getrandom, address, 16, 0), -EFAULT);
    munmap(address, 4096);
  });

  it("throws ESYSTEM with the errno", () => {
    assert.throws(() => mmap(0, 4096, LINUX.PROT_READ, LINUX.MAP_PRIVATE, -1, 0), { code: "ESYSTEM", errno: EBADF });
    assert.throws(() => munmap(1, 4096), { code: "ESYSTEM", errno: EINVAL });
    assert.throws(() => mprotect(1, 4096, 0), { code: "ESYSTEM", errno: EINVAL });
  });
});
