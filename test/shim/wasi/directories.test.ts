import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Host, S_IFDIR, S_IFREG, testProgram } from "./program.js";

const EBADF = 8;
const ENOENT_LINUX = 2;
const DT = { DIR: 4, REG: 8, UNKNOWN: 0 };

interface Name {
  readonly name: string;
  readonly type: number;
}

/** A host with one directory, which delivers `batch` bytes of entries at a time, its own two in the middle. */
function directoryHost(names: readonly Name[], batch = 32768) {
  const state = { names: [...names], position: 0, reads: 0, rewinds: 0 };
  const host: Host = ({ name, data, numbers }) => {
    if (name === "lseek") {
      state.position = Number(numbers.offset);
      state.rewinds++;
      return state.position;
    }
    if (name === "statx") {
      const path = data.pathname === undefined ? undefined : new TextDecoder().decode(data.pathname);
      const found = state.names.some((each) => each.name === path);
      if (path !== undefined && !found) return -ENOENT_LINUX;
      const view = new DataView(data.statxbuf!.buffer, data.statxbuf!.byteOffset);
      view.setUint16(28, path === undefined ? S_IFDIR : S_IFREG, true);
      view.setBigUint64(32, 1234n, true);
      return 0;
    }
    if (name !== "getdents64") return -38;
    state.reads++;
    const entries = [...state.names];
    entries.splice(entries.length >> 1, 0, { name: ".", type: DT.DIR }, { name: "..", type: DT.DIR });
    const view = new DataView(data.dirp!.buffer, data.dirp!.byteOffset);
    let at = 0;
    for (; state.position < entries.length; state.position++) {
      const entry = entries[state.position]!;
      const bytes = new TextEncoder().encode(entry.name);
      const length = (19 + bytes.length + 1 + 7) & ~7;
      if (at + length > Math.min(batch, data.dirp!.length)) break;
      view.setBigUint64(at, entry.name === "." ? 1234n : BigInt(1000 + state.position), true);
      view.setBigUint64(at + 8, 0x7fffffffffffffffn, true);
      view.setUint16(at + 16, length, true);
      view.setUint8(at + 18, entry.type);
      data.dirp!.set(bytes, at + 19);
      data.dirp!.fill(0, at + 19 + bytes.length, at + length);
      at += length;
    }
    return at;
  };
  return { state, host };
}

/** Takes records apart as a C library would, up to one that is cut. */
function records(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const found: { name: string; next: bigint; inode: bigint; type: number }[] = [];
  for (let at = 0; at + 24 <= bytes.length; ) {
    const length = view.getUint32(at + 16, true);
    if (at + 24 + length > bytes.length) break;
    const name = new TextDecoder().decode(bytes.subarray(at + 24, at + 24 + length));
    const next = view.getBigUint64(at, true);
    found.push({ name, next, inode: view.getBigUint64(at + 8, true), type: view.getUint32(at + 20, true) });
    at += 24 + length;
  }
  return found;
}

const NAMES: readonly Name[] = [
  { name: "one", type: DT.REG },
  { name: "two", type: DT.DIR },
  { name: "three", type: DT.REG },
];

test("the shim makes . and .. itself, first, with the directory's own number", () => {
  const program = testProgram({ host: directoryHost(NAMES).host });
  assert.equal(program.functions.fd_readdir!(3, 1000, 4096, 0n, 16), 0);
  const used = program.view.getUint32(16, true);
  assert.deepEqual(records(program.bytes.slice(1000, 1000 + used)), [
    { name: ".", next: 1n, inode: 1234n, type: 3 },
    { name: "..", next: 2n, inode: 1234n, type: 3 },
    { name: "one", next: 3n, inode: 1000n, type: 4 },
    { name: "two", next: 4n, inode: 1003n, type: 3 },
    { name: "three", next: 5n, inode: 1004n, type: 4 },
  ]);
});

test("a listing costs the calls it needs: entries and their end, what tells the number only where no entry did", () => {
  const many = Array.from({ length: 40 }, (_, index) => ({ name: `name-${index}`, type: DT.REG }));
  const program = testProgram({ host: directoryHost(many, 256).host });
  const fd = program.open(S_IFDIR, 40);
  const calls = (length: number) => {
    program.calls.length = 0;
    assert.equal(program.functions.fd_readdir!(fd, 1000, length, 0n, 16), 0);
    return program.calls.map(({ name }) => name);
  };
  assert.deepEqual(calls(100), ["getdents64", "statx"]);
  assert.equal(program.view.getBigUint64(1008, true), 1234n);
  const whole = calls(60000);
  assert.deepEqual([whole[0], whole.indexOf("statx")], ["lseek", -1]);
  assert.equal(program.view.getBigUint64(1008, true), 1234n);
});

test("whatever the buffer and the batches, the bytes are those of one large read, and used is below len only at the end", () => {
  const name = fc.string({ unit: fc.constantFrom("a", "b", "ü", "z"), minLength: 1, maxLength: 40 });
  const names = fc.uniqueArray(name, { maxLength: 40 }).map((all) => all.map((each) => ({ name: each, type: DT.REG })));
  fc.assert(
    fc.property(names, fc.integer({ min: 0, max: 600 }), fc.integer({ min: 120, max: 1000 }), (all, room, batch) => {
      const program = testProgram({ host: directoryHost(all, batch).host });
      const read = (length: number, cookie: bigint) => {
        assert.equal(program.functions.fd_readdir!(3, 1000, length, cookie, 16), 0);
        return program.bytes.slice(1000, 1000 + program.view.getUint32(16, true));
      };
      const whole = read(60000, 0n);
      const expected = [".", "..", ...all.map((each) => each.name)];
      assert.deepEqual(
        records(whole).map((each) => each.name),
        expected,
      );
      const starts = [0];
      for (const { name: each } of records(whole)) starts.push(starts.at(-1)! + 24 + Buffer.byteLength(each));
      for (let cookie = 0; cookie <= expected.length + 1; cookie++) {
        const part = read(room, BigInt(cookie));
        const rest = whole.subarray(starts[cookie] ?? whole.length);
        assert.deepEqual(part, rest.slice(0, room));
      }
    }),
    { numRuns: 200 },
  );
});

test("names that go while a program reads shift nothing, and cookie 0 sees the directory as it is then", () => {
  const { host, state } = directoryHost(NAMES);
  const program = testProgram({ host });
  const { fd_readdir } = program.functions;
  assert.equal(fd_readdir!(3, 1000, 100, 0n, 16), 0);
  state.names.shift();
  assert.equal(fd_readdir!(3, 1000, 4096, 3n, 16), 0);
  assert.deepEqual(
    records(program.bytes.slice(1000, 1000 + program.view.getUint32(16, true))).map(({ name }) => name),
    ["two", "three"],
  );
  assert.equal(fd_readdir!(3, 1000, 4096, 0n, 16), 0);
  assert.deepEqual(
    records(program.bytes.slice(1000, 1000 + program.view.getUint32(16, true))).map(({ name }) => name),
    [".", "..", "two", "three"],
  );
});

test("a type that the file system does not tell is asked for, and an entry gone by then is left out", () => {
  const { host, state } = directoryHost([
    { name: "there", type: DT.UNKNOWN },
    { name: "gone", type: DT.UNKNOWN },
  ]);
  const program = testProgram({
    host: (call) => {
      if (call.name === "statx" && call.data.pathname !== undefined) {
        state.names = state.names.filter(({ name }) => name !== "gone");
      }
      return host(call);
    },
  });
  assert.equal(program.functions.fd_readdir!(3, 1000, 4096, 0n, 16), 0);
  const found = records(program.bytes.slice(1000, 1000 + program.view.getUint32(16, true)));
  assert.deepEqual(
    found.slice(2).map(({ name, type }) => [name, type]),
    [["there", 4]],
  );
});

test("files and streams cannot be listed: EBADF", () => {
  const program = testProgram();
  const fd = program.open(S_IFREG, 40);
  for (const each of [0, 1, fd, 99]) assert.equal(program.functions.fd_readdir!(each, 1000, 100, 0n, 16), EBADF);
});

test("entries that Linux never gives end the keep", () => {
  // Length of the record as it says, its name, and how many bytes the host claims to have written.
  const wrong: readonly [what: string, length: number, name: readonly number[], read: number][] = [
    ["a length of 0", 0, [97, 0], 24],
    ["a length beyond what was read", 48, [97, 0], 24],
    ["no zero behind the name", 24, [97, 97, 97, 97, 97], 24],
    ["no name", 24, [0], 24],
    ["a slash in the name", 24, [97, 47, 98, 0], 24],
    ["a torn record", 24, [97, 0], 20],
  ];
  for (const [what, length, name, read] of wrong) {
    const program = testProgram({
      host: (call) => {
        if (call.name !== "getdents64") return 0;
        const { dirp } = call.data;
        dirp!.fill(0, 0, 24);
        dirp!.set([length], 16);
        dirp!.set(name, 19);
        return read;
      },
    });
    assert.throws(() => program.functions.fd_readdir!(3, 1000, 4096, 0n, 16), /unreachable/, what);
  }
});
