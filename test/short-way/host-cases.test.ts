// Single blocks for the host of the short way: what it must refuse as the host in JavaScript does, and what is rare.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { closeSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { executor } from "#src/kernel/executor.js";
import { addressOf, SYS, syscall2 } from "#src/kernel/index.js";
import { Right } from "#src/sallyport/call.js";
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
import { fill } from "./attempts.js";
import { LIMIT, type Side } from "./hosts.js";
import { ask, asking, bothSides, DATA, END, item, NULL, opening, RETURN_WORD, WINDOW } from "./single.js";

const skip = executor === undefined && "there is machine code for x86-64 only";
const modeOpened = (side: Side): number => Buffer.from(side.block.bytes).readUInt32LE(DATA + 24);

describe("a block for the host of the short way", { skip }, () => {
  const { both, short: shortSide } = bothSides();

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

  it("neither tells nor moves what others have as well", () => {
    const shared = [6n, 9n];
    const answers = both((side) =>
      shared.map((number) => [
        ask(side, item("lseek", [number, 0n, 1n])),
        ask(side, item("statx", [number, NULL, 0n, 0x7ffn, 0n], 256)),
      ]),
    );
    for (const answer of answers) assert.deepEqual(answer, [-BigInt(Errno.ESPIPE), -BigInt(Errno.EPERM)]);
  });

  it("waits for what others made nonblocking, and for nothing else", () => {
    const pipe = new Int32Array(2);
    const found = both((side) => {
      assert.equal(syscall2(SYS.pipe2, addressOf(pipe), O_NONBLOCK | O_CLOEXEC), 0);
      const [from, to] = pipe as unknown as readonly [number, number];
      // The keep's alone at first: nothing to read is an answer.
      side.table.set(11, from, Right.READ, true);
      const empty = ask(side, item("read", [11n, 0n, 8n], 8));
      side.table.set(11, from, Right.READ, false);
      spawn("sh", ["-c", "sleep 0.05; echo word"], { stdio: ["ignore", to, "ignore"] });
      const full = ask(side, item("read", [11n, 0n, 8n], 8));
      side.table.remove(11);
      closeSync(from);
      closeSync(to);
      return [empty, full];
    });
    assert.deepEqual(found, [-BigInt(Errno.EAGAIN), 5n]);
  });

  it("is left to JavaScript where the keep is over or must stop", () => {
    const short = shortSide();
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
      [4, 8n],
    ] as const) {
      assert.equal(
        both((side) => ask(side, asking("link", 0, pathAt, output))),
        0n,
        `path at ${pathAt}`,
      );
    }
  });

  it("leaves the block as it was but for data and return word", () => {
    const short = shortSide();
    const { bytes } = short.parts;
    short.begin();
    try {
      assert.equal(ask(short, opening("d/g", 0)), 0n);
      const written = Buffer.from(bytes.subarray(BLOCK, BLOCK + DATA + 336));
      fill(short.block.bytes, { items: [opening("d/g", 0)], end: END, trash: [] });
      const handed = Buffer.from(short.block.bytes.subarray(0, DATA + 336));
      written.copy(handed, RETURN_WORD, RETURN_WORD, RETURN_WORD + 8);
      written.copy(handed, DATA + 24, DATA + 24, DATA + 28);
      assert.ok(written.equals(handed));
    } finally {
      short.end();
    }
  });
});
