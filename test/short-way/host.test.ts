// The host of the short way does with any block what the host in JavaScript does.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import { executor } from "#src/kernel/executor.js";
import { items } from "#src/sallyport/block.js";
import { plans } from "#src/sallyport/calls.js";
import { BLOCK, ROWS } from "#src/short-way/index.js";
import { type Attempt, fill } from "./attempts.js";
import { attempt, CALLS } from "./blocks.js";
import { LIMIT, Side } from "./hosts.js";

const SEED = Date.now() | 0;
const skip = executor === undefined && "there is machine code for x86-64 only";
const STATX_MASKED: readonly (readonly [number, number])[] = [
  [32, 40], // the inode number
  [48, 56], // blocks, which are allocated late
  [64, 128], // times
];

/** A call as it was handed over: its number, its arguments, where its data lies. */
interface Call {
  readonly number: bigint;
  readonly args: readonly bigint[];
  readonly data: number;
  readonly dataLength: number;
}

/** The calls of a block, up to where it is malformed. */
function callsOf(side: Side): Call[] {
  const { bytes } = side.block;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const found: Call[] = [];
  try {
    for (const { kind, payload, data, dataLength } of items(side.block)) {
      const slots = kind === 1 ? 6 : 4;
      const args = Array.from({ length: slots }, (_, slot) => view.getBigUint64(payload + 8 + 8 * slot, true));
      found.push({ number: kind === 1 ? view.getBigUint64(payload, true) : -1n, args, data, dataLength });
    }
  } catch {
    // What is before it counts.
  }
  return found;
}

/** Whether a number came up that means another call: it might wait for ever. */
function mayWait(number: bigint): boolean {
  return (
    number >= 0n && Object.values(plans).some((plan) => BigInt(plan.number) === number && !CALLS.includes(plan.name))
  );
}

/** The bytes that a call wrote to, which were checked. */
function written(side: Side, { data }: Call, reference: bigint, length: number): Uint8Array {
  const start = Number(reference & 0xffffffffn);
  if (reference >> 32n === 1n) return side.program.subarray(start, start + length);
  return side.block.bytes.subarray(data + start, data + start + length);
}

/** The host in JavaScript rounds positions that are no exact numbers, as there are in directories. */
function round(side: Side, { data }: Call): void {
  const { bytes } = side.block;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const result = view.getBigUint64(data - 16, true);
  if (result < 2n ** 64n - 4095n) view.setBigUint64(data - 16, BigInt(Number(result)), true);
}

/**
 * Clears what differs from directory to directory, from time to time, and what is random.
 * @param alone no other call of the block may have written over what this one wrote
 */
function normalise(side: Side, call: Call, alone: boolean): void {
  const { bytes } = side.block;
  const result = new DataView(bytes.buffer, bytes.byteOffset).getBigInt64(call.data - 16, true);
  const [first, second, , , fifth] = call.args as [bigint, bigint, bigint, bigint, bigint];
  // Where a link leads out the output has what was told of the link itself.
  if (call.number === BigInt(plans.statx.number) && fifth <= BigInt(call.dataLength) - 256n) {
    for (const [from, to] of STATX_MASKED) written(side, call, fifth, 256).fill(0, from, to);
  }
  if (call.number === BigInt(plans.lseek.number)) round(side, call);
  if (result < 0n) return;
  if (call.number === BigInt(plans.getrandom.number)) written(side, call, first, Number(result)).fill(0);
  if (call.number === BigInt(plans.clock_gettime.number)) written(side, call, second, 16).fill(0);
  if (call.number !== BigInt(plans.getdents64.number)) return;
  const records = written(side, call, second, Number(result));
  if (!alone) records.fill(0);
  for (let at = 0; alone && at < records.length; at += Math.max(24, records[at + 16]! + 256 * records[at + 17]!)) {
    records.fill(0, at, at + 16);
  }
}

const equal = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0;

/** Nothing was written but data and return words of calls, and what the host has for itself. */
function checkUntouched(before: Uint8Array, short: Side, calls: readonly Call[]): void {
  const after = short.parts.bytes.slice();
  const keep = (from: number, to: number) => before.set(after.subarray(from, to), from);
  keep(0, BLOCK);
  keep(ROWS, ROWS + 4 * (2 * LIMIT + 1));
  for (const { number, data, dataLength } of calls) {
    const [from, to] = number < 0n ? [data - 8, data + dataLength] : [data - 16, data + dataLength];
    keep(BLOCK + from, BLOCK + to);
    // The second return word is nobody's.
    if (number >= 0n)
      assert.ok(equal(after.subarray(BLOCK + data - 8, BLOCK + data), before.subarray(BLOCK + data - 8, BLOCK + data)));
  }
  const at = after.findIndex((byte, index) => byte !== before[index]);
  assert.equal(at, -1, `byte ${at - BLOCK} of the block was written`);
}

/** Executes blocks by both hosts, one after the other, and compares all that came of it. */
function compare(short: Side, long: Side, attempts: readonly Attempt[]): void {
  for (const side of [short, long]) side.begin();
  try {
    for (const each of attempts) {
      for (const side of [short, long]) fill(side.block.bytes, each);
      const calls = callsOf(short);
      if (calls.some(({ number }) => mayWait(number))) continue;
      const before = short.parts.bytes.slice();
      assert.deepEqual(short.execute(), long.execute(), "what execute gives");
      checkUntouched(before, short, calls);
      for (const call of calls) for (const side of [short, long]) normalise(side, call, calls.length === 1);
      const at = short.block.bytes.findIndex((byte, index) => byte !== long.block.bytes[index]);
      assert.equal(at, -1, `byte ${at} of the block differs`);
      assert.ok(equal(short.program, long.program), "the program's memory");
      checkDescriptors(short, long);
    }
    assert.deepEqual(short.place.tree(), long.place.tree());
  } finally {
    for (const side of [short, long]) side.end();
  }
}

function checkDescriptors(short: Side, long: Side): void {
  assert.deepEqual(short.descriptors(), long.descriptors());
  assert.deepEqual([...short.held], [-1, -1, -1, -1, -1], "descriptors in no table");
  for (const path of short.descriptors())
    assert.match(path, /^(-1|\/inside\b.*|\/dev\/null|anon_inode:\[eventfd\]) \d+$/);
  const { native } = short.table;
  assert.ok(!native.subarray(0, short.hint).some((each) => each < 0), "a number below the lowest free one is free");
}

describe(`the host of the short way (seed ${SEED})`, { skip }, () => {
  const openNow = () => readdirSync("/proc/self/fd").length;

  it("leaves of every block what the host in JavaScript leaves of it", () => {
    const [short, long] = [new Side(true), new Side(false)];
    const before = openNow();
    try {
      let blocks = 0;
      fc.assert(
        fc.property(fc.array(attempt, { minLength: 1, maxLength: 16, size: "max" }), (attempts) => {
          blocks += attempts.length;
          compare(short, long, attempts);
        }),
        { seed: SEED, numRuns: 180, includeErrorInReport: true },
      );
      assert.equal(openNow(), before, "descriptors were left open");
      assert.ok(short.executed < 0.8 * blocks, `${short.executed} of ${blocks} blocks were left to JavaScript`);
    } finally {
      for (const side of [short, long]) side.close();
    }
  });
});
