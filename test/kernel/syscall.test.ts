import assert from "node:assert/strict";
import { closeSync, openSync } from "node:fs";
import { describe, it } from "node:test";
import {
  addressOf,
  errnoName,
  errnoText,
  LINUX,
  STRUCTS,
  SYS,
  syscall0,
  syscall1,
  syscall2,
  syscall3,
  syscall4,
  syscall4Then,
  syscall5,
  syscall6,
  syscallWide,
  vdsoClockGettime,
  viewOf,
} from "#src/kernel/index.js";

const EBADF = 9;
const EINVAL = 22;
const text = new TextEncoder();

/** A temporary memory file, closed after use. */
function withMemoryFile(use: (descriptor: number) => void) {
  const name = text.encode("test\0");
  const descriptor = syscall2(SYS.memfd_create, addressOf(name), LINUX.MFD_CLOEXEC);
  assert.ok(descriptor >= 0);
  try {
    use(descriptor);
  } finally {
    assert.equal(syscall1(SYS.close, descriptor), 0);
  }
}

describe("system calls by number", () => {
  it("passes no argument", () => assert.equal(syscall0(SYS.getpid), process.pid));

  it("passes one argument", () => {
    const descriptor = openSync("/dev/null", "r");
    assert.equal(syscall1(SYS.close, descriptor), 0);
    assert.throws(() => closeSync(descriptor), { code: "EBADF" });
  });

  it("passes two arguments", () =>
    withMemoryFile((descriptor) => assert.equal(syscall2(SYS.ftruncate, descriptor, 4096), 0)));

  it("passes three arguments", () =>
    withMemoryFile((descriptor) => {
      const bytes = text.encode("sally");
      assert.equal(syscall3(SYS.write, descriptor, addressOf(bytes), bytes.length), 5);
      assert.equal(syscall3(SYS.lseek, descriptor, -2, 2), 3);
    }));

  it("moves bytes and positions, and answers failures with negative error numbers", () =>
    withMemoryFile((descriptor) => {
      const bytes = text.encode("hello world");
      const address = addressOf(bytes);
      assert.equal(syscall3(SYS.write, descriptor, address, 11), 11);
      assert.equal(syscall4(SYS.pwrite64, descriptor, address, 5, 6), 5);
      assert.equal(syscall3(SYS.lseek, descriptor, 6n, 0), 6);
      assert.equal(syscall3(SYS.read, descriptor, address, 3), 3);
      assert.equal(syscall3(SYS.lseek, descriptor, 0, 1), 9);
      assert.equal(syscall4(SYS.pread64, descriptor, address, 11, 0), 11);
      assert.equal(new TextDecoder().decode(bytes), "hello hello");
      assert.equal(syscall3(SYS.lseek, descriptor, -1, 0), -EINVAL);
      assert.equal(syscall3(SYS.read, -1, address, 3), -EBADF);
      assert.equal(syscall4(SYS.pread64, descriptor, address, 3, -1), -EINVAL);
    }));

  it("hands the result of a call to a second one, unless the first failed", () => {
    const path = text.encode("/dev/null\0");
    const status = new Uint32Array(STRUCTS.stat.size / 4);
    const mode = STRUCTS.stat.fields.st_mode.offset / 4;
    const open = (directory: number, at: Uint8Array) =>
      syscall4Then(SYS.openat, directory, addressOf(at), LINUX.O_CLOEXEC, 0, SYS.fstat, addressOf(status));
    const descriptor = open(LINUX.AT_FDCWD, path);
    assert.ok(descriptor >= 0);
    assert.equal(status[mode]! & 0o170000, 0o020000);
    assert.equal(syscall1(SYS.close, descriptor), 0);
    status.fill(0);
    assert.equal(open(-1, text.encode("null\0")), -EBADF);
    assert.equal(status[mode], 0);
  });

  it("passes four arguments", () =>
    withMemoryFile((descriptor) => {
      const bytes = text.encode("postern");
      assert.equal(syscall4(SYS.pwrite64, descriptor, addressOf(bytes), bytes.length, 10), 7);
      const read = new Uint8Array(20);
      assert.equal(syscall4(SYS.pread64, descriptor, addressOf(read), read.length, 8), 9);
      assert.deepEqual(read.subarray(0, 9), text.encode("\0\0postern"));
    }));

  it("passes five arguments", () => {
    const limit = new BigUint64Array(2);
    // prlimit64 takes four; statx takes five.
    assert.equal(syscall4(SYS.prlimit64, 0, 7, 0, addressOf(limit)), 0);
    assert.ok(limit[0]! > 0n);
    const path = text.encode("/\0");
    const buffer = new Uint8Array(256);
    const result = syscall5(SYS.statx, LINUX.AT_FDCWD, addressOf(path), 0, LINUX.STATX_BASIC_STATS, addressOf(buffer));
    assert.equal(result, 0);
    assert.equal(new DataView(buffer.buffer).getUint16(28, true) & 0o170000, 0o040000);
  });

  it("passes six arguments", () => {
    const flags = LINUX.MAP_PRIVATE | LINUX.MAP_ANONYMOUS;
    const address = syscall6(SYS.mmap, 0, 4096, LINUX.PROT_READ | LINUX.PROT_WRITE, flags, -1, 0);
    assert.ok(address > 0);
    assert.equal(syscall2(SYS.munmap, address, 4096), 0);
  });

  it("answers failures with -errno at every number of arguments", () => {
    assert.equal(syscall1(SYS.close, -1), -EBADF);
    assert.equal(syscall2(SYS.ftruncate, -1, 0), -EBADF);
    assert.equal(syscall3(SYS.write, -1, 0, 0), -EBADF);
    assert.equal(syscall4(SYS.pread64, -1, 0, 0, 0), -EBADF);
    assert.equal(syscall5(SYS.prctl, -1, 0, 0, 0, 0), -EINVAL);
    assert.equal(syscall6(SYS.mmap, 0, 4096, 0, LINUX.MAP_PRIVATE, -1, 0), -EBADF);
    assert.equal(syscallWide(SYS.close, -1), BigInt(-EBADF));
    assert.equal(syscall0(SYS.rseq + 100_000), -38);
  });

  it("takes BigInts where a value has 64 bits", () =>
    withMemoryFile((descriptor) => {
      assert.equal(syscall3(SYS.lseek, descriptor, 5n, 0), 5);
      assert.equal(syscall3(SYS.lseek, descriptor, 2n ** 64n - 1n, 1), 4);
    }));

  it("keeps all 64 bits of a wide result, and rounds it where a Number was asked for", () =>
    withMemoryFile((descriptor) => {
      const far = 2n ** 62n + 1n;
      const result = syscallWide(SYS.lseek, descriptor, far, 0);
      assert.equal(result, far);
      assert.equal(syscall3(SYS.lseek, descriptor, far, 0), 2 ** 62);
      assert.equal(syscallWide(SYS.lseek, descriptor, 7, 0), 7n);
    }));
});

describe("addresses and views", () => {
  it("finds the bytes of a view at its address, offset included", () => {
    const bytes = Uint8Array.from({ length: 64 }, (_, index) => index);
    assert.equal(addressOf(bytes.subarray(10)), addressOf(bytes) + 10);
    const seen = new Uint8Array(viewOf(addressOf(bytes), 64));
    assert.deepEqual(seen, bytes);
    bytes[3] = 200;
    assert.equal(seen[3], 200);
    seen[4] = 201;
    assert.equal(bytes[4], 201);
  });

  it("takes a typed array over shared memory", () => {
    const shared = new Uint8Array(new SharedArrayBuffer(16));
    shared[15] = 9;
    assert.equal(new Uint8Array(viewOf(addressOf(shared), 16))[15], 9);
  });

  it("refuses what koffi would crash on", () => {
    for (const [address, length] of [
      [0, 16],
      [-4096, 16],
      [4096.5, 16],
      [Number.NaN, 16],
      [4096, -1],
      [4096, 2 ** 32 + 1],
      [4096, 2 ** 33],
      [2 ** 60, 1],
    ] as const) {
      assert.throws(() => viewOf(address, length), { code: "EINVALIDARGUMENT" });
    }
    assert.equal(viewOf(4096, 0).byteLength, 0);
  });
});

describe("errno", () => {
  it("has names and texts, for either sign", () => {
    assert.equal(errnoName(2), "ENOENT");
    assert.equal(errnoName(-2), "ENOENT");
    assert.match(errnoText(-13), /permission/i);
    assert.equal(errnoName(4000), "E4000");
    assert.equal(errnoText(4000), "error 4000");
  });
});

describe("clock through the vDSO", () => {
  it("agrees with the system call", () => {
    const time = new BigInt64Array(4);
    for (const clock of [LINUX.CLOCK_REALTIME, LINUX.CLOCK_MONOTONIC, LINUX.CLOCK_PROCESS_CPUTIME_ID]) {
      assert.equal(syscall2(SYS.clock_gettime, clock, addressOf(time)), 0);
      assert.equal(vdsoClockGettime(clock, addressOf(time) + 16), 0);
      const difference = (time[2]! - time[0]!) * 1_000_000_000n + time[3]! - time[1]!;
      assert.ok(difference >= 0n && difference < 1_000_000_000n, `clock ${clock}: ${difference} ns apart`);
    }
  });

  it("answers -EINVAL for a clock that does not exist", () => {
    assert.equal(vdsoClockGettime(99, addressOf(new BigInt64Array(2))), -EINVAL);
  });
});
