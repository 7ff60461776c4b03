// Keeps leave the process as it was: descriptors, threads, memory, promises.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Keep, type KeepOptions, run } from "postern";
import { behaviour, descriptorsAre, eventually, openDescriptors, temporaryDirectory, threadCount } from "./process.js";

const MIB = 2 ** 20;

/** Loads everything that is loaded once, threads that wait included. */
async function warmUp(backend: "inline" | "thread"): Promise<void> {
  await Promise.all([1, 2, 3].map(() => run(behaviour("show"), { backend })));
  await sleep(50);
}

for (const backend of ["inline", "thread"] as const) {
  test(`1000 ${backend} keeps in a row leave the process as it was`, async (t) => {
    await warmUp(backend);
    const descriptors = openDescriptors().length;
    const threads = threadCount();
    const memory: number[] = [];
    for (let i = 0; i < 1000; i++) {
      const { stdout } = await run(behaviour("show"), { args: [String(i)], backend });
      assert.equal(stdout, `argument show.wasm\nargument ${i}\n`);
      if (i % 100 === 99) memory.push(process.memoryUsage.rss());
    }
    assert.ok(await descriptorsAre(descriptors), openDescriptors().join("\n"));
    assert.ok(await eventually(() => threadCount() <= threads), `${threadCount()} threads, ${threads} before`);
    const mebibytes = memory.map((bytes) => Math.round(bytes / MIB));
    t.diagnostic(`resident MiB after each 100: ${mebibytes.join(" ")}`);
    // A leak of one program's memory (64 KiB and more) in each keep would show as 50 MiB and more over the second half.
    assert.ok(mebibytes[9]! - mebibytes[4]! < 48, mebibytes.join(" "));
  });
}

test("100 keeps at once run, each by itself, and leave the process as it was", async () => {
  await warmUp("thread");
  const descriptors = openDescriptors().length;
  const threads = threadCount();
  const keeps = await Promise.all(
    Array.from({ length: 100 }, (_, i) =>
      i % 2 === 0
        ? run(behaviour("cat"), { input: `number ${i}` }).then(({ stdout }) => assert.equal(stdout, `number ${i}`))
        : Keep.launch({ program: behaviour(i % 20 === 1 ? "loop" : "sleep") }),
    ),
  );
  for (const keep of keeps) {
    if (!(keep instanceof Keep)) continue;
    assert.deepEqual(await keep.stop(), { kind: "stopped", reason: "request" });
    keep.stdout!.destroy();
  }
  assert.ok(await descriptorsAre(descriptors), openDescriptors().join("\n"));
  assert.ok(await eventually(() => threadCount() <= threads), `${threadCount()} threads, ${threads} before`);
});

test("output that is never read holds no descriptor", async () => {
  await warmUp("thread");
  const descriptors = openDescriptors().length;
  for (let i = 0; i < 10; i++) await (await Keep.launch({ program: behaviour("show"), args: ["x".repeat(9000)] })).exit;
  assert.ok(await descriptorsAre(descriptors), openDescriptors().join("\n"));
});

test("a program that closes and replaces its streams holds nothing", async (t) => {
  await warmUp("thread");
  const descriptors = openDescriptors().length;
  const dirs = [{ host: temporaryDirectory(t) }];
  for (const backend of ["inline", "thread"] as const) {
    // Opens a hundred descriptors and ends without closing any.
    const { stdout } = await run(behaviour("descriptors"), { limits: { descriptors: 104 }, dirs, backend });
    assert.equal(stdout, "opened 100 mfile\n");
  }
  assert.ok(await descriptorsAre(descriptors), openDescriptors().join("\n"));
});

test("a launch that fails half-way leaves nothing open, and rejects once", async (t) => {
  await warmUp("thread");
  const unhandled: unknown[] = [];
  const hear = (reason: unknown) => void unhandled.push(reason);
  process.on("unhandledRejection", hear);
  t.after(() => process.off("unhandledRejection", hear));
  const directory = temporaryDirectory(t);
  mkdirSync(join(directory, "there"));
  const descriptors = openDescriptors().length;
  const failures: Partial<KeepOptions>[] = [
    { dirs: [{ host: join(directory, "there") }, { host: join(directory, "missing") }] },
    { stdio: { stderr: 999 } },
    { trace: { to: join(directory, "trace") }, stdio: { stdout: 999 } },
    { trace: { to: join(directory, "missing", "trace") } },
    {
      net: {
        listen: [{ name: "a", host: "127.0.0.1", port: 0 }],
        connect: [{ name: "b", host: "127.0.0.1", port: 1 }],
      },
    },
    { net: { listen: [{ name: "a", host: "192.0.2.1", port: 0 }] } },
    { limits: { descriptors: 3 }, dirs: [{ host: directory }] },
    { policy: { refuse: { nonsense: 1 } as object } },
    { program: behaviour("many_pages"), limits: { memory: "64KiB" } },
    { program: behaviour("start_section_trap"), dirs: [{ host: join(directory, "missing") }] },
  ];
  for (const backend of ["inline", "thread"] as const) {
    for (const failure of failures) {
      await assert.rejects(
        Keep.launch({ program: behaviour("nothing"), backend, ...failure }),
        { name: "PosternError" },
        JSON.stringify(failure),
      );
    }
  }
  await sleep(100);
  assert.ok(await descriptorsAre(descriptors), openDescriptors().join("\n"));
  assert.deepEqual(unhandled, []);
});

/** Runs a script in a process of its own, in which `program(name)` is the path of a test program. */
function script(lines: readonly string[], before = ""): { status: number | null; stdout: string; stderr: string } {
  const head = [
    `import { Keep, run } from ${JSON.stringify(import.meta.resolve("postern"))};`,
    `const program = (name) => ${JSON.stringify(behaviour("NAME"))}.replace("NAME", name);`,
    `process.on("unhandledRejection", (error) => console.log("unhandled", error));`,
  ];
  const words = [process.execPath, "--input-type=module", "-e", [...head, ...lines].join("\n")];
  return spawnSync("bash", ["-c", `${before} "$@"`, "bash", ...words], { encoding: "utf8", timeout: 60_000 });
}

test("nothing keeps the process alive once its keeps have ended: no timer, no waiting thread, no unread stream", () => {
  const start = performance.now();
  const { status, stdout } = script([
    `await run(program("show"), { timeout: "1h" });`,
    `const keep = await Keep.launch({ program: program("show"), timeout: "1h" });`,
    `console.log((await keep.exit).kind);`,
  ]);
  assert.deepEqual([status, stdout], [0, "exited\n"]);
  assert.ok(performance.now() - start < 8000, "a thread waits 10 s in the pool");
});

test("a failure after the launch reaches whoever looks, once, and nobody else", () => {
  // Memory that cannot be had is found out when the program is instantiated.
  const { stdout, stderr } = script(
    [
      `const tell = (where) => (error) => void console.log(where, error.code);`,
      `for (const backend of ["inline", "thread"]) {`,
      `  const keep = await Keep.launch({ program: program("four_gib"), backend }).catch(tell(backend + " launch"));`,
      `  await keep?.exit.catch(tell(backend + " exit"));`,
      `  await run(program("four_gib"), { backend }).catch(tell(backend + " run"));`,
      `}`,
      `const ignored = await Keep.launch({ program: program("four_gib") });`,
      `await new Promise((resolve) => setTimeout(resolve, 300));`,
    ],
    "ulimit -v 5500000;",
  );
  const expected = ["inline launch", "inline run", "thread exit", "thread run"].map((where) => `${where} ERESOURCE\n`);
  assert.equal(stdout, expected.join(""), stderr);
});

test("a trap before the end of the start is how the keep ended, and nobody has to look", async () => {
  for (const backend of ["inline", "thread"] as const) {
    const keep = await Keep.launch({ program: behaviour("start_section_trap"), backend });
    assert.equal((await keep.exit).kind, "trapped");
  }
});
