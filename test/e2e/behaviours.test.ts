// Programs with one behaviour each, run by the built command: exit codes, traps, endless programs, odd modules.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { freePort, missing, program, run, temporaryDirectory } from "./programs.js";

const file = (name: string): string => program(`behaviours/${name}`);

describe("behaviours of programs", { skip: missing, concurrency: 2 }, () => {
  describe("exit codes", () => {
    // The command's status is the low 8 bits of the program's code.
    for (const [code, status] of [
      ["0", 0],
      ["3", 3],
      ["125", 125],
      ["126", 126],
      ["255", 255],
      ["263", 7],
      ["-1", 255],
      ["4294967040", 0],
    ] as const) {
      test(`${code} is status ${status}`, async () => {
        const result = await run(file("exit"), { args: [code] });
        assert.equal(result.status, status, result.stderr);
      });
    }
    test("a return from _start is status 0", async () => assert.equal((await run(file("exit"))).status, 0));
    test("a handler for everything does not catch an exit", async () => {
      const result = await run(file("catch_all"));
      assert.equal(result.stdout.toString(), "");
      assert.equal(result.status, 7, result.stderr);
    });
    test("a program's own exceptions work", async () => assert.equal((await run(file("catch_own"))).status, 5));
    test("an exit in the start section counts", async () =>
      assert.equal((await run(file("start_section_exit"))).status, 9));
  });

  describe("traps are status 134, and say what happened", () => {
    for (const [way, words] of [
      ["unreachable", /unreachable/],
      ["divide", /divi/i],
      ["overflow", /unrepresentable|overflow/i],
      ["bounds", /out of bounds|memory/i],
      ["stack", /out of bounds|memory/i],
      ["calls", /stack/i],
      ["indirect", /signature|mismatch|indirect/i],
      ["null-call", /null|signature|table|indirect/i],
    ] as const) {
      test(way, async () => {
        const result = await run(file("traps"), { args: [way] });
        assert.equal(result.stdout.toString(), "about to trap\n");
        assert.equal(result.status, 134, result.stderr);
        assert.match(result.stderr, words);
        if (way !== "calls" && way !== "stack") assert.match(result.stderr, /inner_trap/);
      });
    }
    test("an exception that nobody catches", async () => assert.equal((await run(file("uncaught"))).status, 134));
    test("a trap in the start section", async () => assert.equal((await run(file("start_section_trap"))).status, 134));
  });

  describe("kinds of modules", () => {
    for (const [name, output] of [
      ["nothing", ""],
      ["all_imports", ""],
      ["import_memory", "imported\n"],
      ["import_memory_exported", "imported\n"],
      ["import_memory_shared", "shared\n"],
    ]) {
      test(`${name} runs`, async () => {
        const result = await run(file(name));
        assert.equal(result.stdout.toString(), output, result.stderr);
        assert.equal(result.status, 0, result.stderr);
      });
    }
    test("both generations of WASI share one descriptor table", async (t) => {
      const directory = temporaryDirectory(t);
      writeFileSync(join(directory, "f"), "text");
      const result = await run(file("both_generations"), { flags: ["--dir", `${directory}::/`] });
      assert.equal(result.status, 0, result.stderr);
    });
    test("a memory of 4 GiB can be used to its last byte", async () => {
      const result = await run(file("four_gib"), { flags: ["--memory", "4GiB"] });
      assert.equal(result.stdout.toString(), "ok\n", `check ${result.status}: ${result.stderr}`);
      assert.equal(result.status, 0);
    });
    for (const [name, words] of [
      ["unknown_imports", /sock_open.*thread_spawn_v2.*magic/s],
      ["unstable_accept", /sock_accept/],
      ["wrong_signature", /fd_write/],
      ["threads_incomplete", /uses threads, but .*wasi_thread_start.*shared/],
      ["memory64", /64-bit memory/],
      ["memory64_import", /64-bit memory/],
      ["no_memory", /memory/],
      ["reactor", /_start/],
      ["reactor_plain", /_start/],
      ["start_section", /start section/],
      ["start_and_initialize", /_start.*_initialize|_initialize.*_start/s],
      ["start_with_parameter", /_start/],
      ["start_no_function", /_start/],
      ["exception_signature", /__keep_exception.*\(i32, i32, i64\)/],
    ] as const) {
      test(`${name} is refused before it runs`, async () => {
        const result = await run(file(name));
        assert.equal(result.status, 125, result.stderr);
        assert.match(result.stderr, words);
        assert.doesNotMatch(result.stderr, /\n\s+at .*\.js:/);
      });
    }
    test("a component is refused by that name", async (t) => {
      const path = join(temporaryDirectory(t), "component.wasm");
      writeFileSync(path, Buffer.from([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0]));
      const result = await run(path);
      assert.equal(result.status, 125, result.stderr);
      assert.match(result.stderr, /component/);
    });
  });

  describe("what a program is given", () => {
    test("arguments, variables and directories", async (t) => {
      const directory = temporaryDirectory(t);
      const flags = ["--dir", `${directory}::/work`, "--env", "A=1", "--env", "B=two words"];
      const result = await run(file("show"), { flags, args: ["--dir", "x y", ""] });
      const lines = result.stdout.toString().split("\n");
      assert.match(lines[0], /^argument .*show\.wasm$/);
      assert.deepEqual(lines.slice(1), [
        "argument --dir",
        "argument x y",
        "argument ",
        "variable A=1",
        "variable B=two words",
        "directory /work",
        "",
      ]);
    });
    test("nothing of the host's environment", async () => {
      const result = await run(file("show"));
      assert.doesNotMatch(result.stdout.toString(), /variable|directory/);
    });
    test("standard input, byte for byte", async () => {
      const bytes = Buffer.alloc(1_000_000, 0);
      for (let at = 0; at < bytes.length; at++) bytes[at] = (at * 7 + (at >> 8)) & 255;
      const result = await run(file("cat"), { stdin: bytes });
      assert.equal(result.status, 0, result.stderr);
      assert.ok(result.stdout.equals(bytes));
    });
    test("a directory to write to", async () => {
      const directory = mkdtempSync(join(tmpdir(), "postern-programs-"));
      try {
        const result = await run(file("write_file"), {
          flags: ["--dir", `${directory}::/`],
          args: ["out", "contents"],
        });
        assert.equal(result.status, 0, result.stderr);
        assert.equal(readFileSync(join(directory, "out"), "utf8"), "contents");
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    });
  });

  describe("programs without an end", () => {
    for (const name of ["loop", "read_stdin", "sleep", "poll_forever"]) {
      test(`${name} ends at the time limit`, async () => {
        const start = performance.now();
        const result = await run(file(name), { flags: ["--timeout", "1s"], stdin: "open", timeoutMs: 20_000 });
        assert.equal(result.status, 124, result.stderr);
        assert.ok(performance.now() - start < 10_000);
        assert.match(result.stdout.toString(), /ing\n$/, "what it printed before is there");
      });
    }
    test("a wait for a connection ends at the time limit", async () => {
      const flags = ["--timeout", "1s", "--listen", `main=tcp:127.0.0.1:${await freePort()}`];
      const result = await run(file("accept"), { flags, timeoutMs: 20_000 });
      assert.equal(result.status, 124, result.stderr);
    });
    test("a wait for a connection ends when one comes", async () => {
      const port = await freePort();
      let greeting = "";
      const result = await run(file("accept"), {
        flags: ["--listen", `main=tcp:127.0.0.1:${port}`],
        onOutput: (text) => {
          if (text === "accepting\n") connect(port, "127.0.0.1").on("data", (chunk: Buffer) => (greeting += chunk));
        },
      });
      assert.equal(result.status, 0, result.stderr);
      assert.equal(greeting, "welcome\n");
    });
    test("a memory bomb is held at the limit", async () => {
      const result = await run(file("memory_bomb"), { flags: ["--memory", "16MiB"] });
      assert.equal(result.stdout.toString(), "pages 256\n", result.stderr);
      assert.equal(result.status, 0);
    });
    test("a program that wants more memory at the start is refused", async () => {
      const result = await run(file("many_pages"), { flags: ["--memory", "16MiB"] });
      assert.notEqual(result.status, 0);
      assert.match(result.stderr, /memory/);
    });
    test("a flood of output is held at the limit", async () => {
      const result = await run(file("flood"), { flags: ["--max-output", "1MiB"], timeoutMs: 30_000 });
      assert.ok(!result.timedOut);
      assert.ok(result.stdout.length <= 1024 * 1024, `${result.stdout.length} bytes`);
      assert.notEqual(result.status, 0);
    });
    test("a flood into a pipe whose reader left ends with an errno for the program, not with a crash", async () => {
      const result = await run(file("flood"), {
        timeoutMs: 30_000,
        during: (child) => new Promise((resolve) => setTimeout(() => resolve(void child.stdout?.destroy()), 500)),
      });
      assert.ok(!result.timedOut);
      // EPIPE, or ECONNRESET where the pipe is a socket with unread data.
      assert.ok(result.status === 64 || result.status === 15, `status ${result.status}: ${result.stderr}`);
    });
  });
});
