import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bytesOf, testProgram, type WasiFunction } from "./program.js";

const FAULT = 21;
const PAGE = 65536;

/** A pointer parameter: where it stands, and how many bytes are touched there; "next": as many as the next parameter says. */
type Pointer = readonly [index: number, bytes: number | "next"];

/** Valid parameters of every function that has pointers, and the pointers among them. */
const CASES: Record<string, readonly [parameters: readonly (number | bigint)[], pointers: readonly Pointer[]]> = {
  args_get: [
    [64, 128],
    [
      [0, 8],
      [1, 6],
    ],
  ],
  args_sizes_get: [
    [64, 128],
    [
      [0, 4],
      [1, 4],
    ],
  ],
  environ_get: [
    [64, 128],
    [
      [0, 4],
      [1, 8],
    ],
  ],
  environ_sizes_get: [
    [64, 128],
    [
      [0, 4],
      [1, 4],
    ],
  ],
  clock_res_get: [[0, 64], [[1, 8]]],
  clock_time_get: [[0, 0n, 64], [[2, 8]]],
  random_get: [[64, 16], [[0, "next"]]],
  poll_oneoff: [
    [64, 128, 1, 192],
    [
      [0, 48],
      [1, 32],
      [3, 4],
    ],
  ],
  fd_fdstat_get: [[3, 64], [[1, 24]]],
  fd_filestat_get: [[3, 64], [[1, 64]]],
  fd_pread: [
    [4, 64, 1, 0n, 128],
    [
      [1, 8],
      [4, 4],
    ],
  ],
  fd_pwrite: [
    [4, 64, 1, 0n, 128],
    [
      [1, 8],
      [4, 4],
    ],
  ],
  fd_prestat_get: [[3, 64], [[1, 8]]],
  fd_prestat_dir_name: [[3, 64, 5], [[1, "next"]]],
  fd_read: [
    [4, 64, 1, 128],
    [
      [1, 8],
      [3, 4],
    ],
  ],
  fd_write: [
    [4, 64, 1, 128],
    [
      [1, 8],
      [3, 4],
    ],
  ],
  fd_readdir: [
    [3, 64, 100, 0n, 192],
    [
      [1, "next"],
      [4, 4],
    ],
  ],
  fd_seek: [[4, 0n, 0, 64], [[3, 8]]],
  fd_tell: [[4, 64], [[1, 8]]],
  path_create_directory: [[3, 64, 3], [[1, "next"]]],
  path_filestat_get: [
    [3, 0, 64, 3, 128],
    [
      [2, "next"],
      [4, 64],
    ],
  ],
  path_filestat_set_times: [[3, 0, 64, 3, 0n, 0n, 5], [[2, "next"]]],
  path_link: [
    [3, 0, 64, 3, 3, 128, 3],
    [
      [2, "next"],
      [5, "next"],
    ],
  ],
  path_open: [
    [3, 0, 64, 3, 0, 2n, 0n, 0, 128],
    [
      [2, "next"],
      [8, 4],
    ],
  ],
  path_readlink: [
    [3, 64, 3, 128, 20, 192],
    [
      [1, "next"],
      [3, "next"],
      [5, 4],
    ],
  ],
  path_remove_directory: [[3, 64, 3], [[1, "next"]]],
  path_rename: [
    [3, 64, 3, 3, 128, 3],
    [
      [1, "next"],
      [4, "next"],
    ],
  ],
  path_symlink: [
    [64, 3, 3, 128, 3],
    [
      [0, "next"],
      [3, "next"],
    ],
  ],
  path_unlink_file: [[3, 64, 3], [[1, "next"]]],
  sock_accept: [[5, 0, 64], [[2, 4]]],
  sock_recv: [
    [5, 64, 1, 0, 128, 192],
    [
      [1, 8],
      [4, 4],
      [5, 2],
    ],
  ],
  sock_send: [
    [5, 64, 1, 0, 128],
    [
      [1, 8],
      [4, 4],
    ],
  ],
};

/** A program with a file as 4 and a socket as 5. The host accepts everything. */
function start() {
  let next = 90;
  const program = testProgram({
    args: ["a", "bcd"],
    env: ["A=BCDEF"],
    descriptors: [
      { descriptor: 0, kind: "input" },
      { descriptor: 1, kind: "output" },
      { descriptor: 2, kind: "output" },
      { descriptor: 3, kind: "directory", name: bytesOf("/data") },
      { descriptor: 4, kind: "stream" },
      { descriptor: 5, kind: "stream" },
    ],
    host: ({ name, data }) => {
      if (name === "accept4" || name === "openat2") return next++;
      return name === "getrandom" ? data.buf!.length : 0;
    },
  });
  // Number 4 becomes a file, so that positions work.
  program.functions.fd_close!(4);
  program.open(0o100644, 40);
  program.calls.length = 0;
  program.bytes.fill(0);
  program.put(64, "abc");
  program.put(128, "def");
  return program;
}

test("every function with pointers is covered", () => {
  const { functions } = testProgram();
  const without = new Set(
    `sched_yield proc_exit proc_raise fd_advise fd_allocate fd_close fd_datasync fd_fdstat_set_flags
    fd_fdstat_set_rights fd_filestat_set_size fd_filestat_set_times fd_renumber fd_sync sock_shutdown`.split(/\s+/),
  );
  const expected = Object.keys(functions).filter((name) => !without.has(name));
  assert.deepEqual(Object.keys(CASES).sort(), expected.sort());
  assert.equal(Object.keys(functions).length, 46);
});

for (const [name, [parameters, pointers]] of Object.entries(CASES)) {
  for (const [index, bytes] of pointers) {
    test(`${name}: parameter ${index} beyond memory is EFAULT, without a call and without a byte written`, () => {
      const program = start();
      const length = bytes === "next" ? (parameters[index + 1] as number) : bytes;
      if (name.startsWith("fd_p") || name === "fd_read" || name === "fd_write" || name.startsWith("sock_")) {
        program.iovecs(64, [1000, 4]);
      }
      const before = program.bytes.slice();
      for (const pointer of [PAGE - length + 1, PAGE, PAGE + 1, 0x7fffffff, -0x80000000, -length, -1]) {
        const changed = parameters.with(index, pointer);
        const wasiFunction = program.functions[name] as WasiFunction;
        assert.equal(wasiFunction(...changed), FAULT, `at ${pointer}`);
      }
      assert.deepEqual(program.calls, []);
      assert.ok(Buffer.from(before).equals(program.bytes));
    });

    test(`${name}: parameter ${index} may end with memory's last byte`, () => {
      const program = start();
      const length = bytes === "next" ? (parameters[index + 1] as number) : bytes;
      const last = PAGE - length;
      if (name.startsWith("path_")) program.put(last, "xyz");
      assert.notEqual(program.functions[name]!(...parameters.with(index, last)), FAULT);
    });
  }
}

test("a length of 0 touches nothing: its pointer may be anything", () => {
  for (const [name, [parameters, pointers]] of Object.entries(CASES)) {
    for (const [index, bytes] of pointers) {
      if (bytes !== "next") continue;
      const program = start();
      const changed = parameters.with(index, -1).with(index + 1, 0);
      const result = program.functions[name]!(...changed);
      assert.ok(result !== FAULT && result <= 76, `${name}, parameter ${index}: ${result}`);
    }
  }
});

test("each buffer of an iovec array is checked, and an empty one is not looked at", () => {
  const program = start();
  for (const name of ["fd_read", "fd_write"]) {
    program.iovecs(64, [1000, 4], [PAGE - 3, 4]);
    assert.equal(program.functions[name]!(4, 64, 2, 128), FAULT);
    program.iovecs(64, [1000, 4], [0xfffffff0, 0x20]);
    assert.equal(program.functions[name]!(4, 64, 2, 128), FAULT);
    assert.deepEqual(program.calls, []);
    program.iovecs(64, [1000, 4], [0xffffffff, 0]);
    assert.equal(program.functions[name]!(4, 64, 2, 128), 0);
    program.calls.length = 0;
  }
});

test("no parameters whatever make a function throw", () => {
  const word = fc.oneof(
    fc.integer({ min: -70000, max: 70000 }),
    fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    fc.constantFrom(3, 4, 5, 64, 128),
  );
  const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  const calls = fc
    .constantFrom(...Object.entries(CASES))
    .chain(([name, [parameters]]) =>
      fc.tuple(fc.constant(name), fc.tuple(...parameters.map((each) => (typeof each === "bigint" ? long : word)))),
    );
  const program = start();
  fc.assert(
    fc.property(calls, ([name, parameters]) => {
      if (name === "poll_oneoff" || name === "sock_recv") return;
      const result = program.functions[name]!(...parameters);
      assert.ok(Number.isInteger(result) && result >= 0 && result <= 76, `${name} answered ${result}`);
    }),
    { numRuns: 2000 },
  );
});

test("memory that grows between and during the program's calls is followed", () => {
  const program = start();
  assert.equal(program.functions.fd_fdstat_get!(3, PAGE), FAULT);
  program.memory.grow(1);
  assert.equal(program.functions.fd_fdstat_get!(3, PAGE), 0);
  assert.equal(program.view.getUint8(PAGE), 3);
  program.memory.grow(0);
  program.iovecs(64, [2 * PAGE - 4, 4]);
  assert.equal(program.functions.fd_write!(4, 64, 1, 128), 0);
});
