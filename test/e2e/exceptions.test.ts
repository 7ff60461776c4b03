// A program's exception entry: what it sees, what it may do, and which status the keep ends with.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Keep } from "#src/keep/keep.js";
import { missing, program, run, temporaryDirectory } from "./programs.js";

const file = program("behaviours/crash_report");

for (const backend of ["inline", "thread"] as const) {
  describe(`exception entries, ${backend} backend`, { skip: missing, concurrency: 2 }, () => {
    for (const [way, line, report] of [
      ["unreachable", "vector 6 code 0 address 0x0", "it was no page"],
      ["divide", "vector 0 code 0 address 0x0", "it was no page"],
      ["bounds", "vector 14 code 4 address 0x100000", "it was a page"],
      ["calls", "vector 14 code 6 address 0xfffffff000", "it was a page"],
    ] as const) {
      test(`${way}: it sees the fault, leaves a report and chooses the status`, async (t) => {
        const directory = temporaryDirectory(t);
        const flags = ["--backend", backend, "--dir", `${directory}::/`];
        const result = await run(file, { flags, args: [way] });
        assert.equal(result.status, 42, result.stderr);
        assert.ok(result.stdout.toString().includes(line), result.stdout.toString());
        assert.equal(readFileSync(join(directory, "crash.txt"), "utf8"), `${report}\n`);
        assert.equal(result.stderr, "");
      });
    }

    test("it may use what the program was granted and no more", async () => {
      const result = await run(file, { flags: ["--backend", backend], args: ["divide"] });
      assert.equal(result.status, 98, result.stderr);
    });

    test("when it returns, the keep ends by the fault: the frame below is dead", async () => {
      const result = await run(file, { flags: ["--backend", backend], args: ["divide", "return"] });
      assert.equal(result.stdout.toString(), "returning\n");
      assert.equal(result.status, 134);
      assert.match(result.stderr, /divide by zero/);
    });

    test("a fault in it ends the keep, and both are told", async () => {
      const result = await run(file, { flags: ["--backend", backend], args: ["bounds", "fault"] });
      assert.equal(result.stdout.toString(), "faulting\n");
      assert.equal(result.status, 134);
      assert.match(
        result.stderr,
        /trapped: memory access out of bounds[\s\S]*exception entry trapped too: divide by zero/,
      );
    });

    test("an exit that is no fault does not enter it", async () => {
      const result = await run(file, { flags: ["--backend", backend], args: ["none"] });
      assert.equal(result.status, 7);
      assert.equal(result.stdout.toString(), "");
    });

    test("the engine's stack may end inside a call: a fault like others, but nothing is entered any more", async () => {
      const result = await run(file, { flags: ["--backend", backend], args: ["host"] });
      assert.ok(result.status === 134 || result.status === 98, result.stderr);
      assert.doesNotMatch(result.stderr, /internal error/);
    });

    test("applications see which fault was handled", async () => {
      const keep = await Keep.launch({ program: file, args: ["divide"], backend, stdio: "ignore" });
      const exit = await keep.exit;
      assert.equal(exit.kind, "exited");
      assert.ok(exit.kind === "exited" && exit.code === 98);
      assert.equal(exit.handled?.message, "divide by zero");
    });
  });
}

describe("stopping a program with an exception entry", { skip: missing }, () => {
  test("a stop is an asynchronous exit and no exception: nothing is entered", async () => {
    const result = await run(file, { flags: ["--timeout", "1500ms"], args: ["loop"] });
    assert.equal(result.stdout.toString(), "looping\n");
    assert.equal(result.status, 124);
  });

  test("an exception entry that never ends can be stopped", async () => {
    const result = await run(file, { flags: ["--timeout", "1500ms"], args: ["divide", "wait"] });
    assert.equal(result.stdout.toString(), "waiting\n");
    assert.equal(result.status, 124);
  });
});
