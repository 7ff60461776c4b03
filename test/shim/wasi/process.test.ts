import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PosternError } from "#src/errors.js";
import { createWasi } from "#src/shim/wasi/index.js";
import { GRANTS, type Host, S_IFREG, testProgram } from "./program.js";

const ERRNO = { BADF: 8, INVAL: 28, IO: 29, NOTSUP: 58, OVERFLOW: 61 };

test("arguments and environment are bytes, back to back, each with a zero", () => {
  const args = ["program", "", "ä€"];
  const program = testProgram({ args, env: ["A=1", "A=2"] });
  const { args_sizes_get, args_get, environ_sizes_get, environ_get } = program.functions;
  assert.equal(args_sizes_get!(0, 8), 0);
  assert.deepEqual([program.view.getUint32(0, true), program.view.getUint32(8, true)], [3, 15]);
  program.bytes.fill(0xff, 100, 200);
  assert.equal(args_get!(16, 100), 0);
  assert.deepEqual(
    [16, 20, 24].map((at) => program.view.getUint32(at, true)),
    [100, 108, 109],
  );
  assert.equal(program.view.getUint32(28, true), 0, "no pointer behind the last");
  assert.equal(new TextDecoder().decode(program.bytes.slice(100, 115)), "program\0\0ä€\0");
  assert.equal(program.bytes[115], 0xff);
  assert.equal(environ_sizes_get!(0, 8), 0);
  assert.deepEqual([program.view.getUint32(0, true), program.view.getUint32(8, true)], [2, 8]);
  assert.equal(environ_get!(16, 100), 0);
  assert.equal(new TextDecoder().decode(program.bytes.slice(100, 108)), "A=1\0A=2\0");
});

test("no arguments and no environment are 0 and 0, and getting them touches nothing", () => {
  const program = testProgram();
  program.bytes.fill(0xff, 0, 16);
  assert.equal(program.functions.args_sizes_get!(0, 8), 0);
  assert.deepEqual([program.view.getUint32(0, true), program.view.getUint32(8, true)], [0, 0]);
  assert.equal(program.functions.args_get!(-1, -1), 0);
  assert.equal(program.functions.environ_get!(-1, -1), 0);
});

/** A host whose clocks stand still. */
const clocks =
  (seconds: bigint, nanoseconds: bigint): Host =>
  ({ data }) => {
    const { tp, res } = data;
    if (tp === undefined && res === undefined) return 0;
    const view = new DataView((tp ?? res)!.buffer, (tp ?? res)!.byteOffset);
    view.setBigInt64(0, seconds, true);
    view.setBigInt64(8, nanoseconds, true);
    return 0;
  };

test("time is exact to the nanosecond wherever 64 bits hold it", () => {
  const time = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
  fc.assert(
    fc.property(time, fc.constantFrom(0, 1), (nanoseconds, id) => {
      const program = testProgram({ host: clocks(nanoseconds / 1_000_000_000n, nanoseconds % 1_000_000_000n) });
      assert.equal(program.functions.clock_time_get!(id, 0n, 16), 0);
      assert.equal(program.view.getBigUint64(16, true), nanoseconds);
    }),
  );
});

test("times in any order are exact, those of one second in particular", () => {
  const second = fc.bigInt({ min: 0n, max: 18_446_744_072n });
  const times = fc.array(
    fc.tuple(fc.oneof(fc.constantFrom(0n, 4n, 18_446_744_072n), second), fc.bigInt({ min: 0n, max: 999_999_999n })),
  );
  fc.assert(
    fc.property(times, (list) => {
      let now: readonly [bigint, bigint] = [0n, 0n];
      const program = testProgram({ host: (call) => clocks(...now)(call) });
      for (now of list) {
        assert.equal(program.functions.clock_time_get!(0, 0n, 16), 0);
        assert.equal(program.view.getBigUint64(16, true), now[0] * 1_000_000_000n + now[1]);
      }
    }),
  );
});

test("time before 1970 and beyond 64 bits is EOVERFLOW; nanoseconds that are a second end the keep", () => {
  const overflows: readonly [bigint, bigint][] = [
    [-1n, 999_999_999n],
    [18_446_744_073n, 709_551_616n],
    [2n ** 62n, 0n],
    [-(2n ** 63n), 0n],
  ];
  for (const [seconds, nanoseconds] of overflows) {
    const program = testProgram({ host: clocks(seconds, nanoseconds) });
    assert.equal(program.functions.clock_time_get!(0, 0n, 16), ERRNO.OVERFLOW, `${seconds}`);
  }
  const program = testProgram({ host: clocks(1n, 1_000_000_000n) });
  assert.throws(() => program.functions.clock_time_get!(0, 0n, 16), /unreachable/);
});

test("processor time is that of the keep's thread, or EBADF where it is denied; other clocks do not exist", () => {
  const program = testProgram({ host: clocks(3n, 7n) });
  for (const id of [2, 3]) {
    assert.equal(program.functions.clock_time_get!(id, 0n, 16), 0);
    assert.equal(program.view.getBigUint64(16, true), 3_000_000_007n);
    assert.equal(program.calls.at(-1)!.numbers.clockid, 3n);
  }
  const denied = testProgram({ host: () => -1 });
  assert.equal(denied.functions.clock_time_get!(2, 0n, 16), ERRNO.BADF);
  assert.equal(denied.functions.clock_res_get!(3, 16), ERRNO.BADF);
  for (const id of [4, 256, -1]) {
    assert.equal(program.functions.clock_time_get!(id, 0n, 16), ERRNO.INVAL);
    assert.equal(program.functions.clock_res_get!(id, 16), ERRNO.INVAL);
  }
});

test("a clock's resolution is never 0", () => {
  const program = testProgram({ host: clocks(0n, 0n) });
  assert.equal(program.functions.clock_res_get!(1, 16), 0);
  assert.equal(program.view.getBigUint64(16, true), 1n);
});

test("random_get fills everything however little comes at a time, or fails", () => {
  let given = 0;
  const program = testProgram({
    host: ({ data }) => {
      const part = Math.min(100, data.buf!.length);
      for (let i = 0; i < part; i++) data.buf![i] = ((given + i) % 255) + 1;
      given += part;
      return part;
    },
  });
  assert.equal(program.functions.random_get!(1000, 1234), 0);
  assert.deepEqual(
    program.bytes.slice(1000, 2234),
    Uint8Array.from({ length: 1234 }, (_, i) => (i % 255) + 1),
  );
  assert.equal(program.bytes[2234], 0);
  assert.equal(testProgram({ host: () => -38 }).functions.random_get!(1000, 10), 52);
  assert.equal(testProgram({ host: () => 0 }).functions.random_get!(1000, 10), ERRNO.IO);
});

test("after proc_exit, with any code, every function traps and none reaches the host", () => {
  for (const code of [0, 1, 255, 0x80000001 | 0, -1]) {
    const program = testProgram({ host: () => 0 });
    const fd = program.open(S_IFREG, 40);
    assert.throws(() => program.functions.proc_exit!(code), /unreachable/);
    assert.equal(program.exitCode, code >>> 0);
    assert.equal(program.calls.at(-1)!.name, "exit_group");
    program.calls.length = 0;
    for (const [name, wasiFunction] of Object.entries({ ...program.unstable, ...program.functions })) {
      const longs = new Set(["fd_seek", "fd_advise", "fd_allocate", "path_open", "clock_time_get"]);
      const parameters =
        longs.has(name) || /pread|pwrite|readdir|rights|size$|times/.test(name) ? undefined : [fd, 0, 0];
      if (parameters === undefined) continue;
      assert.throws(() => wasiFunction(...parameters), /unreachable/, name);
    }
    assert.throws(() => program.functions.fd_seek!(fd, 0n, 0, 0), /unreachable/);
    assert.throws(() => program.functions.clock_time_get!(0, 0n, 0), /unreachable/);
    assert.throws(() => program.functions.fd_pread!(fd, 0, 0, 0n, 0), /unreachable/);
    assert.deepEqual(program.calls, []);
  }
});

test("a host that lets proc_exit return does not bring the program back", () => {
  const program = testProgram({ host: () => -1 });
  assert.throws(() => program.functions.proc_exit!(3), /unreachable/);
});

test("signals are not raised", () => {
  const program = testProgram();
  for (let signal = 0; signal <= 30; signal++) assert.equal(program.functions.proc_raise!(signal), ERRNO.NOTSUP);
  for (const signal of [31, 256, -1]) assert.equal(program.functions.proc_raise!(signal), ERRNO.INVAL);
});

test("the older generation has 45 functions, without sock_accept", () => {
  const program = testProgram();
  assert.equal(Object.keys(program.unstable).length, 45);
  assert.equal(program.unstable.sock_accept, undefined);
});

test("a call before the memory is known is refused by a sentence", () => {
  const wasi = createWasi({ engine: {} as never, args: [], env: [], descriptors: GRANTS });
  const functions = wasi.imports().wasi_snapshot_preview1 as Record<string, (...parameters: number[]) => number>;
  assert.throws(
    () => functions.fd_fdstat_get!(0, 0),
    (error) => error instanceof PosternError && error.code === "EBADPROGRAM" && /start section/.test(error.message),
  );
});

test("a granted directory needs a name", () => {
  assert.throws(
    () => createWasi({ engine: {} as never, args: [], env: [], descriptors: [{ descriptor: 3, kind: "directory" }] }),
    (error) => error instanceof PosternError && error.code === "EINVALIDARGUMENT",
  );
});
