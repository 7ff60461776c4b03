import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Errno, errnoName as linuxName } from "#src/sallyport/linux.js";
import { errnoName, errnoOf } from "#src/shim/wasi/errno.js";
import { bytesOf, S_IFDIR, S_IFIFO, S_IFREG, testProgram } from "./program.js";

const ERRNO = {
  BADF: 8,
  INVAL: 28,
  NAMETOOLONG: 37,
  NOTDIR: 54,
  NOTSOCK: 57,
  PERM: 63,
  FBIG: 22,
  SPIPE: 70,
  NOTSUP: 58,
  OVERFLOW: 61,
};

test("error numbers keep Linux's names, but for those WASI does not have", () => {
  const exceptions: Record<string, string> = {
    EOPNOTSUPP: "NOTSUP",
    ESOCKTNOSUPPORT: "PROTONOSUPPORT",
    EPFNOSUPPORT: "AFNOSUPPORT",
    ESHUTDOWN: "PIPE",
    EHOSTDOWN: "HOSTUNREACH",
    EBADFD: "BADF",
  };
  const own = new Set(Array.from({ length: 77 }, (_, number) => `E${errnoName(number)}`));
  for (const number of Object.values(Errno)) {
    const name = linuxName(number);
    const expected = exceptions[name] ?? (own.has(name) ? name.slice(1) : "IO");
    assert.equal(errnoName(errnoOf(-number)), expected, name);
  }
  const known: Record<number, number> = {
    1: 63,
    2: 44,
    9: 8,
    11: 6,
    22: 28,
    40: 32,
    88: 57,
    107: 53,
    4095: 29,
    61: 29,
  };
  for (const [linux, wasi] of Object.entries(known)) assert.equal(errnoOf(-linux), wasi);
});

test("fdstat tells kind, flags and rights of every kind of descriptor", () => {
  const program = testProgram({
    descriptors: [
      { descriptor: 0, kind: "input" },
      { descriptor: 1, kind: "output", terminal: true },
      { descriptor: 2, kind: "output" },
      { descriptor: 13, kind: "directory", name: bytesOf("/") },
      { descriptor: 14, kind: "stream" },
      { descriptor: 15, kind: "datagram" },
    ],
  });
  const file = 148898303n;
  const expected: readonly [fd: number, filetype: number, base: bigint, inheriting: bigint][] = [
    [0, 0, 2n, 2n],
    [1, 2, 64n, 64n],
    [2, 0, 64n, 64n],
    [3, 3, 129498624n, 267911167n],
    [4, 6, 941621322n, 941621322n],
    [5, 5, 941621322n, 941621322n],
    [program.open(S_IFREG, 40), 4, file, 0n],
    [program.open(S_IFREG, 41, 2n), 4, file & ~64n, 0n],
    [program.open(S_IFREG, 42, 64n), 4, file & ~2n, 0n],
    [program.open(S_IFIFO, 43), 0, file & ~(4n | 32n), 0n],
    [program.open(S_IFDIR, 44), 3, 129498624n, 267911167n],
  ];
  for (const [fd, filetype, base, inheriting] of expected) {
    program.bytes.fill(0xff, 400, 424);
    assert.equal(program.functions.fd_fdstat_get!(fd, 400), 0);
    const { view } = program;
    const seen = [fd, view.getUint16(400, true), view.getBigUint64(408, true), view.getBigUint64(416, true)];
    assert.deepEqual(seen, [fd, filetype, base, inheriting]);
    assert.equal(view.getUint32(404, true), 0, "padding is zero");
  }
});

test("preopens are found one after another until EBADF, their names without a zero byte", () => {
  const program = testProgram();
  program.bytes.fill(0xff, 0, 100);
  assert.equal(program.functions.fd_prestat_get!(3, 0), 0);
  assert.deepEqual([...program.bytes.slice(0, 9)], [0, 0, 0, 0, 5, 0, 0, 0, 0xff]);
  assert.equal(program.functions.fd_prestat_dir_name!(3, 16, 4), ERRNO.NAMETOOLONG);
  assert.equal(program.functions.fd_prestat_dir_name!(3, 16, 9), 0);
  assert.deepEqual([...program.bytes.slice(16, 22)], [...bytesOf("/data"), 0xff]);
  const file = program.open(S_IFDIR, 40);
  for (const fd of [0, 1, 2, file, 99, -1]) assert.equal(program.functions.fd_prestat_get!(fd, 0), ERRNO.BADF);
  assert.equal(program.functions.fd_prestat_dir_name!(file, 16, 9), ERRNO.NOTDIR);
  assert.equal(program.functions.fd_prestat_dir_name!(99, 16, 9), ERRNO.BADF);
});

test("closing frees the number also when Linux reports an error; standard streams stay open outside", () => {
  const program = testProgram({ host: () => -5 });
  const fd = program.open(S_IFREG, 40);
  program.calls.length = 0;
  assert.equal(program.functions.fd_close!(fd), 29);
  assert.equal(program.functions.fd_close!(fd), ERRNO.BADF);
  assert.equal(program.functions.fd_close!(1), 0);
  assert.equal(program.functions.fd_close!(1), ERRNO.BADF);
  assert.deepEqual(
    program.calls.map(({ name, numbers }) => [name, numbers.fd]),
    [["close", 40n]],
  );
});

test("renumbering closes the target and moves everything, whatever closing says", () => {
  const program = testProgram({ host: () => -5 });
  const from = program.open(S_IFREG, 40, 2n, 1);
  const to = program.open(S_IFREG, 41);
  program.calls.length = 0;
  assert.equal(program.functions.fd_renumber!(from, to), 0);
  assert.deepEqual(
    program.calls.map(({ numbers }) => numbers.fd),
    [41n],
  );
  assert.equal(program.functions.fd_fdstat_get!(from, 400), ERRNO.BADF);
  assert.equal(program.functions.fd_fdstat_get!(to, 400), 0);
  assert.equal(program.view.getUint16(402, true), 1);
  assert.equal(program.functions.fd_renumber!(to, to), 0);
  assert.equal(program.functions.fd_renumber!(99, 99), ERRNO.BADF);
  assert.equal(program.functions.fd_renumber!(to, 99), ERRNO.BADF);
  assert.equal(program.functions.fd_renumber!(3, 1), 0);
  assert.equal(program.functions.fd_prestat_get!(1, 0), 0);
  assert.equal(program.open(S_IFREG, 42, 2n, 0, 1), 3);
});

test("any course of opening, closing and renumbering keeps numbers lowest first and entries apart", () => {
  const step = fc.oneof(
    fc.constant({ open: true } as const),
    fc.record({ close: fc.integer({ min: 3, max: 12 }) }),
    fc.record({ from: fc.integer({ min: 3, max: 12 }), to: fc.integer({ min: 3, max: 12 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      let next = 100;
      const program = testProgram({ host: () => 0 });
      const model = new Map<number, number>();
      const directory = 0;
      program.functions.fd_renumber!(3, directory);
      for (const each of steps) {
        if ("open" in each) {
          let lowest = 3;
          while (model.has(lowest)) lowest++;
          const fd = program.open(S_IFREG, next, 2n, 0, directory);
          assert.equal(fd, lowest);
          model.set(fd, next++);
        } else if ("close" in each) {
          const expected = model.delete(each.close) ? 0 : ERRNO.BADF;
          assert.equal(program.functions.fd_close!(each.close), expected);
        } else {
          const known = model.has(each.from) && model.has(each.to);
          assert.equal(program.functions.fd_renumber!(each.from, each.to), known ? 0 : ERRNO.BADF);
          if (known && each.from !== each.to) {
            model.set(each.to, model.get(each.from)!);
            model.delete(each.from);
          }
        }
        for (const [fd, descriptor] of model) {
          program.calls.length = 0;
          assert.equal(program.functions.fd_tell!(fd, 16), 0);
          assert.equal(program.calls[0]!.numbers.fd, BigInt(descriptor));
        }
      }
    }),
    { numRuns: 200 },
  );
});

test("flags of a file are set to what is given; those that only opening can set must be as they are", () => {
  const program = testProgram({ host: () => 0 });
  const fd = program.open(S_IFREG, 40, 66n, 16 | 1);
  program.calls.length = 0;
  const set = (flags: number) => program.functions.fd_fdstat_set_flags!(fd, flags);
  assert.equal(set(16 | 4), 0);
  assert.equal(set(16), 0);
  assert.equal(set(0), ERRNO.INVAL);
  assert.equal(set(16 | 2), ERRNO.INVAL);
  assert.equal(set(32), ERRNO.INVAL);
  assert.equal(program.functions.fd_fdstat_set_flags!(3, 0), ERRNO.BADF);
  assert.deepEqual(
    program.calls.map(({ numbers }) => [numbers.cmd, numbers.arg]),
    [
      [4n, 0x800n],
      [4n, 0n],
    ],
  );
});

test("functions on files refuse what is none, each in its own way", () => {
  const program = testProgram({ host: () => 0 });
  const reading = program.open(S_IFREG, 40, 2n);
  const fifo = program.open(S_IFIFO, 41);
  const both = program.open(S_IFREG, 42);
  program.calls.length = 0;
  const { fd_advise, fd_allocate, fd_sync, fd_datasync, fd_filestat_set_size, fd_filestat_set_times } =
    program.functions;
  for (const fd of [0, 1, 3, 99]) {
    assert.equal(fd_advise!(fd, 0n, 0n, 0), ERRNO.BADF);
    assert.equal(fd_allocate!(fd, 0n, 1n), ERRNO.BADF);
    assert.equal(fd_sync!(fd), ERRNO.BADF);
    assert.equal(fd_datasync!(fd), ERRNO.BADF);
    assert.equal(fd_filestat_set_size!(fd, 0n), ERRNO.BADF);
  }
  assert.equal(fd_filestat_set_times!(0, 0n, 0n, 1), ERRNO.BADF);
  assert.equal(fd_advise!(99, 0n, 0n, 6), ERRNO.INVAL);
  assert.equal(fd_advise!(fifo, 0n, 0n, 0), ERRNO.SPIPE);
  assert.equal(fd_advise!(both, -1n, 0n, 0), ERRNO.INVAL);
  assert.equal(fd_allocate!(reading, 0n, 1n), ERRNO.BADF);
  assert.equal(fd_allocate!(both, 0n, 0n), ERRNO.INVAL);
  assert.equal(fd_allocate!(both, -1n, 1n), ERRNO.FBIG);
  assert.equal(fd_filestat_set_size!(reading, 0n), ERRNO.INVAL);
  assert.equal(fd_filestat_set_size!(both, -1n), ERRNO.INVAL);
  assert.equal(fd_filestat_set_times!(99, 0n, 0n, 3), ERRNO.INVAL);
  assert.equal(fd_filestat_set_times!(99, 0n, 0n, 12), ERRNO.INVAL);
  assert.equal(fd_filestat_set_times!(99, 0n, 0n, 16), ERRNO.INVAL);
  assert.equal(program.calls.length, 0);
  for (const [wasi, linux] of [0, 2, 1, 3, 4, 5].entries()) {
    assert.equal(fd_advise!(both, 5n, 2n ** 62n, wasi), 0);
    assert.deepEqual(Object.values(program.calls.at(-1)!.numbers), [42n, 5n, 2n ** 62n, BigInt(linux)]);
  }
});

test("times are split exactly, now and left out are told apart", () => {
  const program = testProgram({ host: () => 0 });
  const fd = program.open(S_IFREG, 40);
  const nanoseconds = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
  fc.assert(
    fc.property(nanoseconds, nanoseconds, (accessed, modified) => {
      assert.equal(program.functions.fd_filestat_set_times!(fd, accessed, modified, 1 | 4), 0);
      const { times } = program.calls.at(-1)!.data;
      const view = new DataView(times!.buffer);
      assert.equal(view.getBigUint64(0, true) * 1_000_000_000n + view.getBigUint64(8, true), accessed);
      assert.equal(view.getBigUint64(16, true) * 1_000_000_000n + view.getBigUint64(24, true), modified);
      assert.ok(view.getBigUint64(8, true) < 1_000_000_000n);
    }),
    { numRuns: 100 },
  );
  assert.equal(program.functions.fd_filestat_set_times!(fd, 5n, 6n, 2), 0);
  const view = new DataView(program.calls.at(-1)!.data.times!.buffer);
  assert.deepEqual([view.getBigUint64(8, true), view.getBigUint64(24, true)], [0x3fffffffn, 0x3ffffffen]);
});

test("filestat carries what statx says, in both generations", () => {
  let accessed = 1_700_000_000n;
  const program = testProgram({
    host: ({ data }) => {
      const view = new DataView(data.statxbuf!.buffer, data.statxbuf!.byteOffset);
      view.setUint32(16, 3, true);
      view.setUint16(28, S_IFREG | 0o644, true);
      view.setBigUint64(32, 2n ** 64n - 2n, true);
      view.setBigUint64(40, 2n ** 40n, true);
      view.setBigInt64(64, accessed, true);
      view.setUint32(72, 5, true);
      view.setBigInt64(96, 2n, true);
      view.setBigInt64(112, -7n, true);
      view.setUint32(136, 8, true);
      view.setUint32(140, 1, true);
      return 0;
    },
  });
  const fd = program.open(S_IFREG, 40);
  program.bytes.fill(0xff, 400, 500);
  assert.equal(program.functions.fd_filestat_get!(fd, 400), 0);
  const words = (at: number, count: number) =>
    Array.from({ length: count }, (_, index) => program.view.getBigUint64(at + 8 * index, true));
  const time = accessed * 1_000_000_000n + 5n;
  assert.deepEqual(words(400, 8), [0x801n, 2n ** 64n - 2n, 4n, 3n, 2n ** 40n, time, 0n, 2_000_000_000n]);
  assert.equal(program.bytes[464], 0xff);
  assert.equal(program.unstable.fd_filestat_get!(fd, 400), 0);
  assert.deepEqual(words(400, 7), [0x801n, 2n ** 64n - 2n, (3n << 32n) | 4n, 2n ** 40n, time, 0n, 2_000_000_000n]);
  accessed = 2n ** 62n;
  assert.equal(program.functions.fd_filestat_get!(fd, 400), ERRNO.OVERFLOW);
  program.calls.length = 0;
  program.bytes.fill(0xff, 400, 464);
  assert.equal(program.functions.fd_filestat_get!(2, 400), 0);
  assert.deepEqual(words(400, 8), [0n, 0n, 2n, 0n, 0n, 0n, 0n, 0n]);
  assert.deepEqual(program.calls, []);
});

test("a socket function on what is no socket is ENOTSOCK, on what is not open EBADF", () => {
  const program = testProgram();
  const { sock_accept, sock_recv, sock_send, sock_shutdown } = program.functions;
  const expected = (fd: number) => (fd === 99 ? ERRNO.BADF : ERRNO.NOTSOCK);
  for (const fd of [0, 3, 99]) {
    assert.equal(sock_accept!(fd, 0, 16), expected(fd));
    assert.equal(sock_recv!(fd, 0, 0, 0, 16, 32), expected(fd));
    assert.equal(sock_send!(fd, 0, 0, 0, 16), expected(fd));
    assert.equal(sock_shutdown!(fd, 1), expected(fd));
  }
  assert.equal(sock_accept!(99, 1, 16), ERRNO.INVAL);
  assert.equal(sock_recv!(99, 0, 0, 4, 16, 32), ERRNO.INVAL);
  assert.equal(sock_send!(99, 0, 0, 1, 16), ERRNO.INVAL);
  for (const how of [0, 4, -1]) assert.equal(sock_shutdown!(99, how), ERRNO.INVAL);
});
