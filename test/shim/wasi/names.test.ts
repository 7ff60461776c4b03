import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ProgramMemory } from "#src/shim/wasi/memory.js";
import { readPath } from "#src/shim/wasi/paths.js";
import { WebAssembly } from "#src/wasm/index.js";
import { bytesOf, type HostCall, S_IFDIR, S_IFREG, testProgram } from "./program.js";

const ERRNO = {
  BADF: 8,
  ILSEQ: 25,
  INVAL: 28,
  NAMETOOLONG: 37,
  NOENT: 44,
  NOTDIR: 54,
  PERM: 63,
  NOTCAPABLE: 76,
  MFILE: 33,
};
const FOLLOW = 1;
const [CREAT, DIRECTORY, EXCL, TRUNC] = [1, 2, 4, 8];
const READ = 2n;
const WRITE = 64n;

const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);
/** A call in one line: name, then data and numbers by parameter. */
const shown = ({ name, numbers, data }: HostCall) => [
  name,
  ...Object.values(numbers).map(Number),
  ...Object.entries(data)
    .filter(([key]) => /path|target/.test(key))
    .map(([, value]) => text(value)),
];

/** A program that has written two names, `old` at 100 and `d/new` at 200, and whose host says yes. */
function start(readOnly = false) {
  let next = 90;
  const program = testProgram({
    host: ({ name }) => (name === "openat2" ? next++ : 0),
    descriptors: [
      { descriptor: 0, kind: "input" },
      { descriptor: 1, kind: "output" },
      { descriptor: 2, kind: "output" },
      { descriptor: 13, kind: "directory", name: bytesOf("/a"), readOnly },
      { descriptor: 14, kind: "directory", name: bytesOf("/b") },
    ],
  });
  program.put(100, "old");
  program.put(200, "d/new");
  return program;
}

type Program = ReturnType<typeof start>;

/** Each call on names, what the host gets of it. */
const CALLS: Record<string, readonly [call: (program: Program) => number, expected: unknown[]]> = {
  path_create_directory: [
    ({ functions }) => functions.path_create_directory!(3, 100, 3),
    ["mkdirat", 13, 0o777, "old"],
  ],
  path_remove_directory: [
    ({ functions }) => functions.path_remove_directory!(3, 100, 3),
    ["unlinkat", 13, 0x200, "old"],
  ],
  path_unlink_file: [({ functions }) => functions.path_unlink_file!(3, 100, 3), ["unlinkat", 13, 0, "old"]],
  path_symlink: [({ functions }) => functions.path_symlink!(200, 5, 3, 100, 3), ["symlinkat", 13, "d/new", "old"]],
  path_link: [({ functions }) => functions.path_link!(3, 0, 100, 3, 4, 200, 5), ["linkat", 13, 14, 0, "old", "d/new"]],
  path_rename: [
    ({ functions }) => functions.path_rename!(3, 100, 3, 4, 200, 5),
    ["renameat2", 13, 14, 0, "old", "d/new"],
  ],
  path_filestat_set_times: [
    ({ functions }) => functions.path_filestat_set_times!(3, FOLLOW, 100, 3, 0n, 0n, 2 | 8),
    ["utimensat", 13, 0, "old"],
  ],
};

for (const [name, [call, expected]] of Object.entries(CALLS)) {
  test(`${name} is one call, on the host's descriptors`, () => {
    const program = start();
    assert.equal(call(program), 0);
    assert.deepEqual(program.calls.map(shown), [expected]);
  });

  test(`${name} on a read-only grant is EPERM without a call`, () => {
    const program = start(true);
    assert.equal(call(program), ERRNO.PERM);
    assert.deepEqual(program.calls, []);
  });

  test(`${name} through a descriptor that gave up its rights is ENOTCAPABLE`, () => {
    const program = start();
    assert.equal(program.functions.fd_fdstat_set_rights!(3, 0n, 0n), 0);
    assert.equal(call(program), ERRNO.NOTCAPABLE);
    assert.deepEqual(program.calls, []);
  });
}

test("path_filestat_get follows the last link only when asked", () => {
  const program = start();
  assert.equal(program.functions.path_filestat_get!(3, 0, 100, 3, 300), 0);
  assert.equal(program.functions.path_filestat_get!(3, FOLLOW, 100, 3, 300), 0);
  assert.deepEqual(
    program.calls.map(({ numbers }) => numbers.flags),
    [0x100n, 0n],
  );
});

test("readlink cuts the contents to the buffer, without a zero byte", () => {
  const program = testProgram({
    host: ({ data }) => {
      data.buf!.set(bytesOf("target"));
      return 6;
    },
  });
  program.put(100, "link");
  program.bytes.fill(0xff, 300, 320);
  for (const room of [0, 1, 6, 10]) {
    assert.equal(program.functions.path_readlink!(3, 100, 4, 300, room, 200), 0);
    const used = program.view.getUint32(200, true);
    assert.equal(used, Math.min(room, 6));
    assert.equal(text(program.bytes.slice(300, 300 + used)), "target".slice(0, used));
    assert.equal(program.bytes[300 + Math.max(used, 6)], 0xff);
  }
});

test("path_link refuses to follow links, and unknown flags", () => {
  const program = start();
  for (const flags of [1, 2, -1]) assert.equal(program.functions.path_link!(3, flags, 100, 3, 4, 200, 5), ERRNO.INVAL);
});

test("link contents may be anything but absolute, empty, too long or with a zero byte", () => {
  const program = start();
  const link = (contents: string | Uint8Array) =>
    program.functions.path_symlink!(5000, program.put(5000, contents), 3, 100, 3);
  assert.equal(link("../../x"), 0);
  assert.equal(link(Uint8Array.of(0xff, 0xfe)), 0);
  assert.equal(link("x".repeat(4095)), 0);
  assert.equal(link("x".repeat(4096)), ERRNO.NAMETOOLONG);
  assert.equal(link("/x"), ERRNO.PERM);
  assert.equal(link(""), ERRNO.NOENT);
  assert.equal(link("a\0b"), ERRNO.INVAL);
});

test("a path is refused for its bytes in a fixed order: not UTF-8, zero byte, empty, absolute, too long", () => {
  const program = start();
  const open = (path: string | Uint8Array) =>
    program.functions.path_open!(3, 0, 5000, program.put(5000, path), 0, READ, 0n, 0, 300);
  const long = "x".repeat(4096);
  assert.equal(open(""), ERRNO.NOENT);
  assert.equal(open("/"), ERRNO.PERM);
  assert.equal(open("/etc"), ERRNO.PERM);
  assert.equal(open("a\0"), ERRNO.INVAL);
  assert.equal(open("/\0"), ERRNO.INVAL);
  assert.equal(open(long), ERRNO.NAMETOOLONG);
  assert.equal(open(`/${long}`), ERRNO.PERM);
  assert.equal(open(Uint8Array.of(0x2f, 0, 0xff)), ERRNO.ILSEQ);
  assert.deepEqual(program.calls, []);
  assert.equal(open("x".repeat(4095)), 0);
});

test("paths are UTF-8 exactly where the decoder of the platform says so", () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const seen = new ProgramMemory();
  seen.bind(memory);
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const piece = fc.oneof(
    fc.integer({ min: 1, max: 255 }).map((byte) => [byte]),
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 2 }).map((each) => [...bytesOf(each)]),
    fc.constantFrom(
      [0xe0, 0x9f, 0xbf],
      [0xe0, 0xa0, 0x80],
      [0xed, 0x9f, 0xbf],
      [0xed, 0xa0, 0x80],
      [0xf0, 0x8f, 0xbf, 0xbf],
      [0xf0, 0x90, 0x80, 0x80],
      [0xf4, 0x8f, 0xbf, 0xbf],
      [0xf4, 0x90, 0x80, 0x80],
      [0xc1, 0xbf],
      [0xc2, 0x80],
      [0xf8, 0x88, 0x80, 0x80, 0x80],
    ),
  );
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 6 }), (pieces) => {
      const bytes = Uint8Array.from([0x61, ...pieces.flat()]);
      new Uint8Array(memory.buffer).set(bytes);
      let valid = true;
      try {
        decoder.decode(bytes);
      } catch {
        valid = false;
      }
      const result = readPath(seen, 0, bytes.length);
      if (bytes.includes(0)) return;
      assert.deepEqual(result, valid ? bytes : ERRNO.ILSEQ);
    }),
    { numRuns: 3000 },
  );
});

test("path_open asks Linux for what WASI's flags and rights say", () => {
  const cases: readonly [lookup: number, oflags: number, rights: bigint, fdflags: number, linux: number][] = [
    [FOLLOW, 0, READ, 0, 0],
    [0, 0, READ, 0, 0x20000],
    [FOLLOW, 0, 0n, 0, 0],
    [FOLLOW, 0, WRITE, 0, 1],
    [FOLLOW, 0, READ | WRITE, 0, 2],
    [FOLLOW, 0, 2n ** 64n - 1n, 0, 2],
    [FOLLOW, CREAT, READ, 0, 0x40],
    [FOLLOW, CREAT | EXCL, WRITE, 0, 0xc1],
    [FOLLOW, EXCL, READ, 0, 0],
    [FOLLOW, TRUNC, WRITE, 0, 0x201],
    [FOLLOW, DIRECTORY, READ, 0, 0x10000],
    [FOLLOW, 0, WRITE, 1, 0x401],
    [FOLLOW, 0, READ, 4, 0x800],
    [FOLLOW, 0, READ, 2, 0x1000],
    [FOLLOW, 0, READ, 8, 0x101000],
    [FOLLOW, 0, READ, 16, 0x101000],
  ];
  for (const [lookup, oflags, rights, fdflags, linux] of cases) {
    const program = start();
    assert.equal(program.functions.path_open!(3, lookup, 100, 3, oflags, rights, 0n, fdflags, 300), 0);
    const { how } = program.calls[0]!.data;
    const view = new DataView(how!.buffer);
    assert.equal(view.getUint32(0, true), linux, JSON.stringify({ lookup, oflags, fdflags }));
    assert.equal(view.getUint32(8, true), (oflags & CREAT) !== 0 ? 0o666 : 0);
    assert.equal(program.functions.fd_fdstat_get!(program.view.getUint32(300, true), 400), 0);
    assert.equal(program.view.getUint16(402, true), fdflags);
  }
});

test("path_open refuses in the order the specification gives", () => {
  const program = start(true);
  const file = program.open(S_IFREG, 40, READ);
  program.calls.length = 0;
  const open = (fd: number, lookup: number, oflags: number, rights: bigint, fdflags = 0) =>
    program.functions.path_open!(fd, lookup, 100, 3, oflags, rights, 0n, fdflags, 300);
  assert.equal(open(99, 2, 0, READ), ERRNO.INVAL);
  assert.equal(open(99, 0, 16, READ), ERRNO.INVAL);
  assert.equal(open(99, 0, 0, READ, 32), ERRNO.INVAL);
  assert.equal(open(99, 0, 0, READ), ERRNO.BADF);
  assert.equal(open(1, 0, 0, READ), ERRNO.BADF);
  assert.equal(open(file, 0, 0, READ), ERRNO.NOTDIR);
  for (const oflags of [CREAT, EXCL, TRUNC]) assert.equal(open(3, 0, DIRECTORY | oflags, READ), ERRNO.INVAL);
  for (const oflags of [CREAT, TRUNC]) assert.equal(open(3, 0, oflags, READ), ERRNO.PERM);
  assert.equal(open(3, 0, 0, READ | WRITE), ERRNO.PERM);
  assert.deepEqual(program.calls, []);
  assert.equal(open(3, 0, 0, READ), 0);
});

test("a directory opened from a directory reports the same rights, so that its files can be opened for writing", () => {
  const program = start();
  const directory = program.open(S_IFDIR, 50, 2n ** 64n - 1n);
  program.functions.fd_fdstat_get!(3, 400);
  program.functions.fd_fdstat_get!(directory, 500);
  assert.deepEqual(program.bytes.slice(500, 524), program.bytes.slice(400, 424));
  assert.equal(program.view.getBigUint64(408, true), 129498624n);
  assert.equal(program.view.getBigUint64(416, true), 267911167n);
});

test("narrowed rights go on to what is opened, and more than they allow cannot be asked for", () => {
  const program = start();
  const all = 129498624n;
  assert.equal(program.functions.fd_fdstat_set_rights!(3, all, READ | 4n), 0);
  assert.equal(program.functions.path_open!(3, 0, 100, 3, 0, READ | WRITE, 0n, 0, 300), ERRNO.NOTCAPABLE);
  assert.equal(program.functions.path_open!(3, 0, 100, 3, 0, READ, WRITE, 0, 300), ERRNO.NOTCAPABLE);
  const fd = program.open(S_IFREG, 60, READ);
  program.functions.fd_fdstat_get!(fd, 400);
  assert.equal(program.view.getBigUint64(408, true), READ);
  assert.equal(program.functions.fd_tell!(fd, 400), ERRNO.NOTCAPABLE);
  assert.equal(program.functions.fd_fdstat_set_rights!(3, all | 1n, 0n), ERRNO.NOTCAPABLE);
});

test("a full table is EMFILE before anything is opened, and the lowest free number comes next", () => {
  let next = 90;
  const program = testProgram({ maxDescriptors: 6, host: ({ name }) => (name === "openat2" ? next++ : 0) });
  program.put(100, "x");
  const open = () =>
    program.functions.path_open!(3, 0, 100, 1, 0, READ, 0n, 0, 300) || -program.view.getUint32(300, true);
  assert.deepEqual([open(), open()], [-4, -5]);
  const before = program.calls.length;
  assert.equal(open(), ERRNO.MFILE);
  assert.equal(program.calls.length, before);
  assert.equal(program.functions.fd_close!(4), 0);
  assert.equal(program.functions.fd_close!(1), 0);
  assert.deepEqual([open(), open()], [-1, -4]);
});

test("a host that hands out a descriptor it has given already ends the keep", () => {
  const program = testProgram({ host: ({ name }) => (name === "openat2" ? 13 : 0) });
  program.put(100, "x");
  assert.throws(() => program.functions.path_open!(3, 0, 100, 1, 0, READ, 0n, 0, 300), /unreachable/);
});
