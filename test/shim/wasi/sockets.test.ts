import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf, type Host, type Options, testProgram } from "./program.js";

const ERRNO = { AGAIN: 6, MSGSIZE: 35, NOTSUP: 58, PIPE: 64 };
const MSG_NOSIGNAL = 0x4000n;
const [PEEK, WAITALL] = [1, 2];
const TRUNCATED = 1;
const STREAM = 3;
const DATAGRAM = 4;

/** A program with a stream socket as 3 and a datagram socket as 4. */
const start = (host: Host, more: Options = {}) =>
  testProgram({
    host,
    descriptors: [
      { descriptor: 0, kind: "input" },
      { descriptor: 1, kind: "output" },
      { descriptor: 2, kind: "output" },
      { descriptor: 13, kind: "stream" },
      { descriptor: 14, kind: "datagram" },
    ],
    ...more,
  });

test("accepting makes a socket of the same kind that waits unless asked not to", () => {
  let next = 50;
  const program = start(() => next++);
  assert.equal(program.functions.sock_accept!(STREAM, 0, 16), 0);
  assert.equal(program.functions.sock_accept!(STREAM, 4, 20), 0);
  assert.deepEqual([program.view.getUint32(16, true), program.view.getUint32(20, true)], [5, 6]);
  assert.deepEqual(
    program.calls.map(({ numbers }) => numbers.flags),
    [0n, 0x800n],
  );
  for (const [fd, flags] of [
    [5, 0],
    [6, 4],
  ] as const) {
    assert.equal(program.functions.fd_fdstat_get!(fd, 64), 0);
    assert.deepEqual([program.view.getUint8(64), program.view.getUint16(66, true)], [6, flags]);
  }
});

test("accepting on a datagram socket is ENOTSUP", () => {
  assert.equal(start(() => -95).functions.sock_accept!(DATAGRAM, 0, 16), ERRNO.NOTSUP);
});

test("receiving fills the buffers and tells when a datagram was cut", () => {
  const program = start(({ name, data }) => {
    if (name !== "recvmsg") return -38;
    data.buf!.set(bytesOf("abcdefgh").subarray(0, data.buf!.length));
    new DataView(data.msg_flags!.buffer, data.msg_flags!.byteOffset).setUint32(0, 0x20, true);
    return Math.min(8, data.buf!.length);
  });
  program.iovecs(0, [1000, 3], [2000, 4]);
  assert.equal(program.functions.sock_recv!(DATAGRAM, 0, 2, PEEK, 16, 20), 0);
  assert.equal(program.view.getUint32(16, true), 7);
  assert.equal(program.view.getUint16(20, true), TRUNCATED);
  assert.equal(new TextDecoder().decode(program.bytes.slice(1000, 1003)), "abc");
  assert.equal(new TextDecoder().decode(program.bytes.slice(2000, 2004)), "defg");
  assert.equal(program.calls[0]!.numbers.flags, 2n);
});

test("waiting for all goes on over several blocks, and stops at the end of the stream", () => {
  let left = 500;
  const program = start(
    ({ data }) => {
      const part = Math.min(left, data.buf!.length);
      left -= part;
      return part;
    },
    { blockBytes: 256 },
  );
  program.iovecs(0, [1000, 1000]);
  assert.equal(program.functions.sock_recv!(STREAM, 0, 1, WAITALL, 16, 20), 0);
  assert.equal(program.view.getUint32(16, true), 500);
  left = 500;
  program.calls.length = 0;
  assert.equal(program.functions.sock_recv!(STREAM, 0, 1, 0, 16, 20), 0);
  assert.equal(program.calls.length, 1, "without it the first part is enough");
});

test("no room receives nothing from a stream without a call, and drops a datagram", () => {
  const program = start(() => 0);
  assert.equal(program.functions.sock_recv!(STREAM, 0, 0, 0, 16, 20), 0);
  assert.deepEqual(program.calls, []);
  assert.equal(program.functions.sock_recv!(DATAGRAM, 0, 0, 0, 16, 20), 0);
  assert.equal(program.calls.length, 1);
});

test("sending never raises a signal, by either function, and goes on until all is sent", () => {
  const sent: number[] = [];
  const program = start(
    ({ data }) => {
      sent.push(...data.buf!);
      return data.buf!.length;
    },
    { blockBytes: 256 },
  );
  for (const name of ["sock_send", "fd_write"] as const) {
    sent.length = 0;
    program.bytes.set(
      Uint8Array.from({ length: 400 }, (_, i) => i & 255),
      1000,
    );
    program.iovecs(0, [1000, 100], [1100, 300]);
    const { [name]: send } = program.functions;
    assert.equal(name === "sock_send" ? send!(STREAM, 0, 2, 0, 16) : send!(STREAM, 0, 2, 16), 0);
    assert.equal(program.view.getUint32(16, true), 400);
    assert.deepEqual(sent, [...program.bytes.subarray(1000, 1400)]);
  }
  assert.ok(program.calls.every(({ name, numbers }) => name === "sendto" && numbers.flags === MSG_NOSIGNAL));
});

test("a datagram goes in one piece or not at all", () => {
  const program = start(({ data }) => data.buf!.length, { blockBytes: 256 });
  program.iovecs(0, [1000, 153]);
  assert.equal(program.functions.sock_send!(DATAGRAM, 0, 1, 0, 16), ERRNO.MSGSIZE);
  assert.equal(program.calls.length, 0);
  program.iovecs(0, [1000, 100], [3000, 20]);
  assert.equal(program.functions.sock_send!(DATAGRAM, 0, 2, 0, 16), 0);
  assert.equal(program.functions.sock_send!(DATAGRAM, 0, 0, 0, 16), 0);
  assert.deepEqual(
    program.calls.map(({ data }) => data.buf?.length ?? 0),
    [120, 0],
  );
});

test("what Linux says of a socket is passed on", () => {
  for (const [linux, wasi] of [
    [11, ERRNO.AGAIN],
    [32, ERRNO.PIPE],
  ] as const) {
    const program = start(() => -linux);
    program.iovecs(0, [1000, 10]);
    assert.equal(program.functions.sock_send!(STREAM, 0, 1, 0, 16), wasi);
    assert.equal(program.functions.sock_recv!(STREAM, 0, 1, 0, 16, 20), wasi);
    assert.equal(program.functions.fd_read!(STREAM, 0, 1, 16), wasi);
  }
});

test("shutting down is one less on Linux", () => {
  const program = start(() => 0);
  for (const how of [1, 2, 3]) assert.equal(program.functions.sock_shutdown!(STREAM, how), 0);
  assert.deepEqual(
    program.calls.map(({ numbers }) => numbers.how),
    [0n, 1n, 2n],
  );
});
