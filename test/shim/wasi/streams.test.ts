import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Host, S_IFCHR, S_IFIFO, S_IFREG, testProgram } from "./program.js";

const EBADF = 8;
const EAGAIN = 6;
const EINVAL = 28;
const EISDIR_LINUX = 21;
const ESPIPE = 70;
const ESPIPE_LINUX = 29;

/** A host with one file: reads and writes move its position. `most` bytes move in one call. */
function fileHost(content: Uint8Array, most = Number.MAX_SAFE_INTEGER) {
  const state = { content, position: 0 };
  const host: Host = ({ name, numbers, data }) => {
    const at = numbers.offset === undefined ? state.position : Number(numbers.offset);
    const buffer = data.buf!;
    const count = Math.min(buffer?.length ?? 0, most);
    if (name === "read" || name === "pread64") {
      const part = state.content.subarray(at, at + count);
      buffer.set(part);
      if (name === "read") state.position += part.length;
      return part.length;
    }
    if (name === "write" || name === "pwrite64") {
      const larger = new Uint8Array(Math.max(state.content.length, at + count));
      larger.set(state.content);
      larger.set(buffer.subarray(0, count), at);
      state.content = larger;
      if (name === "write") state.position += count;
      return count;
    }
    return -EISDIR_LINUX;
  };
  return { state, host };
}

const sequence = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 255);

test("fd_read fills one buffer by one call", () => {
  const { host } = fileHost(sequence(100));
  const program = testProgram({ host });
  const fd = program.open(S_IFREG, 40);
  program.calls.length = 0;
  program.iovecs(0, [1000, 64]);
  assert.equal(program.functions.fd_read!(fd, 0, 1, 16), 0);
  assert.equal(program.view.getUint32(16, true), 64);
  assert.deepEqual(program.bytes.slice(1000, 1064), sequence(100).slice(0, 64));
  assert.deepEqual(
    program.calls.map(({ name, numbers }) => [name, numbers.fd]),
    [["read", 40n]],
  );
});

test("several buffers are one call", () => {
  const { host, state } = fileHost(new Uint8Array(0));
  const program = testProgram({ host });
  const fd = program.open(S_IFREG, 40);
  program.calls.length = 0;
  program.put(1000, "Hello, ");
  program.put(2000, "world");
  program.iovecs(0, [1000, 7], [0, 0], [2000, 5]);
  assert.equal(program.functions.fd_write!(fd, 0, 3, 100), 0);
  assert.equal(program.view.getUint32(100, true), 12);
  assert.equal(new TextDecoder().decode(state.content), "Hello, world");
  assert.equal(program.calls.length, 1);
});

test("any buffers over any block read and write what a single large call would", () => {
  const buffers = fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 12 });
  const positioned = fc.boolean();
  fc.assert(
    fc.property(buffers, fc.constantFrom(256, 512, 1024, 69632), positioned, (lengths, blockBytes, atPosition) => {
      const content = sequence(3000);
      const reading = fileHost(content);
      const program = testProgram({ host: reading.host, blockBytes, pages: 2 });
      const fd = program.open(S_IFREG, 40);
      let at = 70000;
      const vectors = lengths.map((length) => {
        at += length + 3;
        return [at - length, length] as const;
      });
      program.iovecs(1024, ...vectors);
      const total = lengths.reduce((sum, each) => sum + each, 0);
      const offset = atPosition ? 100 : 0;
      const { fd_read, fd_pread, fd_write, fd_pwrite } = program.functions;
      const read = () =>
        atPosition ? fd_pread!(fd, 1024, lengths.length, 100n, 16) : fd_read!(fd, 1024, lengths.length, 16);
      assert.equal(read(), 0);
      const expected = Math.min(total, content.length - offset);
      assert.equal(program.view.getUint32(16, true), expected);
      const got = vectors.flatMap(([start, length]) => [...program.bytes.subarray(start, start + length)]);
      assert.deepEqual(got.slice(0, expected), [...content.subarray(offset, offset + expected)]);

      reading.state.content = new Uint8Array(0);
      reading.state.position = 0;
      const write = () =>
        atPosition ? fd_pwrite!(fd, 1024, lengths.length, 100n, 16) : fd_write!(fd, 1024, lengths.length, 16);
      assert.equal(write(), 0);
      assert.equal(program.view.getUint32(16, true), total);
      if (total > 0) assert.deepEqual([...reading.state.content.subarray(offset)], got);
    }),
    { numRuns: 300 },
  );
});

test("a short count ends a transfer, and an error after some bytes is dropped", () => {
  let left = 2;
  const program = testProgram({
    blockBytes: 256,
    pages: 1,
    host: ({ name, data }) => (name !== "write" ? -38 : left-- > 0 ? data.buf!.length : -28),
  });
  const fd = program.open(S_IFREG, 40);
  program.iovecs(0, [1000, 1000]);
  assert.equal(program.functions.fd_write!(fd, 0, 1, 16), 0);
  assert.equal(program.view.getUint32(16, true), 2 * 152);
  assert.equal(program.functions.fd_write!(fd, 0, 1, 16), 51);
});

test("a standard stream takes everything, though somebody made it nonblocking; a file's short count stands", () => {
  const sizes: number[] = [];
  const program = testProgram({
    blockBytes: 256,
    host: ({ name, data }) => {
      if (name !== "write") return -38;
      sizes.push(data.buf!.length);
      return sizes.length === 5 ? -32 : Math.min(data.buf!.length, 60);
    },
  });
  const write = (fd: number, length: number): number => {
    sizes.length = 0;
    program.iovecs(0, [1000, length]);
    assert.equal(program.functions.fd_write!(fd, 0, 1, 16), 0);
    return program.view.getUint32(16, true);
  };
  assert.equal(write(1, 100), 100, "what fits the block");
  assert.deepEqual(sizes, [100, 40]);
  assert.equal(write(1, 200), 200, "what does not");
  assert.equal(write(1, 1000), 4 * 60, "up to an error");
  assert.equal(write(program.open(S_IFREG, 40), 100), 60);
  assert.deepEqual(sizes, [100]);
});

test("reading a pipe never asks a second time: the next read could wait", () => {
  const program = testProgram({
    blockBytes: 256,
    host: ({ name, data }) => (name === "read" ? data.buf!.length : -38),
  });
  const fd = program.open(S_IFIFO, 40);
  program.calls.length = 0;
  program.iovecs(0, [1000, 1000]);
  assert.equal(program.functions.fd_read!(fd, 0, 1, 16), 0);
  assert.equal(program.view.getUint32(16, true), 152);
  assert.equal(program.calls.length, 1);
});

test("no bytes are no call, but the descriptor is checked", () => {
  const program = testProgram();
  const readable = program.open(S_IFREG, 40, 2n);
  program.calls.length = 0;
  for (const [fd, expected] of [
    [readable, EBADF],
    [1, 0],
    [0, EBADF],
    [3, EBADF],
    [99, EBADF],
  ] as const) {
    assert.equal(program.functions.fd_write!(fd, 0, 0, 16), expected, `fd ${fd}`);
  }
  assert.equal(program.functions.fd_read!(readable, 0, 0, 16), 0);
  assert.deepEqual(program.calls, []);
});

test("standard streams read and write only their own way, and have no position", () => {
  const program = testProgram({ host: ({ data }) => data.buf!.length });
  program.iovecs(0, [1000, 4]);
  const { fd_read, fd_write, fd_pread, fd_pwrite, fd_seek, fd_tell } = program.functions;
  assert.equal(fd_read!(0, 0, 1, 16), 0);
  assert.equal(fd_write!(0, 0, 1, 16), EBADF);
  assert.equal(fd_read!(1, 0, 1, 16), EBADF);
  assert.equal(fd_write!(2, 0, 1, 16), 0);
  for (const fd of [0, 1, 2]) {
    assert.equal(fd_pread!(fd, 0, 1, 0n, 16), ESPIPE);
    assert.equal(fd_pwrite!(fd, 0, 1, 0n, 16), ESPIPE);
    assert.equal(fd_seek!(fd, 0n, 1, 16), ESPIPE);
    assert.equal(fd_tell!(fd, 16), ESPIPE);
  }
});

test("positions above 2^63-1 and ends beyond them are EINVAL without a call", () => {
  const program = testProgram();
  const fd = program.open(S_IFREG, 40);
  program.calls.length = 0;
  program.iovecs(0, [1000, 4]);
  for (const name of ["fd_pread", "fd_pwrite"]) {
    assert.equal(program.functions[name]!(fd, 0, 1, -1n, 16), EINVAL);
    assert.equal(program.functions[name]!(fd, 0, 1, 2n ** 63n - 4n, 16), EINVAL);
  }
  assert.deepEqual(program.calls, []);
});

test("fd_seek passes any 64-bit offset and returns any 64-bit position", () => {
  const position = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
  const offset = fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.constantFrom(0n, -1n, 2n ** 31n, 2n ** 31n - 1n, -(2n ** 31n), -(2n ** 31n) - 1n, 2n ** 53n, -(2n ** 53n)),
  );
  fc.assert(
    fc.property(offset, position, fc.constantFrom(0, 1, 2), (by, becomes, whence) => {
      const program = testProgram({ host: () => becomes });
      const fd = program.open(S_IFREG, 40);
      assert.equal(program.functions.fd_seek!(fd, by, whence, 16), 0);
      const { numbers } = program.calls.at(-1)!;
      assert.deepEqual([numbers.offset, numbers.whence, numbers.fd], [by, BigInt(whence), 40n]);
      assert.equal(program.view.getBigUint64(16, true), becomes);
    }),
    { numRuns: 200 },
  );
});

test("whence beyond the three is EINVAL, before the descriptor; Linux would take 3 and 4", () => {
  const program = testProgram();
  for (const whence of [3, 4, 255, 256, -1]) assert.equal(program.functions.fd_seek!(99, 0n, whence, 16), EINVAL);
});

test("the older generation numbers whence cur, end, set", () => {
  const program = testProgram({ host: () => 5 });
  const fd = program.open(S_IFREG, 40);
  program.calls.length = 0;
  for (const whence of [0, 1, 2]) assert.equal(program.unstable.fd_seek!(fd, 7n, whence, 16), 0);
  assert.deepEqual(
    program.calls.map(({ numbers }) => numbers.whence),
    [1n, 2n, 0n],
  );
});

test("a character device without a position is a terminal: no seeking, and isatty can tell", () => {
  const program = testProgram({ host: () => -ESPIPE_LINUX });
  const fd = program.open(S_IFCHR, 40);
  assert.equal(program.functions.fd_seek!(fd, 0n, 0, 16), ESPIPE);
  assert.equal(program.functions.fd_fdstat_get!(fd, 64), 0);
  assert.equal(program.view.getUint8(64), 2);
  assert.equal(program.view.getUint32(72, true) & ((1 << 2) | (1 << 5)), 0);
});

test("a standard stream that must not wait is asked first, and its own flags stay", () => {
  let ready = 0;
  const program = testProgram({
    host: ({ name, data }) => {
      if (name !== "ppoll") return Math.min(data.buf!.length, 100_000);
      new DataView(data.fds!.buffer, data.fds!.byteOffset).setUint16(6, ready, true);
      return ready === 0 ? 0 : 1;
    },
  });
  assert.equal(program.functions.fd_fdstat_set_flags!(0, 4), 0);
  assert.equal(program.functions.fd_fdstat_set_flags!(1, 4 | 1), 0);
  assert.deepEqual(program.calls, []);
  program.iovecs(0, [1000, 10000]);
  assert.equal(program.functions.fd_read!(0, 0, 1, 16), EAGAIN);
  assert.equal(program.functions.fd_write!(1, 0, 1, 16), EAGAIN);
  ready = 1;
  assert.equal(program.functions.fd_read!(0, 0, 1, 16), 0);
  ready = 4;
  assert.equal(program.functions.fd_write!(1, 0, 1, 16), 0);
  assert.equal(program.view.getUint32(16, true), 4096);
  assert.deepEqual(
    program.calls.map(({ name }) => name),
    ["ppoll", "ppoll", "ppoll", "read", "ppoll", "write"],
  );
  assert.equal(program.functions.fd_fdstat_get!(1, 64), 0);
  assert.equal(program.view.getUint16(66, true), 4);
  assert.equal(program.functions.fd_fdstat_set_flags!(1, 2), EINVAL);
});
