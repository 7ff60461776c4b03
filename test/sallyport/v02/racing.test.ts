/** A host that changes the block while the guest reads it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { BLOCK_SIZE, Block, FlatMemory, SyscallHandler } from "postern/sallyport/v02";
import { PosternError } from "#src/errors.js";

const BASE = 0x1000n;
const ROUNDS = 3000;

/** Writes values from nothing to absurd over return values and the start of the buffer, without end. */
const RACER = `
  const { workerData } = require("node:worker_threads");
  const words = new Uint32Array(workerData);
  const values = [0, 8, 16, 17, 64, 0x7fffffff, 0xffffffff];
  for (let round = 0; ; round++) {
    words[0] = values[round % 7];
    words[1] = round % 11 === 0 ? 1 : 0;
    for (let at = 16; at < 32; at++) words[at] = values[(round + at) % 7];
  }
`;

function refuse() {
  return { err: 38 };
}

test("a reply and an address length that change while they are read never widen what is copied", async () => {
  const shared = new SharedArrayBuffer(BLOCK_SIZE);
  const racer = new Worker(RACER, { eval: true, workerData: shared });
  const outcomes = { returned: 0, attacked: 0 };
  try {
    await new Promise((resolve) => racer.once("online", resolve));
    for (let round = 0; round < ROUNDS; round++) {
      const memory = new FlatMemory(new Uint8Array(512).fill(0x41), BASE);
      new DataView(memory.bytes.buffer).setUint32(256, 16, true);
      const handler = new SyscallHandler({
        block: new Block(new Uint8Array(shared)),
        memory,
        sally: () => {},
        random: () => {},
        shim: {
          brk: refuse,
          mmap: refuse,
          munmap: refuse,
          madvise: refuse,
          mprotect: refuse,
          arch_prctl: refuse,
          get_attestation: refuse,
        },
      });
      try {
        const result = handler.syscall(45, 3, BASE, 16, 0, BASE + 128n, BASE + 256n);
        outcomes.returned++;
        if ("ok" in result) assert.ok(result.ok[0].high === 0 && result.ok[0].low <= 16);
      } catch (error) {
        assert.ok(error instanceof PosternError && error.code === "EATTACKED", String(error));
        outcomes.attacked++;
        assert.ok(memory.bytes.subarray(0, 256).every((byte) => byte === 0x41));
      }
      for (const [from, to] of [
        [16, 128],
        [144, 256],
        [260, 512],
      ] as const) {
        assert.ok(memory.bytes.subarray(from, to).every((byte) => byte === 0x41));
      }
    }
  } finally {
    await racer.terminate();
  }
  assert.equal(outcomes.returned + outcomes.attacked, ROUNDS);
});
