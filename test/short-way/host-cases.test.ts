// Single blocks for the host of the short way: what it must refuse as the host in JavaScript does, and what is rare.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { executor } from "#src/kernel/executor.js";
import { plans } from "#src/sallyport/calls.js";
import {
  AT_SYMLINK_NOFOLLOW,
  Errno,
  O_CLOEXEC,
  O_DIRECTORY,
  O_LARGEFILE,
  O_NOFOLLOW,
  O_NONBLOCK,
} from "#src/sallyport/linux.js";
import { BLOCK, CONTROL, OVER } from "#src/short-way/index.js";
import { fill, type Item, type Placed } from "./blocks.js";
import { LIMIT, Side } from "./hosts.js";

const skip = executor === undefined && "there is machine code for x86-64 only";
const RETURN_WORD = 72;
const DATA = 88;
const NULL = 2n ** 64n - 1n;
const WINDOW = 2n ** 32n;

function item(name: keyof typeof plans, args: readonly bigint[], dataBytes = 0, placed: readonly Placed[] = []): Item {
  const all = [0, 1, 2, 3, 4, 5].map((slot) => args[slot] ?? NULL);
  return { number: BigInt(plans[name].number), args: all, dataBytes, placed, seed: 1, kind: null, size: null };
}

function opening(path: string, flags: number, directory = 3n): Item {
  const how = Buffer.alloc(24);
  how.writeUInt32LE(flags, 0);
  const placed = [
    { at: 0, bytes: how },
    { at: 28, bytes: Buffer.from(`${path}\0`) },
  ];
  return item("openat2", [directory, 28n, 0n, 24n], 320, placed);
}

function asking(path: string, flags: number, pathAt = 256, output = 0n): Item {
  const placed = [{ at: pathAt, bytes: Buffer.from(`${path}\0`) }];
  return item("statx", [3n, BigInt(pathAt), BigInt(flags), 0x7ffn, output], 320, placed);
}

/** Executes one item. @returns its return word */
function ask(side: Side, each: Item): bigint {
  fill(side.block.bytes, { items: [each], trash: [] });
  assert.equal(side.execute(), 0);
  return Buffer.from(side.block.bytes).readBigInt64LE(RETURN_WORD);
}

const modeOpened = (side: Side): number => Buffer.from(side.block.bytes).readUInt32LE(DATA + 24);

describe("a block for the host of the short way", { skip }, () => {
  let short: Side;
  let long: Side;
  before(() => {
    [short, long] = [new Side(true), new Side(false)];
  });
  after(() => {
    for (const side of [short, long]) side.close();
  });

  /** Compares what both answer, and what is open then. */
  function both<T>(act: (side: Side) => T): T {
    for (const side of [short, long]) side.begin();
    try {
      const [mine, others] = [act(short), act(long)];
      assert.deepEqual(mine, others);
      assert.deepEqual(short.descriptors(), long.descriptors());
      assert.deepEqual([...short.held], [-1, -1, -1, -1, -1]);
      return mine;
    } finally {
      for (const side of [short, long]) side.end();
    }
  }

  const ESCAPES = [
    "..",
    "../outside",
    "d/../..",
    "/",
    "/etc/passwd",
    "absolute",
    "out",
    "up",
    "up/outside",
    "folder/../..",
  ];
  for (const path of ESCAPES) {
    it(`leads out by ${path} no more than any other`, () => {
      for (const flags of [0, O_NOFOLLOW, O_DIRECTORY, O_CLOEXEC | O_LARGEFILE]) {
        const result = both((side) => ask(side, opening(path, flags)));
        assert.ok(result < 0n, `opened with ${flags}: ${result}`);
      }
      assert.equal(
        both((side) => ask(side, asking(path, 0))),
        -BigInt(Errno.EPERM),
      );
      both((side) => ask(side, asking(path, AT_SYMLINK_NOFOLLOW)));
    });
  }

  it("opens what is neither file nor directory, waiting or not as was asked", () => {
    const make = (side: Side) => execFileSync("mkfifo", [join(side.place.inside, "pipe")]);
    for (const flags of [0, O_NOFOLLOW, O_CLOEXEC, O_NONBLOCK]) {
      const [number] = both((side) => {
        make(side);
        return [ask(side, opening("pipe", flags)), modeOpened(side), side.flags(0)] as const;
      });
      assert.equal(number, 0n);
    }
  });

  it("opens no device but those that do no harm", (t) => {
    const make = (side: Side, minor: string) =>
      execFileSync("mknod", [join(side.place.inside, `device-${minor}`), "c", "1", minor], { stdio: "ignore" });
    const open = (minor: string) =>
      both((side) => {
        make(side, minor);
        return [ask(side, opening(`device-${minor}`, 0)), modeOpened(side)] as const;
      });
    let zero: readonly [bigint, number];
    try {
      zero = open("5");
    } catch (error) {
      if ((error as { status?: number }).status === undefined) throw error;
      t.skip("devices cannot be made here");
      return;
    }
    assert.equal(zero[0], 0n);
    assert.equal(open("11")[0], -BigInt(Errno.EPERM));
  });

  it("opens nothing where the table is full, and closes only what is open", () => {
    const results = both((side) => {
      const opened = [];
      for (let count = 0; count < LIMIT; count++) opened.push(ask(side, opening(count % 2 === 0 ? "d/g" : "d", 0)));
      const closed = [15n, 12n, 15n, 1n, 0n, 16n, 6n, NULL, WINDOW + 3n].map((number) =>
        ask(side, item("close", [number])),
      );
      return [...opened, ...closed, ask(side, opening("f", 0)), ask(side, opening("f", 0))];
    });
    assert.equal(results.at(-1), 1n);
    assert.ok(results.includes(-BigInt(Errno.EMFILE)));
  });

  it("writes the whole of the program's memory, and not a byte beyond", () => {
    for (const [start, length] of [
      [0, 8192],
      [8191, 1],
      [8192, 0],
      [1, 8192],
      [8192, 1],
      [0, 8193],
    ] as const) {
      both((side) => [
        ask(side, item("pwrite64", [1n, WINDOW + BigInt(start), BigInt(length), 0n])),
        ask(side, item("pread64", [1n, WINDOW + BigInt(start), BigInt(length), 0n])),
      ]);
    }
  });

  it("is left to JavaScript where the keep is over or must stop", () => {
    short.begin();
    try {
      const words = new Int32Array(short.parts.memory.buffer);
      for (const at of [OVER, CONTROL]) {
        words[at / 4] = 1;
        const count = short.executed;
        ask(short, item("pread64", [2n, 0n, 16n, 0n], 16));
        assert.equal(short.executed, count + 1);
        words[at / 4] = 0;
      }
      const count = short.executed;
      assert.equal(ask(short, item("pread64", [2n, 0n, 16n, 0n], 16)), 16n);
      assert.equal(short.executed, count);
    } finally {
      short.end();
    }
  });

  it("tells what a link leads to although that is told over its path", () => {
    for (const [pathAt, output] of [
      [256, 8n],
      [0, 0n],
      [64, 0n],
    ] as const) {
      assert.equal(
        both((side) => ask(side, asking("link", 0, pathAt, output))),
        0n,
        `path at ${pathAt}`,
      );
    }
  });

  it("leaves the block as it was but for data and return word", () => {
    const { bytes } = short.parts;
    short.begin();
    try {
      assert.equal(ask(short, opening("d/g", 0)), 0n);
      const written = Buffer.from(bytes.subarray(BLOCK, BLOCK + DATA + 336));
      fill(short.block.bytes, { items: [opening("d/g", 0)], trash: [] });
      const handed = Buffer.from(short.block.bytes.subarray(0, DATA + 336));
      written.copy(handed, RETURN_WORD, RETURN_WORD, RETURN_WORD + 8);
      written.copy(handed, DATA + 24, DATA + 24, DATA + 28);
      assert.ok(written.equals(handed));
    } finally {
      short.end();
    }
  });
});
