// Programs built by compilers with a standard library of their own: what those libraries expect of WASI must hold.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { report } from "./checks.js";
import { missing, program, run, temporaryDirectory } from "./programs.js";

describe("programs of other toolchains", { skip: missing, concurrency: 2 }, () => {
  for (const [name, title] of [
    ["libc", "C with wasi-libc"],
    ["libc-newer", "C with a newer wasi-libc"],
    ["rust", "Rust"],
    ["zig", "Zig"],
    ["assemblyscript", "AssemblyScript"],
  ]) {
    test(title, async (t) => {
      const directory = temporaryDirectory(t);
      const flags = ["--dir", `${directory}::/`, "--env", "HOME=/home"];
      const result = await run(program(`toolchains/${name}`), { flags, args: ["one"] });
      await report(t, result);
      if (name === "rust" || name === "assemblyscript") {
        await t.test("standard error arrives", () => assert.ok(result.stderr.includes("to stderr\n")));
      }
      // The program left a file behind; its contents are what it wrote, seen from outside.
      if (name === "rust") assert.equal(readFileSync(join(directory, "file"), "utf8"), "hello!!");
    });
  }

  test("AssemblyScript's abort is exit code 255, with its message", async () => {
    const result = await run(program("toolchains/abort"));
    assert.equal(result.stdout.toString(), "before\n");
    assert.match(result.stderr, /abort: it must not be empty in .*abort\.as\.ts/);
    assert.equal(result.status, 255);
  });
});
