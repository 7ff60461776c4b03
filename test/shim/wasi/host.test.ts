// The shim over the host of this project, in one thread: real files, and the ways bytes can take.
import assert from "node:assert/strict";
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { createEngine } from "#src/guest/index.js";
import { createHost, DescriptorTable, descriptorRows, Ended, type Observer } from "#src/host/index.js";
import { addressOf } from "#src/kernel/index.js";
import { Right } from "#src/sallyport/call.js";
import { Block } from "#src/sallyport/index.js";
import { createWasi } from "#src/shim/wasi/index.js";
import { WebAssembly } from "#src/wasm/index.js";
import { bytesOf, type WasiFunction } from "./program.js";

const PAGE = 65536;
const DIRECTORY = 3;
const ALL = 2n ** 64n - 1n;

interface Way {
  readonly window?: boolean;
  readonly blockBytes?: number;
  readonly shared?: boolean;
  readonly pages?: number;
  readonly observer?: Observer;
}

/** A program whose directory is real. Its host closes what is left when the test ends. */
function start(t: TestContext, directory: string, way: Way = {}) {
  const { window = false, blockBytes = 69632, shared = false, pages = 4, observer } = way;
  const table = new DescriptorTable(descriptorRows(64));
  const streams = [
    table.add(openSync("/dev/null", constants.O_RDONLY), Right.READ, true),
    table.add(openSync("/dev/null", constants.O_WRONLY), Right.WRITE, true),
    table.add(openSync("/dev/null", constants.O_WRONLY), Right.WRITE, true),
  ];
  // One number is taken and free again, so that the program's numbers and the host's differ.
  table.add(openSync("/dev/null", constants.O_RDONLY), Right.READ, true);
  const native = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  const granted = table.add(native, Right.READ | Right.CHANGE | Right.LOOKUP, true);
  closeSync(table.remove(3));
  const memory = new WebAssembly.Memory({ initial: pages, maximum: 2 * pages, shared });
  let bytes: Uint8Array = new Uint8Array(memory.buffer);
  const block = new Block(new ArrayBuffer(blockBytes));
  const seen = { address: () => addressOf(bytes), bytes: () => bytes };
  const host = createHost({
    block,
    descriptors: table,
    ...(window && { window: seen }),
    ...(observer && { observer }),
  });
  const sally = (): number => {
    const result = host.execute();
    if (host.ended() !== Ended.NO) wasi.trap();
    return result;
  };
  const engine = createEngine({ block, sally, window });
  const wasi = createWasi({
    engine,
    args: [],
    env: [],
    descriptors: [
      { descriptor: streams[0]!, kind: "input" },
      { descriptor: streams[1]!, kind: "output" },
      { descriptor: streams[2]!, kind: "output" },
      { descriptor: granted, kind: "directory", name: bytesOf("/") },
    ],
    memoryChanged: (buffer) => {
      bytes = new Uint8Array(buffer);
    },
  });
  wasi.bind(memory);
  t.after(() => host.close());
  const functions = wasi.imports().wasi_snapshot_preview1 as Record<string, WasiFunction>;
  return {
    functions,
    memory,
    view: () => new DataView(memory.buffer),
    bytes: () => new Uint8Array(memory.buffer),
    open(path: string, oflags = 0, fdflags = 0): number {
      const name = bytesOf(path);
      new Uint8Array(memory.buffer).set(name, 16);
      const error = functions.path_open!(DIRECTORY, 1, 16, name.length, oflags, ALL, ALL, fdflags, 8);
      return error === 0 ? new DataView(memory.buffer).getUint32(8, true) : -error;
    },
  };
}

function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "postern-shim-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

const buffers = fc.array(
  fc.record({ start: fc.integer({ min: 4096, max: 150_000 }), length: fc.oneof(fc.nat(70), fc.nat(40_000)) }),
  { maxLength: 5 },
);
const offset = fc.nat(100_000);
const step = fc.oneof(
  fc.record({ name: fc.constantFrom("fd_read", "fd_write"), buffers }),
  fc.record({ name: fc.constantFrom("fd_pread", "fd_pwrite"), buffers, offset }),
  fc.record({ name: fc.constant("fd_seek"), offset, whence: fc.constantFrom(0, 1, 2) }),
  fc.record({ name: fc.constant("fd_filestat_set_size"), offset }),
);
type Step = { name: string; buffers?: { start: number; length: number }[]; offset?: number; whence?: number };

/** Carries a step out. @returns error, and what was stored as the result */
function carry(program: ReturnType<typeof start>, fd: number, each: Step): [number, bigint] {
  const view = program.view();
  view.setBigUint64(0, 0n, true);
  for (const [index, { start: at, length }] of (each.buffers ?? []).entries()) {
    view.setUint32(1024 + 8 * index, at, true);
    view.setUint32(1028 + 8 * index, length, true);
  }
  const count = each.buffers?.length ?? 0;
  const at = BigInt(each.offset ?? 0);
  const { fd_seek, fd_filestat_set_size, [each.name]: move } = program.functions;
  let error: number;
  if (each.name === "fd_seek") error = fd_seek!(fd, at, each.whence!, 0);
  else if (each.name === "fd_filestat_set_size") error = fd_filestat_set_size!(fd, at);
  else error = each.offset === undefined ? move!(fd, 1024, count, 0) : move!(fd, 1024, count, at, 0);
  return [error, program.view().getBigUint64(0, true)];
}

const digest = (program: ReturnType<typeof start>) => Buffer.from(program.bytes().subarray(4096)).toString("latin1");

test("through the block, a small block or the window, any course of reading and writing ends the same", (t) => {
  const directory = temporary(t);
  const ways: Way[] = [{}, { blockBytes: 4096 }, { window: true }, { shared: true }];
  const append = 1;
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 8 }), fc.boolean(), (steps, appends) => {
      const outcomes = ways.map((way, index) => {
        const path = `file-${index}`;
        writeFileSync(
          join(directory, path),
          Uint8Array.from({ length: 50_000 }, (_, i) => (i * 31) >> 3),
        );
        const program = start(t, directory, way);
        const bytes = program.bytes();
        for (let i = 4096; i < bytes.length; i++) bytes[i] = (i * 17) >> 2;
        const fd = program.open(path, 0, appends ? append : 0);
        const results = steps.map((each) => carry(program, fd, each));
        assert.equal(program.functions.fd_close!(fd), 0);
        return { results, memory: digest(program), file: readFileSync(join(directory, path)).toString("latin1") };
      });
      for (const outcome of outcomes) assert.deepEqual(outcome.results, outcomes[0]!.results);
      for (const outcome of outcomes) {
        assert.ok(outcome.memory === outcomes[0]!.memory, "the program's memory is the same");
        assert.ok(outcome.file === outcomes[0]!.file, "the file is the same");
      }
    }),
    { numRuns: 25 },
  );
});

test("memory that has grown is read and written at its new end, also through the window", (t) => {
  const directory = temporary(t);
  for (const way of [{}, { window: true }]) {
    const program = start(t, directory, way);
    const fd = program.open("grown", 1);
    program.memory.grow(1);
    program.bytes().set(bytesOf("behind"), 4 * PAGE + 10);
    program.view().setUint32(1024, 4 * PAGE + 10, true);
    program.view().setUint32(1028, 6, true);
    assert.equal(program.functions.fd_write!(fd, 1024, 1, 0), 0);
    assert.equal(readFileSync(join(directory, "grown"), "utf8"), "behind");
    program.view().setUint32(1024, 5 * PAGE - 6, true);
    assert.equal(program.functions.fd_pread!(fd, 1024, 1, 0n, 0), 0);
    assert.equal(new TextDecoder().decode(program.bytes().slice(5 * PAGE - 6)), "behind");
    program.functions.fd_close!(fd);
  }
});

test("large transfers of files are whole, and Linux moves no more than 4 MiB at once, so that a keep can stop between", (t) => {
  const directory = temporary(t);
  const lengths: number[] = [];
  const observer: Observer = {
    after: ({ plan, words }) => {
      if (plan.transferIn || plan.name.includes("read")) lengths.push(words[4]!);
    },
  };
  const program = start(t, directory, { window: true, pages: 200, observer });
  const fd = program.open("large", 1);
  const length = 10 * 2 ** 20 + 3;
  program.bytes().fill(7, PAGE, PAGE + length);
  program.view().setUint32(1024, PAGE, true);
  program.view().setUint32(1028, length, true);
  const { fd_write, fd_pwrite, fd_pread, fd_seek, fd_read } = program.functions;
  for (const move of [
    () => fd_write!(fd, 1024, 1, 0),
    () => fd_pwrite!(fd, 1024, 1, 0n, 0),
    () => fd_pread!(fd, 1024, 1, 0n, 0),
    () => fd_seek!(fd, 0n, 0, 0) || fd_read!(fd, 1024, 1, 0),
  ]) {
    lengths.length = 0;
    assert.equal(move(), 0);
    assert.equal(program.view().getUint32(0, true), length);
    assert.deepEqual(lengths, [4 * 2 ** 20, 4 * 2 ** 20, 2 * 2 ** 20 + 3]);
  }
  assert.equal(statSync(join(directory, "large")).size, length);
});

test("filestat and readdir agree with the file system", (t) => {
  const directory = temporary(t);
  writeFileSync(join(directory, "file"), "text");
  symlinkSync("file", join(directory, "link"));
  const program = start(t, directory);
  assert.equal(program.functions.fd_readdir!(DIRECTORY, 4096, 4096, 0n, 0), 0);
  const view = program.view();
  const inodes = new Map<string, bigint>();
  for (let at = 4096; at < 4096 + view.getUint32(0, true); ) {
    const length = view.getUint32(at + 16, true);
    const name = new TextDecoder().decode(program.bytes().slice(at + 24, at + 24 + length));
    inodes.set(name, view.getBigUint64(at + 8, true));
    at += 24 + length;
  }
  assert.deepEqual([...inodes.keys()].sort(), [".", "..", "file", "link"]);
  assert.equal(inodes.get("."), statSync(directory, { bigint: true }).ino);
  const expected = statSync(join(directory, "file"), { bigint: true });
  program.bytes().set(bytesOf("file"), 16);
  assert.equal(program.functions.path_filestat_get!(DIRECTORY, 0, 16, 4, 64), 0);
  const words = Array.from({ length: 8 }, (_, index) => view.getBigUint64(64 + 8 * index, true));
  const { dev, ino, nlink, size, atimeNs, mtimeNs, ctimeNs } = expected;
  assert.deepEqual(words, [dev, ino, 4n, nlink, size, atimeNs, mtimeNs, ctimeNs]);
  assert.equal(inodes.get("file"), ino);
});

test("what leads out of the directory is EPERM, whichever way", (t) => {
  const directory = temporary(t);
  symlinkSync("/etc/passwd", join(directory, "absolute"));
  symlinkSync("../../etc/passwd", join(directory, "relative"));
  const program = start(t, directory);
  const EPERM = 63;
  for (const path of ["/etc/passwd", "../x", "absolute", "relative", "absolute/x"]) {
    assert.equal(program.open(path), -EPERM, path);
  }
});
