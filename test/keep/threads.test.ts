// Programs with threads: what they share, and that whatever ends one of them ends all.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Keep, type KeepOptions, run } from "postern";

const program = fileURLToPath(new URL("../../../test/fixtures/programs/threads/threads.wasm", import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "postern-threads-"));
after(() => rmSync(directory, { recursive: true }));

const options = (args: readonly string[], more: Partial<KeepOptions> = {}) => ({
  args,
  dirs: [{ host: directory, guest: "/", access: "read-write" as const }],
  ...more,
});

const entries = (path: string) => readdirSync(path).length;

/** Waits until a number is as small as it was; threads end a moment after their keep. */
async function settles(what: () => number, most: number): Promise<void> {
  for (let tries = 0; what() > most && tries < 1000; tries++) await sleep(20);
  assert.ok(what() <= most, `${what()}, not ${most}`);
}

describe("programs with threads", () => {
  test("count together, in one memory", async () => {
    const result = await run(program, options(["count", "4"]));
    assert.deepEqual([result.stdout, result.code], ["40000\n", 0]);
  });

  test("write files and read those that others have open", async () => {
    assert.equal((await run(program, options(["files", "8"]))).code, 0);
  });

  test("threads start threads", async () => {
    const result = await run(program, options(["nest", "5"]));
    assert.deepEqual([result.stdout, result.code], ["6\n", 0]);
  });

  test("a hundred thousand openings, readings of any number, and closings: nothing foreign is ever read", async () => {
    const before = entries("/proc/self/fd");
    const result = await run(program, options(["race", "4", "25000"], { limits: { descriptors: 16 } }));
    assert.equal(result.code, 0, result.stderr);
    await settles(() => entries("/proc/self/fd"), before + 3);
  });

  test("no more threads than the limit allows", async () => {
    assert.equal((await run(program, options(["limit"], { limits: { threads: 3 } }))).stdout, "3\n");
    assert.equal((await run(program, options(["limit"], { limits: { threads: 0 } }))).stdout, "0\n");
    await assert.rejects(run(program, options(["limit"], { limits: { threads: 5000 } })), { code: "EINVALIDARGUMENT" });
  });

  test("the output limit counts for all threads together", async () => {
    const empty = mkdtempSync(join(directory, "output-"));
    const dirs = [{ host: empty, guest: "/", access: "read-write" as const }];
    const result = await run(program, { args: ["files", "8"], dirs, limits: { output: 20 } });
    assert.ok(result.code > 0, "eight names of four bytes are too many");
    const written = readdirSync(empty).map((name) => statSync(join(empty, name)).size);
    assert.equal(
      written.reduce((sum, size) => sum + size, 0),
      20,
    );
  });

  test("an exit of any thread is that of all: readers, sleepers, waiters and loops", async () => {
    const keep = await Keep.launch({ program, ...options(["exit", "8"]) });
    assert.deepEqual(await keep.exit, { kind: "exited", code: 21 });
  });

  test("a return of the first thread ends all", async () => {
    const keep = await Keep.launch({ program, ...options(["return", "8"]) });
    assert.deepEqual(await keep.exit, { kind: "exited", code: 0 });
  });

  test("a trap of any thread is the program's", async () => {
    const keep = await Keep.launch({ program, ...options(["trap", "8"]) });
    const exit = await keep.exit;
    assert.equal(exit.kind, "trapped");
    assert.match(exit.kind === "trapped" ? exit.exception.message : "", /unreachable/);
  });

  test("a thread that uses up the stack in the midst of calls ends all, and leaves nothing locked or open", async () => {
    const before = entries("/proc/self/fd");
    for (let turn = 0; turn < 10; turn++) {
      const keep = await Keep.launch({ program, ...options(["stack", "2"]) });
      const exit = await keep.exit;
      assert.equal(exit.kind, "trapped");
      assert.match(exit.kind === "trapped" ? exit.exception.message : "", /stack/);
    }
    await settles(() => entries("/proc/self/fd"), before + 3);
  });

  test("the exception entry runs in the thread that faulted", async () => {
    const keep = await Keep.launch({ program: program.replace("threads.wasm", "exception.wasm") });
    const exit = await keep.exit;
    // 27 is what the thread was started with, 6 the vector of unreachable code.
    assert.deepEqual([exit.kind, exit.kind === "exited" && exit.code], ["exited", 33]);
  });

  test("stop() and a timeout end threads that read, sleep, wait and loop", async () => {
    const keep = await Keep.launch({ program, ...options(["block", "8"]) });
    for await (const chunk of keep.stdout!) if (String(chunk).includes("blocked")) break;
    await sleep(50);
    assert.deepEqual(await keep.stop(), { kind: "stopped", reason: "request" });
    const late = await Keep.launch({ program, ...options(["block", "8"], { timeout: 500 }) });
    assert.deepEqual(await late.exit, { kind: "stopped", reason: "timeout" });
  });

  test("a stop while threads are being started leaves none", async () => {
    const before = entries("/proc/self/task");
    for (const wait of [0, 1, 5, 20, 40]) {
      const keep = await Keep.launch({ program, ...options(["block", "8"]) });
      await sleep(wait);
      assert.equal((await keep.stop()).kind, "stopped");
    }
    await settles(() => entries("/proc/self/task"), before);
  });

  test("the inline backend refuses them, and auto takes threads", async () => {
    await assert.rejects(run(program, options(["count"], { backend: "inline" })), {
      code: "EINVALIDARGUMENT",
      message: /uses threads/,
    });
    assert.equal((await run(program, options(["count"], { backend: "auto" }))).code, 0);
    const observers = [{ after: () => {} }];
    await assert.rejects(run(program, options(["count"], { backend: "auto", observers })), {
      code: "EINVALIDARGUMENT",
    });
  });

  test("a hundred runs, one after the other, leave no descriptor and no thread", async () => {
    await run(program, options(["count", "2"]));
    const before = [entries("/proc/self/fd"), entries("/proc/self/task")] as const;
    for (let turn = 0; turn < 100; turn++)
      assert.equal((await run(program, options(["count", "2"]))).stdout, "20000\n");
    await settles(() => entries("/proc/self/task"), before[1] + 2);
    await settles(() => entries("/proc/self/fd"), before[0] + 6);
  });
});
