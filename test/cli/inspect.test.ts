import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { readableSize } from "#src/cli/inspection.js";
import { type EncodedModule, encodedName, encodeModule } from "#src/wasm/encode.js";
import { bash, inDirectory, postern } from "./run-command.js";

const command: EncodedModule = {
  types: [
    { parameters: [], results: [] },
    { parameters: ["i32", "i32", "i32", "i32"], results: ["i32"] },
  ],
  imports: [{ module: "wasi_snapshot_preview1", name: "fd_write", kind: "function", type: 1 }],
  functions: [{ type: 0, code: [] }],
  memories: [{ minimum: 2, maximum: 32 }],
  exports: [
    { name: "_start", kind: "function", index: 1 },
    { name: "memory", kind: "memory", index: 0 },
  ],
  custom: [
    { name: "producers", contents: [1, ...encodedName("language"), 1, ...encodedName("Zig"), ...encodedName("0.13")] },
  ],
};

/** Inspects bytes in a file and gives what was printed. */
function inspect(bytes: Uint8Array | string, ...options: string[]) {
  return inDirectory((directory) => {
    const file = join(directory, "program.wasm");
    writeFileSync(file, bytes);
    return { ...postern("inspect", ...options, file), file };
  });
}

test("a program that can run is described in words, status 0", () => {
  const { stdout, stderr, status, file } = inspect(encodeModule(command));
  assert.equal(
    stdout,
    [
      `${file}: a command, can run here`,
      "  size      128 bytes: 1 function in 4 bytes, data 0 bytes",
      "  memory    at least 128 KiB, at most 2 MiB",
      "  imports   from wasi_snapshot_preview1: fd_write",
      "  exports   _start, memory (memory)",
      "  made by   Zig 0.13",
      "",
    ].join("\n"),
  );
  assert.equal(stderr, "");
  assert.equal(status, 0);
});

test("the same as JSON", () => {
  const { stdout, status, file } = inspect(encodeModule(command), "--json");
  const report = JSON.parse(stdout);
  assert.equal(status, 0);
  assert.deepEqual(
    [report.file, report.kind, report.runnable, report.loadable, report.problems],
    [file, "command", true, true, []],
  );
  assert.equal(report.module.imports[0].name, "fd_write");
  assert.deepEqual(report.module.memories, [{ minimum: 2, maximum: 32, shared: false, is64: false }]);
  assert.deepEqual(report.module.producers.language, [{ name: "Zig", version: "0.13" }]);
});

test("what cannot run is told why and what to do, status 1, in words and in JSON", () => {
  const component = Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00);
  const threads = encodeModule({
    ...command,
    imports: [{ module: "wasi", name: "thread-spawn", kind: "function", type: 1 }],
  });
  const emscripten = encodeModule({
    ...command,
    imports: [{ module: "env", name: "emscripten_resize_heap", kind: "function", type: 1 }],
  });
  const cases: [Uint8Array | string, string, RegExp][] = [
    [component, "component", /a component \(WASI 0\.2\)[\s\S]*wasm32-wasip1/],
    [threads, "threads", /uses threads[\s\S]*wasi_thread_start/],
    [emscripten, "emscripten", /Emscripten[\s\S]*STANDALONE_WASM/],
    [encodeModule({ ...command, exports: [{ name: "memory", kind: "memory", index: 0 }] }), "no-start", /no _start/],
    [encodeModule(command).subarray(0, 40), "malformed", /at byte \d+/],
    ["\u007fELF", "not-wasm", /an ELF file/],
    ["#!/bin/sh\n", "not-wasm", /a script/],
    ["", "not-wasm", /empty/],
  ];
  for (const [bytes, code, words] of cases) {
    const { stdout, status } = inspect(bytes);
    assert.equal(status, 1);
    assert.match(stdout.replaceAll(/\s+/g, " "), new RegExp(words.source.replaceAll("[\\s\\S]", ".")));
    assert.match(stdout, /cannot run here/);
    const json = inspect(bytes, "--json");
    assert.equal(json.status, 1);
    assert.equal(JSON.parse(json.stdout).problems[0].code, code);
  }
});

test("a file that cannot be read is named with the reason, status 2", () => {
  inDirectory((directory) => {
    const cases: [string, RegExp][] = [
      [join(directory, "missing.wasm"), /missing\.wasm does not exist/],
      [directory, /is a directory/],
      ["/dev/zero", /is a device/],
      [join(directory, "x".repeat(300)), /cannot be read: ENAMETOOLONG/],
    ];
    for (const [file, expected] of cases) {
      const { stdout, stderr, status } = postern("inspect", file);
      assert.match(stderr, expected);
      assert.match(stderr, /^postern: /);
      assert.equal(stdout, "");
      assert.equal(status, 2);
    }
  });
});

test("a program can come from a pipe", () => {
  inDirectory((directory) => {
    writeFileSync(join(directory, "program.wasm"), encodeModule(command));
    const { stdout, status } = bash("postern inspect <(cat program.wasm)", directory);
    assert.match(stdout, /a command, can run here/);
    assert.equal(status, 0);
  });
});

test("a compiler of 75 MB is inspected", (context) => {
  const file = fileURLToPath(new URL("../../../node_modules/@yowasp/clang/gen/llvm.core.wasm", import.meta.url));
  if (!existsSync(file)) return context.skip("@yowasp/clang is not installed");
  const { stdout, status } = postern("inspect", file);
  assert.match(stdout, /a command, can run here/);
  assert.match(stdout, /\n {2}memory {4}at least 17\.4 MiB, at most 4 GiB\n/);
  assert.equal(status, 0);
});

test("sizes are shown in units a person can take in", () => {
  assert.deepEqual([0, 1023, 1024, 1536, 4 * 2 ** 30].map(readableSize), [
    "0 bytes",
    "1023 bytes",
    "1 KiB",
    "1.5 KiB",
    "4 GiB",
  ]);
});
