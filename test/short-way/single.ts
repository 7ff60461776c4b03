/** Blocks with one good item, for the host of the short way and the one in JavaScript. */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { plans } from "#src/sallyport/calls.js";
import { fill, type Item, type Placed } from "./attempts.js";
import { Side } from "./hosts.js";

export const RETURN_WORD = 72;
/** Where the data of an item lies that is the first one. */
export const DATA = 88;
export const NULL = 2n ** 64n - 1n;
/** Added to a place in the program's memory. */
export const WINDOW = 2n ** 32n;
export const END = [0n, 0n] as const;

export function item(
  name: keyof typeof plans,
  args: readonly bigint[],
  dataBytes = 0,
  placed: readonly Placed[] = [],
): Item {
  const all = [0, 1, 2, 3, 4, 5].map((slot) => args[slot] ?? NULL);
  return { number: BigInt(plans[name].number), args: all, dataBytes, placed, seed: 1, kind: null, size: null };
}

export function opening(path: string, flags: number, directory = 3n): Item {
  const how = Buffer.alloc(24);
  how.writeUInt32LE(flags, 0);
  const placed = [
    { at: 0, bytes: how },
    { at: 28, bytes: Buffer.from(`${path}\0`) },
  ];
  return item("openat2", [directory, 28n, 0n, 24n], 320, placed);
}

export function asking(path: string, flags: number, pathAt = 256, output = 0n): Item {
  const placed = [{ at: pathAt, bytes: Buffer.from(`${path}\0`) }];
  return item("statx", [3n, BigInt(pathAt), BigInt(flags), 0x7ffn, output], 320, placed);
}

/** Executes one item. @returns its return word */
export function ask(side: Side, each: Item): bigint {
  fill(side.block.bytes, { items: [each], end: END, trash: [] });
  assert.equal(side.execute(), 0);
  return Buffer.from(side.block.bytes).readBigInt64LE(RETURN_WORD);
}

/** Both hosts, for the tests of a suite. */
export function bothSides() {
  let sides: readonly [short: Side, long: Side];
  before(() => {
    sides = [new Side(true), new Side(false)];
  });
  after(() => {
    for (const side of sides) side.close();
  });

  /** Compares what both answer, and what is open then. */
  function both<T>(act: (side: Side) => T): T {
    const [short, long] = sides;
    for (const side of sides) side.begin();
    try {
      const [mine, others] = [act(short), act(long)];
      assert.deepEqual(mine, others);
      assert.deepEqual(short.descriptors(), long.descriptors());
      assert.deepEqual([...short.held], [-1, -1, -1, -1, -1]);
      return mine;
    } finally {
      for (const side of sides) side.end();
    }
  }

  return { both, short: () => sides[0] };
}
