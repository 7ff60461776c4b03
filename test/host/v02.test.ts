/** The older generation from end to end: handlers inside, this process's own system calls outside. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Block, FlatMemory, Register, request, SyscallHandler } from "postern/sallyport/v02";
import { executeBlock, newBlock, requestSyscall } from "#src/host/v02.js";

const BASE = 0x1000n;
const none = () => ({ err: 38 });

function keep() {
  const memory = new FlatMemory(new Uint8Array(65536), BASE);
  const block = newBlock();
  const handler = new SyscallHandler({
    block,
    memory,
    sally: executeBlock,
    random: (target) => crypto.getRandomValues(target),
    shim: {
      brk: none,
      mmap: none,
      munmap: none,
      madvise: none,
      mprotect: none,
      arch_prctl: none,
      get_attestation: none,
    },
  });
  const call = (num: number, ...registers: (number | bigint)[]): number => {
    const result = handler.syscall(num, ...registers);
    return "err" in result ? -result.err : Number(BigInt.asIntN(64, result.ok[0].toBigInt()));
  };
  return { memory, block, call, view: new DataView(memory.bytes.buffer) };
}

test("bytes go through a pipe and come back, and a full poll tells of them", () => {
  const { memory, call, view } = keep();
  assert.equal(call(22, BASE), 0);
  const [reader, writer] = [view.getInt32(0, true), view.getInt32(4, true)];
  try {
    memory.bytes.set(new TextEncoder().encode("through the gate"), 64);
    assert.equal(call(1, writer, BASE + 64n, 16), 16);
    view.setInt32(128, -1, true);
    view.setInt32(136, reader, true);
    view.setInt16(140, 1, true);
    assert.equal(call(7, BASE + 128n, 2, 1000), 1);
    assert.equal(view.getInt16(142, true), 1);
    assert.equal(call(0, reader, BASE + 256n, 100), 16);
    assert.equal(new TextDecoder().decode(memory.bytes.slice(256, 272)), "through the gate");
  } finally {
    assert.equal(call(3, reader), 0);
    assert.equal(call(3, writer), 0);
  }
  assert.equal(call(3, writer), -9);
});

test("the clock is the machine's, and a clock that does not exist looks like a success", () => {
  const { call, view } = keep();
  assert.equal(call(228, 0, BASE), 0);
  assert.ok(Math.abs(Number(view.getBigInt64(0, true)) - Date.now() / 1000) < 5);
  assert.equal(call(228, 9999, BASE), 22);
});

test("a clock read to an address that is none is an error, not the end of the process", () => {
  for (const address of [0, 8, -1]) {
    assert.deepEqual(requestSyscall(request(228, 1, address)).ret[0], Register.from(14));
  }
});

test("a socket on the loopback accepts, tells its address, and carries data", () => {
  const { memory, call, view } = keep();
  const [listener, client] = [call(41, 2, 1, 0), call(41, 2, 1, 0)];
  const open = [listener, client];
  try {
    memory.bytes.set([2, 0, 0, 0, 127, 0, 0, 1], 0);
    assert.equal(call(49, listener, BASE, 16), 0);
    assert.equal(call(50, listener, 1), 0);
    view.setUint32(32, 16, true);
    assert.equal(call(51, listener, BASE, BASE + 32n), 0);
    assert.equal(view.getUint32(32, true), 16);
    assert.notEqual(view.getUint16(2), 0);
    assert.equal(call(42, client, BASE, 16), 0);
    view.setUint32(32, 8, true);
    const accepted = call(43, listener, BASE + 64n, BASE + 32n);
    assert.ok(accepted > 0);
    open.push(accepted);
    assert.deepEqual([...memory.bytes.slice(68, 76)], [127, 0, 0, 1, 0, 0, 0, 0]);
    assert.equal(view.getUint32(32, true), 16);
    memory.bytes.set(new TextEncoder().encode("ping"), 128);
    assert.equal(call(44, client, BASE + 128n, 4, 0, 0, 0), 4);
    assert.equal(call(45, accepted, BASE + 256n, 10, 0, 0, 0), 4);
    assert.equal(new TextDecoder().decode(memory.bytes.slice(256, 260)), "ping");
  } finally {
    for (const fd of open) assert.equal(call(3, fd), 0);
  }
});

test("the reply keeps the third argument in its second value", () => {
  assert.deepEqual(requestSyscall(request(3, -1, 0, 77)).ret, [Register.from(-9), Register.from(77)]);
});

test("numbers that no machine has are ENOSYS", () => {
  for (const num of [100_000, 2n ** 62n]) {
    assert.deepEqual(requestSyscall(request(num)).ret[0], Register.from(-38));
  }
});

test("a block is answered in place", () => {
  const block: Block = newBlock();
  block.message.writeRequest(request(3, -1, 2, 3, 4));
  executeBlock(block);
  assert.deepEqual(block.message.readReply().toResult(), { err: 9 });
  assert.equal(block.message.readRequest().arg[3]!.toBigInt(), 4n);
});
