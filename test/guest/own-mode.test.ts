import assert from "node:assert/strict";
import { test } from "node:test";
import { createEngine, createHandler, request } from "postern/guest";
import { Block, type CallName, plans } from "postern/sallyport";
import { WebAssembly } from "#src/wasm/engine.js";
import { prepare } from "../vectors/kinds/sallyport-guest.js";
import { readCases, type VectorCase, vectorFiles } from "../vectors/replay.js";

/** Makes the recorded call without compatible mode. @returns the block as it was handed over, null if it never was */
function handedOver(vector: VectorCase): Uint8Array | null {
  const block = Block.ofWords(vector.blockWords);
  block.bytes.fill(Number.parseInt(vector.fill, 16));
  let handed: Uint8Array | null = null;
  const sally = (): number => {
    handed ??= block.bytes.slice();
    return 0;
  };
  const handler = createHandler({ engine: createEngine({ block, sally }) });
  const method = handler[vector.call as CallName] as unknown as (...args: unknown[]) => unknown;
  method(...prepare(vector.args).args);
  return handed;
}

test("between peers of this implementation a block differs from the original's only in bytes that are cleared", () => {
  const cases = readCases(vectorFiles("sallyport-guest.jsonl")[0]!).filter(
    ({ call, before }) => before !== null && Object.hasOwn(plans, call),
  );
  assert.ok(cases.length > 500);
  let cleared = 0;
  for (const vector of cases) {
    const handed = handedOver(vector);
    assert.ok(handed !== null, vector.name);
    const recorded = Buffer.from(vector.before, "hex");
    const fill = Number.parseInt(vector.fill, 16);
    for (const [at, byte] of handed.entries()) {
      if (byte === recorded[at]) continue;
      assert.ok(byte === 0 && recorded[at] === fill, `${vector.name}: byte ${at} is ${byte}, recorded ${recorded[at]}`);
      cleared++;
    }
  }
  assert.ok(cleared > 0);
});

test("a block whose memory is gone after the hand-over is EFAULT, by every way", () => {
  const bytes = new Uint8Array(64);
  const memory = { bytes, longs: new BigUint64Array(bytes.buffer) };
  const ways = [
    (keep: Keep) => keep.engine.numbers(plans.close, 3),
    (keep: Keep) => keep.engine.transfer(plans.read, 3, memory, 0, 8),
    (keep: Keep) => keep.engine.fill(plans.getrandom, memory, 0, 8, 0),
    (keep: Keep) => keep.engine.seek(plans.lseek, 3, 0, 0, 0),
    (keep: Keep) => keep.engine.clock(1),
    (keep: Keep) => keep.engine.call(plans.read, 3, bytes),
    (keep: Keep) => Number(keep.handler.mem_info()),
    (keep: Keep) => keep.handler.batch([request("close", 3)]) as number,
  ];
  for (const way of ways) {
    const keep = growingKeep();
    assert.equal(way(keep), -14, String(way));
    assert.ok(bytes.every((byte) => byte === 0));
  }
});

type Keep = ReturnType<typeof growingKeep>;

/** A keep whose block lies in memory of WebAssembly, which the hand-over grows: that detaches the block. */
function growingKeep() {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const engine = createEngine({
    block: new Block(memory.buffer, 0, 4096),
    sally: () => {
      new Uint8Array(memory.buffer).fill(2, 0, 4096);
      memory.grow(1);
      return 0;
    },
  });
  return { engine, handler: createHandler({ engine }) };
}
