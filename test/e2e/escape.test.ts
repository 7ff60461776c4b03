// Programs that try to leave the directory they were granted. The tree around it is looked at before and after from the host's side.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Worker } from "node:worker_threads";
import { report } from "./checks.js";
import { isRoot, missing, program, run, temporaryDirectory } from "./programs.js";

const secret = "SECRET-4f1c0a";

/** Plants `root/` with links of all kinds to `outside/`, as escape.c describes. */
function plant(base: string): { root: string; outside: string } {
  const root = join(base, "root");
  const outside = join(base, "outside");
  for (const directory of [root, outside, join(root, "d"), join(root, "d/e"), join(outside, "empty")])
    mkdirSync(directory);
  writeFileSync(join(root, "f"), "inside");
  writeFileSync(join(outside, "secret"), secret);
  writeFileSync(join(outside, "victim"), `${secret}-victim`);
  symlinkSync(secret, join(outside, "link"));
  const links: Record<string, string> = {
    abs_file: join(outside, "secret"),
    abs_dir: outside,
    rel_file: "../outside/secret",
    rel_dir: "../outside",
    "d/deep": "../../outside/secret",
    up: "..",
    dang: "../outside/created",
    abs_dang: join(outside, "created"),
    chain1: "chain2",
    chain2: "rel_dir",
    middle: "d/../../outside/secret",
    back: "../root/f",
    root: "/",
    proc_root: "/proc/self/root",
    proc_cwd: "/proc/self/cwd",
    proc_fd: "/proc/self/fd",
    proc_exe: "/proc/self/exe",
    proc_fd0: "/proc/self/fd/0",
    slash: "rel_dir/",
    rel_empty: "../outside/empty",
  };
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(root, name));
  execFileSync("mkfifo", [join(root, "fifo")]);
  // A device that nobody may reach; making one needs root, without it the name is simply missing.
  if (isRoot) spawnSync("mknod", [join(root, "mem"), "c", "1", "1"]);
  return { root, outside };
}

/** Everything that can be seen of a tree: names, kinds, contents, times of change, numbers of links. */
function picture(directory: string): string[] {
  const lines: string[] = [];
  for (const name of [".", ...readdirSync(directory, { recursive: true }).map(String).sort()]) {
    const path = join(directory, name);
    const { mode, size, mtimeMs, nlink, ino } = lstatSync(path);
    const isLink = lstatSync(path).isSymbolicLink();
    const content = isLink ? readlinkSync(path) : lstatSync(path).isFile() ? readFileSync(path, "utf8") : "";
    lines.push(`${name} mode ${mode} size ${size} time ${mtimeMs} links ${nlink} inode ${ino} ${content}`);
  }
  return lines;
}

describe("escapes from a granted directory", { skip: missing }, () => {
  test("attempts", async (t) => {
    const base = temporaryDirectory(t);
    const { root, outside } = plant(base);
    const before = picture(outside);
    const beside = readdirSync(base);
    const result = await run(program("escape/escape"), { flags: ["--dir", `${root}::/`] });
    const output = result.stdout.toString("latin1");
    await report(t, result);
    await t.test("nothing outside was read", () =>
      assert.ok(!output.includes(secret) && !/^(read|listed): /m.test(output)),
    );
    await t.test("nothing outside was made, changed or removed", () => assert.deepEqual(picture(outside), before));
    await t.test("nothing was made beside the granted directory", () => assert.deepEqual(readdirSync(base), beside));
    await t.test("the granted directory is still there", () =>
      assert.equal(readFileSync(join(root, "f"), "utf8"), "inside"),
    );
  });

  for (let round = 0; round < 4; round++) {
    // The seed is in the name: the same calls come again with it.
    const seed = round === 0 ? 1 : randomInt(2 ** 32);
    test(`calls at random, seed ${seed}`, async (t) => {
      const base = temporaryDirectory(t);
      const { root, outside } = plant(base);
      const before = picture(outside);
      const result = await run(program("escape/random"), {
        flags: ["--dir", `${root}::/`],
        args: [`${seed}`, "30000"],
      });
      await report(t, result);
      // The program may have given its standard error another number, and written there.
      await t.test("the keep said nothing", () => assert.doesNotMatch(result.stderr, /postern: /));
      await t.test("nothing outside was made, changed or removed", () => assert.deepEqual(picture(outside), before));
      await t.test("nothing was made beside the granted directory", () =>
        assert.deepEqual(readdirSync(base).sort(), ["outside", "root"]),
      );
    });
  }

  test("races with renames", async (t) => {
    const base = temporaryDirectory(t);
    const root = join(base, "root");
    const outside = join(base, "outside");
    for (const directory of [
      "root",
      "outside",
      "root/swap",
      "root/moving",
      "root/moving/deep",
      "outside/empty-outside",
    ]) {
      mkdirSync(join(base, directory));
    }
    writeFileSync(join(root, "swap/secret"), "inner");
    writeFileSync(join(root, "secret"), "inner");
    writeFileSync(join(base, "secret"), secret);
    for (const name of ["secret", "victim", "only-outside"]) writeFileSync(join(outside, name), secret);
    symlinkSync("../outside", join(root, "other"));
    const before = picture(outside);
    const stop = new SharedArrayBuffer(8);
    const worker = new Worker(swapper, { eval: true, workerData: { root, outside, stop } });
    const result = await run(program("escape/race"), { flags: ["--dir", `${root}::/`] });
    Atomics.store(new Int32Array(stop), 0, 1);
    await new Promise((resolve) => worker.once("exit", resolve));
    const swaps = Atomics.load(new Int32Array(stop), 1);
    await report(t, result);
    await t.test("names were swapped while it ran", () => assert.ok(swaps > 100, `${swaps} swaps`));
    await t.test("nothing outside was read", () => assert.ok(!result.stdout.includes(secret)));
    await t.test("nothing outside was made, changed or removed", () => assert.deepEqual(picture(outside), before));
    await t.test("nothing was stolen", () => assert.ok(!readdirSync(root).includes("stolen")));
  });
});

/** Swaps `swap` between a directory and a link to the outside, and moves `moving` out and back, until told to stop. */
const swapper = `
const { renameSync } = require("node:fs");
const { workerData: { root, outside, stop } } = require("node:worker_threads");
const flags = new Int32Array(stop);
const parent = root + "/..";
while (Atomics.load(flags, 0) === 0) {
  renameSync(root + "/swap", root + "/kept");
  renameSync(root + "/other", root + "/swap");
  renameSync(root + "/moving", parent + "/moving");
  renameSync(root + "/swap", root + "/other");
  renameSync(root + "/kept", root + "/swap");
  renameSync(parent + "/moving", root + "/moving");
  Atomics.add(flags, 1, 1);
}
`;
