// Calls that go past JavaScript and the same calls through it: the same random program must see the same.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { executor } from "#src/kernel/executor.js";
import { missing, program, run } from "./programs.js";

const CALLS = 2000;
const SEEDS = 6;
const skip = missing || (executor === undefined ? "there is machine code for x86-64 only" : false);

/** A directory with what a path can lead to, inside and out of it. @returns its path */
function makeDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "postern-short-way-"));
  const root = join(directory, "root");
  mkdirSync(join(root, "dir/inner"), { recursive: true });
  mkdirSync(join(root, "dir2"));
  writeFileSync(join(directory, "secret"), "secret");
  writeFileSync(join(root, "a.txt"), "hello world, this is a");
  writeFileSync(join(root, "b.txt"), Array.from({ length: 200 }, (_, line) => `${line}\n`).join(""));
  for (const name of ["né", ".hidden", "dots..", "dir/f1", "dir/f2", "dir/f3"]) writeFileSync(join(root, name), "");
  const links = { link: "a.txt", dangling: "nothing", out: "../secret", absolute: "/etc/passwd", loop: "loop" };
  for (const [name, target] of Object.entries({ ...links, "dir/up": ".." })) symlinkSync(target, join(root, name));
  assert.equal(spawnSync("mkfifo", [join(root, "fifo")]).status, 0);
  return directory;
}

/** What the program prints with these options of `postern run`. */
async function answers(seed: number, flags: readonly string[]): Promise<string> {
  const directory = makeDirectory();
  try {
    const result = await run(program("random/random_calls"), {
      flags: [...flags, "--dir", `${join(directory, "root")}::/`],
      args: [String(seed), String(CALLS)],
    });
    assert.equal(result.status, 0, result.stderr);
    return result.stdout.toString();
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** The lines of a trace that show bytes which both ways see alike: inode numbers, times and clocks they do not. */
async function tracedBytes(seed: number, flags: readonly string[]): Promise<string[]> {
  const directory = mkdtempSync(join(tmpdir(), "postern-short-way-"));
  try {
    const trace = join(directory, "trace.txt");
    await answers(seed, [`--trace=${trace}`, ...flags]);
    const lines = readFileSync(trace, "latin1").split("\n");
    return lines.filter((line) => /^(read|write|pread64|pwrite64)\(/.test(line));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

describe("random calls", { skip }, () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    test(`seed ${seed}: the short way, JavaScript and a thread answer the same`, async () => {
      const short = await answers(seed, []);
      assert.equal(short.split("\n").length, CALLS + 1);
      // A trace in JSON is written in JavaScript: no call goes past it.
      assert.equal(await answers(seed, ["--trace=/dev/null", "--trace-format", "json"]), short);
      assert.equal(await answers(seed, ["--trace=/dev/null"]), short);
      assert.equal(await answers(seed, ["--backend", "thread"]), short);
    });

    test(`seed ${seed}: a trace that was written past JavaScript reads the same`, async () => {
      const short = await tracedBytes(seed, []);
      assert.ok(short.length > CALLS / 100, `${short.length} lines`);
      // In a thread a trace is written by JavaScript.
      assert.deepEqual(await tracedBytes(seed, ["--backend", "thread"]), short);
    });
  }
});
