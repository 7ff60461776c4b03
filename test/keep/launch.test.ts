// What an application gets from Keep.launch() and run(), with both backends.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { exitStatus, Keep, PosternError, run } from "postern";
import { encodeModule, Instruction } from "#src/wasm/encode.js";
import { behaviour, temporaryDirectory } from "./process.js";

const BACKENDS = ["thread", "inline"] as const;
const textOf = (stream: Readable | null): Promise<string> => text(stream!);
const refusal = (code: string, words: RegExp) => (error: unknown) =>
  error instanceof PosternError && error.code === code && words.test(error.message);

for (const backend of BACKENDS) {
  describe(`a keep with the ${backend} backend`, () => {
    test("tells the exit code, all 32 bits of it, and run() gives output as text and as bytes", async () => {
      const { code, exit, stdout, stdoutBytes } = await run(behaviour("exit"), { args: ["4294967040"], backend });
      assert.deepEqual(exit, { kind: "exited", code: 4294967040 });
      assert.deepEqual([code, stdout, stdoutBytes.length], [4294967040, "", 0]);
      const shown = await run(behaviour("show"), { args: ["é"], env: { A: "ü" }, argv0: "me", backend });
      assert.equal(shown.stdout, "argument me\nargument é\nvariable A=ü\n");
      assert.ok(shown.stdoutBytes.equals(Buffer.from(shown.stdout)));
    });

    test("tells a trap with kind, functions and the last call", async () => {
      const { exit, code } = await run(behaviour("traps"), { args: ["divide"], backend });
      assert.ok(exit.kind === "trapped");
      assert.equal(code, 134);
      assert.equal(exit.exception.message, "divide by zero");
      assert.match(exit.exception.frames[0]!.function, /inner_trap/);
      assert.match(exit.exception.lastCall, /^write\(1, "about to trap\\n", 14\) = 14$/);
    });

    test("takes a path, a file URL or bytes, and input", async () => {
      const path = behaviour("cat");
      for (const program of [path, pathToFileURL(path), new Uint8Array(readFileSync(path))]) {
        assert.equal((await run(program, { input: "in and out", backend })).stdout, "in and out");
      }
      const much = new Uint8Array(3_000_000).map((_, index) => index * 31);
      assert.ok((await run(path, { input: much, backend })).stdoutBytes.equals(much));
    });

    test("passes very many and very large arguments and variables", async () => {
      const args = Array.from({ length: 20_000 }, (_, index) => `argument ${index}`);
      args.push("x".repeat(2_000_000));
      const env = Object.fromEntries(args.map((value, index) => [`V${index}`, value]));
      const { stdout } = await run(behaviour("strings"), { args, env, argv0: "a", backend });
      const facts = (list: string[]) => {
        const bytes = Buffer.from(list.map((each) => `${each}\0`).join(""));
        return `${list.length} ${bytes.length} ${bytes.reduce((sum, byte) => sum + byte, 0)}`;
      };
      const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
      assert.equal(stdout, `arguments ${facts(["a", ...args])}\nvariables ${facts(variables)}\n`);
    });

    test("runs a reactor: initialised once, called, and its end told to the call and to exit", async () => {
      const keep = await Keep.launch({ program: behaviour("reactor"), backend });
      assert.ok(keep.exports.includes("add"));
      assert.equal(await keep.call("add", 2, 3), 105);
      assert.equal(await keep.call("hello"), 0);
      await assert.rejects(keep.call("nothing"), refusal("EINVALIDARGUMENT", /no function named nothing/));
      assert.equal(await keep.call("add", 1, 1), 102);
      await assert.rejects(keep.call("leave", 7), refusal("ESTOPPED", /leave/));
      assert.deepEqual(await keep.exit, { kind: "exited", code: 7 });
      await assert.rejects(keep.call("add", 1, 1), refusal("ESTOPPED", /add/));
      assert.equal(await textOf(keep.stdout), "hello\n");
    });

    test("a reactor's trap ends it", async () => {
      const keep = await Keep.launch({ program: behaviour("reactor"), backend });
      await assert.rejects(keep.call("fail"), refusal("ESTOPPED", /fail/));
      assert.equal((await keep.exit).kind, "trapped");
    });

    test("arguments that do not fit a function are refused, and the keep goes on", async () => {
      await using keep = await Keep.launch({ program: behaviour("spin"), backend });
      await assert.rejects(keep.call("wide", 5), refusal("EINVALIDARGUMENT", /wide/));
      await assert.rejects(keep.call("wide", "x" as unknown as number), refusal("EINVALIDARGUMENT", /wide/));
      assert.equal(await keep.call("wide", 5n), 6n);
    });

    test("a waiting reactor is stopped", async () => {
      const keep = await Keep.launch({ program: behaviour("reactor"), backend });
      assert.deepEqual(await keep.stop(), { kind: "stopped", reason: "request" });
      assert.deepEqual(await keep.stop(), { kind: "stopped", reason: "request" });
      await assert.rejects(keep.call("add", 1, 1), refusal("ESTOPPED", /add/));
    });

    test("one reactor's memory is not another's", async () => {
      const values: unknown[] = [];
      for (let i = 0; i < 4; i++) {
        const keep = await Keep.launch({ program: behaviour("spin"), backend });
        values.push(await keep.call("peek", 64));
        await keep.call("poke", 64, 1234 + i);
        values.push(await keep.call("peek", 64));
        await keep.stop();
      }
      assert.deepEqual(values, [0, 1234, 0, 1235, 0, 1236, 0, 1237]);
    });

    test("run() refuses a reactor", async () => {
      await assert.rejects(run(behaviour("reactor"), { backend }), refusal("EBADPROGRAM", /_start/));
    });

    test("an aborted signal stops it, also before the start", async () => {
      const aborted = await run(behaviour("sleep"), { signal: AbortSignal.abort(), backend });
      assert.deepEqual(aborted.exit, { kind: "stopped", reason: "request" });
      assert.equal(aborted.code, 137);
    });

    test("limits: memory, output, descriptors", async (t) => {
      const memory = await run(behaviour("memory_bomb"), { limits: { memory: "1MiB" }, backend });
      assert.equal(memory.stdout, "pages 16\n");
      await assert.rejects(
        run(behaviour("many_pages"), { limits: { memory: "1MiB" }, backend }),
        refusal("ERESOURCE", /memory/),
      );
      const flood = await run(behaviour("flood"), { limits: { output: 100_000 }, backend });
      assert.equal(flood.stdoutBytes.length, 100_000);
      assert.equal(flood.code, 22, "EFBIG");
      const dirs = [{ host: temporaryDirectory(t) }];
      const descriptors = await run(behaviour("descriptors"), { limits: { descriptors: 40 }, dirs, backend });
      assert.equal(descriptors.stdout, "opened 36 mfile\n");
    });

    test("policy.refuse answers with its errno", async (t) => {
      const host = temporaryDirectory(t);
      const dirs = [{ host, guest: "/", access: "read-write" }] as const;
      for (const [errno, name] of [
        [1, "perm"],
        [38, "nosys"],
      ] as const) {
        const policy = { refuse: { openat2: errno } };
        const { stdout } = await run(behaviour("write_file"), { args: ["f", "text"], dirs, policy, backend });
        assert.equal(stdout, `${name}\n`);
      }
      await assert.rejects(
        run(behaviour("nothing"), { policy: { refuse: { opne: 1 } as object }, backend }),
        refusal("EINVALIDARGUMENT", /opne/),
      );
    });

    test("reads only what a read-only directory grants", async (t) => {
      const host = temporaryDirectory(t);
      writeFileSync(join(host, "f"), "kept");
      const { code } = await run(behaviour("write_file"), {
        args: ["f", "lost"],
        dirs: [{ host, guest: "/" }],
        backend,
      });
      assert.notEqual(code, 0);
      assert.equal(readFileSync(join(host, "f"), "utf8"), "kept");
    });

    test("what cannot be started is refused once, with a code", async (t) => {
      const directory = temporaryDirectory(t);
      mkdirSync(join(directory, "program.wasm"));
      const bytes = readFileSync(behaviour("exit"));
      writeFileSync(join(directory, "half.wasm"), bytes.subarray(0, bytes.length / 2));
      const launch = (options: object) => Keep.launch({ program: behaviour("nothing"), backend, ...options });
      for (const [options, code, words] of [
        [{ program: join(directory, "none.wasm") }, "ENOTFOUND", /no such file/],
        [{ program: join(directory, "program.wasm") }, "EBADPROGRAM", /directory/],
        [{ program: "/dev/zero" }, "EBADPROGRAM", /device/],
        [{ program: Buffer.from("#!/bin/sh\n") }, "EBADPROGRAM", /script|not/],
        [{ program: join(directory, "half.wasm") }, "EBADPROGRAM", /cut off/],
        [{ program: undefined }, "EINVALIDARGUMENT", /program/],
        [{ program: behaviour("unknown_imports") }, "EBADPROGRAM", /sock_open/],
        [{ dirs: [{ host: join(directory, "none") }] }, "ENOTFOUND", /no such directory/],
        [{ dirs: [{ host: join(directory, "half.wasm") }] }, "ENOTFOUND", /it is a file/],
        [{ args: ["a\0b"] }, "EINVALIDARGUMENT", /NUL/],
        [{ env: { "A=B": "c" } }, "EINVALIDARGUMENT", /variable/],
        [{ env: { A: undefined } }, "EINVALIDARGUMENT", /variable A/],
        [{ stdio: 999 }, "EINVALIDARGUMENT", /not open/],
        [{ stdio: { stdout: "nowhere" } }, "EINVALIDARGUMENT", /stdout/],
        [{ limits: { memory: "1KiB" } }, "EINVALIDARGUMENT", /memory/],
        [{ limits: { descriptors: 2 } }, "EINVALIDARGUMENT", /descriptors/],
        [{ limits: { descriptors: 3 }, dirs: [{ host: directory }] }, "ERESOURCE", /descriptors/],
        [{ timeout: "soon" }, "EINVALIDARGUMENT", /soon/],
        [{ backend: "magic" }, "EINVALIDARGUMENT", /magic/],
        [{ trace: { to: join(directory, "none", "trace") } }, "ENOTFOUND", /trace/],
        [{ trace: { to: 999 } }, "EINVALIDARGUMENT", /999/],
      ] as const) {
        await assert.rejects(launch(options), refusal(code, words), JSON.stringify(options));
      }
    });
  });
}

test("the streams of a thread keep can be written and read as it goes", async () => {
  const keep = await Keep.launch({ program: behaviour("cat") });
  keep.stdin!.write("first\n");
  const chunks = keep.stdout![Symbol.asyncIterator]();
  assert.equal(String((await chunks.next()).value), "first\n");
  keep.stdin!.end("last\n");
  assert.equal(String((await chunks.next()).value), "last\n");
  assert.deepEqual(await chunks.next(), { done: true, value: undefined });
  assert.equal(exitStatus(await keep.exit), 0);
});

test("a thread that serves one keep after another keeps nothing of them, and answers none for another", async () => {
  for (let i = 0; i < 5; i++) {
    const keep = await Keep.launch({ program: behaviour("reactor"), env: { ROUND: String(i) } });
    // The second call is under way when the first one ends the keep, and must not reach the next keep.
    const calls = await Promise.allSettled([keep.call("leave", i), keep.call("hello")]);
    for (const call of calls) assert.equal((call as PromiseRejectedResult).reason.code, "ESTOPPED");
    const next = await Keep.launch({ program: behaviour("reactor") });
    assert.equal(await next.call("add", 1, i), 101 + i);
    assert.deepEqual(await keep.exit, { kind: "exited", code: i });
    assert.equal(await textOf(keep.stdout), "");
    await assert.rejects(next.call("leave", 0), { code: "ESTOPPED" });
    assert.equal(await textOf(next.stdout), "");
  }
});

test("a reader that goes away is EPIPE for the program", async () => {
  const keep = await Keep.launch({ program: behaviour("flood") });
  keep.stdout!.destroy();
  assert.deepEqual(await keep.exit, { kind: "exited", code: 64 });
});

test("output that nobody reads before the end is there after it", async () => {
  const keep = await Keep.launch({ program: behaviour("show"), args: ["x".repeat(3000)] });
  await keep.exit;
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.match(await textOf(keep.stdout), /^argument show\.wasm\nargument x{3000}\n$/);
});

test("functions of the application need the inline backend, where they see and decide each call", async () => {
  const seen: string[] = [];
  const result = await run(behaviour("show"), {
    backend: "inline",
    observers: [{ before: ({ name }) => void seen.push(`before ${name}`), after: ({ name }) => void seen.push(name) }],
  });
  assert.equal(result.stdout, "argument show.wasm\n");
  assert.ok(seen.includes("before write") && seen.includes("write"));
  const decided = await run(behaviour("flood"), {
    backend: "inline",
    policy: { decide: (request) => (request.name === "write" ? 13 : 0) },
  });
  assert.equal(decided.code, 2, "EACCES");
  for (const options of [{ observers: [{}] }, { policy: { decide: () => 0 } }]) {
    await assert.rejects(run(behaviour("nothing"), options), refusal("EINVALIDARGUMENT", /inline/));
  }
  await assert.rejects(
    run(behaviour("nothing"), { backend: "inline", timeout: 5 }),
    refusal("EINVALIDARGUMENT", /timeout/),
  );
});

test("an observer can stop an inline keep", async () => {
  const controller = new AbortController();
  let calls = 0;
  const observers = [{ after: () => void (++calls === 100 && controller.abort()) }];
  const { exit } = await run(behaviour("many_calls"), { backend: "inline", observers, signal: controller.signal });
  assert.deepEqual(exit, { kind: "stopped", reason: "request" });
  assert.equal(calls, 100);
});

test("a trap is told with its place in the program's file, whatever was changed in the module", async () => {
  const nothing = new Array(40).fill(0x01);
  const trapping = [...nothing, 0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 11, 0, Instruction.unreachable];
  const program = encodeModule({
    types: [{ parameters: [], results: [] }],
    functions: [
      { type: 0, code: [...nothing, Instruction.call, 1] },
      { type: 0, code: trapping },
    ],
    memories: [{ minimum: 1 }],
    exports: [
      { name: "memory", kind: "memory", index: 0 },
      { name: "_start", kind: "function", index: 0 },
    ],
  });
  const call = program.indexOf(Instruction.call, program.indexOf(0x01, 60));
  const expected = [
    { function: "function 1", offset: program.lastIndexOf(Instruction.unreachable) },
    { function: "function 0", offset: call },
  ];
  for (const backend of ["inline", "thread"] as const) {
    for (const limits of [{}, { memory: "1MiB" }]) {
      const { exit } = await run(program, { backend, limits });
      assert.ok(exit.kind === "trapped");
      assert.deepEqual(exit.exception.frames, expected, `${backend} ${JSON.stringify(limits)}`);
    }
  }
});
