// Functions of WASI answer the same the short way, and leave the same in the program's memory and in its directory.
import assert from "node:assert/strict";
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { executor } from "#src/kernel/executor.js";
import { addressOf, syscall4 } from "#src/kernel/index.js";
import { S_IFIFO } from "#src/sallyport/linux.js";
import { anyCall, type Call, FIRST } from "./calls.js";
import { LIMIT, PAGES_MAX, type TestKeep, withKeeps } from "./keeps.js";

const SEED = Date.now() | 0;
const skip = executor === undefined && "there is machine code for x86-64 only";
/** Of x86-64. */
const MKNODAT = 259;
const AT_FDCWD = -100;
const INODE = [8, 16] as const;
const TIMES = [40, 64] as const;

function furnish(data: string): void {
  mkdirSync(join(data, "sub/inner"), { recursive: true });
  mkdirSync(join(data, "many"));
  writeFileSync(join(data, "f"), "contents of f");
  writeFileSync(join(data, "empty"), "");
  writeFileSync(join(data, "big"), "0123456789abcdef".repeat(5000));
  writeFileSync(join(data, "sub/g"), "g");
  writeFileSync(join(data, "exactly8"), "8");
  writeFileSync(join(data, "seven77"), "7");
  // More than the records that the short way keeps.
  for (let count = 0; count < 40; count++) symlinkSync("x", join(data, "many", `${"name".repeat(50)}-${count}`));
  symlinkSync("f", join(data, "link"));
  symlinkSync("nowhere", join(data, "dangling"));
  symlinkSync("../input", join(data, "out"));
  symlinkSync("/etc/passwd", join(data, "absolute"));
  symlinkSync("sub", join(data, "folder"));
  const pipe = Buffer.from(`${join(data, "pipe")}\0`);
  assert.equal(syscall4(MKNODAT, AT_FDCWD, addressOf(pipe), S_IFIFO | 0o600, 0), 0);
}

/** Names, types and contents. */
function tree(folder: string): unknown {
  return readdirSync(folder)
    .sort()
    .map((name) => {
      const path = join(folder, name);
      const status = lstatSync(path);
      if (status.isDirectory()) return [name, tree(path)];
      if (status.isSymbolicLink()) return [name, readlinkSync(path)];
      return [name, status.isFile() ? readFileSync(path, "latin1") : status.mode];
    });
}

/** Clears what differs from keep to keep in the answer of a call that succeeded, having looked at what can be known. */
function normalise(keep: TestKeep, { name, args }: Call, clocks: Map<string, bigint>): void {
  const { bytes, view } = keep;
  const at = (index: number): number => Number(args[index]) >>> 0;
  if (name.endsWith("filestat_get")) {
    const status = at(args.length - 1);
    for (const [from, to] of [INODE, TIMES]) bytes.fill(0, status + from, status + to);
  } else if (name === "random_get") {
    bytes.fill(0, at(0), at(0) + at(1));
  } else if (name === "clock_time_get") {
    const key = `${args[0]}`;
    const time = view.getBigUint64(at(2), true);
    if (args[0] !== 0) assert.ok(time >= (clocks.get(key) ?? 0n), "a clock goes backwards");
    clocks.set(key, time);
    view.setBigUint64(at(2), 0n, true);
  } else if (name === "fd_readdir") {
    const end = at(1) + view.getUint32(at(4), true);
    for (let record = at(1); record + 8 < end; ) {
      bytes.fill(0, record + INODE[0], Math.min(end, record + INODE[1]));
      if (record + 20 > end) break;
      record += 24 + view.getUint32(record + 16, true);
    }
  }
}

/** Two keeps that are called alike. */
class Pair {
  readonly #keeps: readonly [TestKeep, TestKeep];
  readonly #clocks = [new Map<string, bigint>(), new Map<string, bigint>()] as const;
  /** How often something was made or removed, and how often so when the directory of a number was read last. */
  #changes = 0;
  readonly #read = new Map<number, number>();

  constructor(short: TestKeep, long: TestKeep) {
    this.#keeps = [short, long];
  }

  call(given: Call): void {
    const each = this.#settle(given);
    const errors = this.#keeps.map((keep) => {
      for (const { at, bytes } of each.pokes) keep.bytes.set(bytes, at);
      if (each.name !== "grow") return keep.call(each.name, ...each.args);
      return keep.bytes.length / 65536 < PAGES_MAX ? keep.memory.grow(Number(each.args[0])) : 0;
    });
    assert.equal(errors[0], errors[1], `${each.name}(${each.args.join(", ")})`);
    for (const [index, keep] of this.#keeps.entries()) {
      if (errors[index] === 0 && each.name !== "grow") normalise(keep, each, this.#clocks[index]!);
    }
    this.#note(each, errors[0]!);
    const [short, long] = this.#keeps.map(({ bytes }) => bytes) as [Uint8Array, Uint8Array];
    if (Buffer.compare(short, long) === 0) return;
    const at = short.findIndex((byte, index) => byte !== long[index]);
    assert.fail(`memory differs at ${at} after ${each.name}(${each.args.join(", ")})`);
  }

  /** What changed since a directory was read may be seen or not: then it is read anew. */
  #settle(each: Call): Call {
    if (each.name !== "fd_readdir") return each;
    const number = Number(each.args[0]);
    const known = this.#read.get(number) ?? this.#changes;
    this.#read.set(number, this.#changes);
    return known === this.#changes ? each : { ...each, args: each.args.with(3, 0n) };
  }

  #note({ name, args }: Call, error: number): void {
    const changes = ["path_unlink_file", "path_create_directory"].includes(name);
    if (changes || (name === "path_open" && (Number(args[4]) & 1) !== 0)) this.#changes++;
    if (error !== 0) return;
    // Another number, another listing; what was closed and opened again is another directory.
    if (name === "fd_close") this.#read.delete(Number(args[0]));
    if (name === "fd_renumber") for (const number of args) this.#read.set(Number(number), -1);
  }

  /** Compares what is left in the end. */
  end(): void {
    for (let fd = 0; fd < LIMIT; fd++) this.call({ name: "fd_fdstat_get", args: [fd, 128], pokes: [] });
    const [short, long] = this.#keeps;
    assert.deepEqual(short.open, long.open);
    assert.deepEqual(short.written, long.written);
    assert.deepEqual(tree(short.data), tree(long.data));
  }
}

describe(`functions of WASI with and without the short way (seed ${SEED})`, { skip }, () => {
  it("answer the same, whatever is called in whatever order", () => {
    const executed = { short: 0, long: 0 };
    fc.assert(
      fc.property(fc.array(anyCall, { minLength: 1, maxLength: 60, size: "max" }), (calls) =>
        withKeeps(furnish, (short, long) => {
          const pair = new Pair(short, long);
          for (const each of [...FIRST, ...calls]) pair.call(each);
          pair.end();
          executed.short += short.executed;
          executed.long += long.executed;
        }),
      ),
      { seed: SEED, numRuns: 80, includeErrorInReport: true },
    );
    assert.ok(executed.short < 0.8 * executed.long, `${executed.short} of ${executed.long} blocks came to JavaScript`);
  });
});
