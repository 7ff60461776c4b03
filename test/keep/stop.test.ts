// A keep is stopped whatever it does. The promise is 100 ms; the bound here is generous, for machines with other work.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Keep, type KeepOptions } from "postern";
import { encodeModule, Instruction, NO_RESULT } from "#src/wasm/encode.js";
import { behaviour, descriptorsAre, openDescriptors, temporaryDirectory } from "./process.js";

const BOUND_MS = 1000;

/** Launches, waits until the program is busy, stops it, and checks that everything is given back. */
async function stopsSoon(t: TestContext, options: KeepOptions, busy: string | number): Promise<void> {
  await (await Keep.launch({ program: behaviour("nothing") })).exit;
  const before = openDescriptors().length;
  const keep = await Keep.launch(options);
  if (typeof busy === "number") await sleep(busy);
  else
    for await (const chunk of keep.stdout!.iterator({ destroyOnReturn: false }))
      if (String(chunk).includes(busy)) break;
  await sleep(30);
  const start = performance.now();
  assert.deepEqual(await keep.stop(), { kind: "stopped", reason: "request" });
  const took = performance.now() - start;
  t.diagnostic(`stopped after ${took.toFixed(1)} ms`);
  assert.ok(took < BOUND_MS, `${took} ms`);
  keep.stdout?.destroy();
  assert.ok(await descriptorsAre(before), openDescriptors().join("\n"));
}

function fifo(t: TestContext): string {
  const directory = temporaryDirectory(t);
  const made = spawnSync("mkfifo", [join(directory, "fifo")]);
  assert.equal(made.status, 0, String(made.stderr));
  return directory;
}

describe("stopping a keep", () => {
  for (const [what, name, busy] of [
    ["that computes", "loop", "looping"],
    ["that reads a pipe", "read_stdin", "reading"],
    ["that sleeps", "sleep", "sleeping"],
    ["that polls for ever", "poll_forever", "polling"],
    ["that waits for an atomic notification", "atomic_wait", 100],
    ["that is always between two calls", "many_calls", 100],
    ["that writes to a full pipe", "flood", 100],
    ["that fills memory", "fill_forever", 100],
    ["that copies memory", "copy_forever", 100],
    ["that fills and copies a table", "table_forever", 300],
    ["that asks for memory", "grow_forever", 100],
    ["just started", "loop", 0],
  ] as const) {
    test(what, (t) => stopsSoon(t, { program: behaviour(name) }, busy));
  }

  // V8 does not look for a stop in a function that calls nothing, and tail calls are no calls.
  const { loop, i32Const, call, branch, end, localGet, localSet, i32Add } = Instruction;
  const adds = new Array(200_000).fill([localGet, 0, i32Const, 4, i32Add, localSet, 0]).flat();
  const [returnCall, none, number] = [0x12, 0, 1];
  for (const [what, functions] of [
    [
      "that calls a long function again and again",
      [
        { type: none, code: [loop, NO_RESULT, i32Const, 0, call, 1, branch, 0, end] },
        { type: number, code: adds },
      ],
    ],
    ["that calls itself as its last act", [{ type: none, code: [returnCall, 0] }]],
  ] as const) {
    const program = encodeModule({
      types: [
        { parameters: [], results: [] },
        { parameters: ["i32"], results: [] },
      ],
      functions,
      memories: [{ minimum: 1 }],
      exports: [
        { name: "memory", kind: "memory", index: 0 },
        { name: "_start", kind: "function", index: 0 },
      ],
    });
    test(what, (t) => stopsSoon(t, { program }, 300));
  }

  test("that waits for a connection", (t) => {
    const net = { listen: [{ name: "web", host: "127.0.0.1", port: 0 }] };
    return stopsSoon(t, { program: behaviour("accept"), net }, "accepting");
  });

  test("that waits for an answer of a peer", async (t) => {
    const peers: Socket[] = [];
    const server = createServer((peer) => void peers.push(peer.on("error", () => {})));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => {
      for (const peer of peers) peer.destroy();
      server.close();
    });
    const { port } = server.address() as { port: number };
    const keep = await Keep.launch({
      program: behaviour("talk"),
      net: { connect: [{ name: "peer", host: "127.0.0.1", port }] },
    });
    await sleep(100);
    const start = performance.now();
    assert.equal((await keep.stop()).kind, "stopped");
    assert.ok(performance.now() - start < BOUND_MS);
  });

  test("that reads a fifo", (t) => {
    const host = fifo(t);
    const holder = openSync(join(host, "fifo"), "r+");
    t.after(() => closeSync(holder));
    return stopsSoon(t, { program: behaviour("fifo"), args: ["fifo"], dirs: [{ host, guest: "/" }] }, "open\n");
  });

  test("that writes to a fifo nobody empties", (t) => {
    const host = fifo(t);
    const holder = openSync(join(host, "fifo"), "r+");
    t.after(() => closeSync(holder));
    const dirs = [{ host, guest: "/", access: "read-write" }] as const;
    return stopsSoon(t, { program: behaviour("fifo"), args: ["fifo", "write"], dirs }, "open\n");
  });

  test("whose trace goes to a pipe that nobody empties", (t) => {
    const fifoPath = join(fifo(t), "fifo");
    const trace = openSync(fifoPath, "r+");
    t.after(() => closeSync(trace));
    return stopsSoon(t, { program: behaviour("many_calls"), trace: { to: trace } }, 200);
  });

  test("in a call of a reactor", async () => {
    const keep = await Keep.launch({ program: behaviour("spin") });
    const call = assert.rejects(keep.call("spin"), { code: "ESTOPPED" });
    await sleep(50);
    const start = performance.now();
    assert.deepEqual(await keep.stop(), { kind: "stopped", reason: "request" });
    assert.ok(performance.now() - start < BOUND_MS);
    await call;
  });

  test("by a timeout, an abort, and the end of a scope", async () => {
    const timed = await Keep.launch({ program: behaviour("loop"), timeout: "50ms" });
    assert.deepEqual(await timed.exit, { kind: "stopped", reason: "timeout" });
    const controller = new AbortController();
    const aborted = await Keep.launch({ program: behaviour("sleep"), signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    assert.deepEqual(await aborted.exit, { kind: "stopped", reason: "request" });
    let left: Keep;
    {
      await using keep = await Keep.launch({ program: behaviour("read_stdin") });
      left = keep;
    }
    assert.equal((await left.exit).kind, "stopped");
  });

  test("whose trace is buffered loses no line of it", async (t) => {
    const path = join(temporaryDirectory(t), "trace");
    const keep = await Keep.launch({ program: behaviour("loop"), trace: { to: path } });
    for await (const _ of keep.stdout!.iterator({ destroyOnReturn: false })) break;
    await sleep(50);
    await keep.stop();
    assert.match(readFileSync(path, "utf8"), /^write\(1, "looping\\n", 8\) = 8$/m);
  });

  test("that has ended already changes nothing", async () => {
    const keep = await Keep.launch({ program: behaviour("exit"), args: ["3"] });
    await keep.exit;
    assert.deepEqual(await keep.stop(), { kind: "exited", code: 3 });
  });
});
