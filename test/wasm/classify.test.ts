import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { type EncodedImport, type EncodedModule, encodeModule } from "#src/wasm/encode.js";
import {
  classify,
  examine,
  functionsWithoutMemory,
  functionsWithoutResult,
  identify,
  readModule,
  usesThreads,
  wasiSignature,
  wasiSignatures,
} from "#src/wasm/index.js";

const nothing = { parameters: [], results: [] } as const;
const errno = { parameters: [], results: ["i32"] } as const;
const start = { name: "_start", kind: "function", index: 0 } as const;
const initialize = { name: "_initialize", kind: "function", index: 0 } as const;
const memory = { name: "memory", kind: "memory", index: 0 } as const;

/** A module with one function () -> () at index 0, after the imports given. */
function program(parts: EncodedModule = {}, exports: EncodedModule["exports"] = [start, memory]) {
  const shift = parts.imports?.filter(({ kind }) => kind === "function").length ?? 0;
  const moved = exports!.map((entry) => (entry.kind === "function" ? { ...entry, index: entry.index + shift } : entry));
  return encodeModule({
    types: [nothing, errno],
    functions: [{ type: 0, code: [] }],
    memories: [{ minimum: 1 }],
    exports: moved,
    ...parts,
  });
}

const verdict = (bytes: Uint8Array) => classify(readModule(bytes));
const codes = (bytes: Uint8Array) => verdict(bytes).problems.map(({ code }) => code);
const importing = (module: string, ...names: string[]) =>
  program({ imports: names.map((name): EncodedImport => ({ module, name, kind: "function", type: 1 })) });

test("the exports tell the kind", () => {
  const kinds = [
    { exports: [start, memory], kind: "command", runnable: true, loadable: true, codes: [] },
    { exports: [initialize, memory], kind: "reactor", runnable: false, loadable: true, codes: ["no-start"] },
    { exports: [memory], kind: "library", runnable: false, loadable: true, codes: ["no-start"] },
    {
      exports: [start, initialize, memory],
      kind: "invalid",
      runnable: false,
      loadable: false,
      codes: ["two-entry-points"],
    },
  ] as const;
  for (const { exports, codes: expectedCodes, ...expected } of kinds) {
    const { problems, ...found } = verdict(program({}, exports));
    assert.deepEqual(found, expected);
    assert.deepEqual(
      problems.map(({ code }) => code),
      expectedCodes,
    );
  }
});

test("_start and _initialize must be functions without parameters and results", () => {
  const badType = { types: [{ parameters: ["i32"], results: ["i32"] }] } as const;
  const withParameters = verdict(program(badType));
  assert.equal(withParameters.kind, "invalid");
  assert.equal(withParameters.problems[0]!.code, "start-signature");
  assert.match(withParameters.problems[0]!.message, /_start must be a function .* is \(i32\) -> i32/);
  assert.deepEqual(codes(program(badType, [initialize, memory])), ["initialize-signature"]);
  assert.deepEqual(codes(program({}, [{ name: "_start", kind: "memory", index: 0 }, memory])), ["start-signature"]);
});

test("all WASI functions with their types are accepted, from both generations", () => {
  assert.equal(Object.keys(wasiSignatures).length, 46);
  for (const [module, left] of [
    ["wasi_snapshot_preview1", []],
    ["wasi_unstable", ["sock_accept"]],
  ] as const) {
    const names = Object.keys(wasiSignatures).filter((name) => !left.includes(name as never));
    const types = names.map((name) => ({
      parameters: [...wasiSignatures[name]!].map((letter) => (letter === "I" ? ("i64" as const) : ("i32" as const))),
      results: functionsWithoutResult.has(name) ? [] : (["i32"] as const),
    }));
    const bytes = program({
      types: [nothing, ...types],
      imports: names.map((name, index) => ({ module, name, kind: "function", type: index + 1 })),
    });
    assert.deepEqual(verdict(bytes), { kind: "command", runnable: true, loadable: true, problems: [] });
  }
  assert.equal(wasiSignature("wasi_unstable", "sock_accept"), undefined);
  assert.equal(wasiSignature("wasi_snapshot_preview1", "toString"), undefined);
  assert.ok([...functionsWithoutMemory].every((name) => name in wasiSignatures));
});

test("wrong signatures are all named", () => {
  const { problems } = verdict(importing("wasi_snapshot_preview1", "fd_write", "sched_yield", "proc_exit"));
  assert.deepEqual(
    problems.map(({ code, names }) => [code, names]),
    [
      [
        "wrong-signature",
        [
          "fd_write as () -> i32 where it is (i32, i32, i32, i32) -> i32",
          "proc_exit as () -> i32 where it is (i32) -> nothing",
        ],
      ],
    ],
  );
});

test("a program with threads must have everything that threads need", () => {
  const spawn: EncodedImport = { module: "wasi", name: "thread-spawn", kind: "function", type: 1 };
  const incomplete = verdict(program({ imports: [spawn] }));
  assert.deepEqual(
    incomplete.problems.map(({ code }) => code),
    ["threads"],
  );
  assert.match(
    incomplete.problems[0]!.message,
    /thread-spawn is imported as .*\(i32\) -> i32, and it does not export wasi_thread_start .*, and .* shared/,
  );
  const file = new URL("../../../test/fixtures/programs/behaviours/threads.wasm", import.meta.url);
  const bytes = new Uint8Array(readFileSync(file));
  assert.deepEqual(examine(bytes).classification, { kind: "command", runnable: true, loadable: true, problems: [] });
  assert.ok(usesThreads(readModule(bytes)));
});

test("imports that nobody offers are all listed, each family with its hint", () => {
  const families: [string, string, string][] = [
    ["wasix_32v1", "proc_fork", "wasix"],
    ["wasi_snapshot_preview1", "sock_open", "wasmedge-sockets"],
    ["wasi_snapshot_preview1", "fd_levitate", "unknown-wasi-function"],
    ["wasi_unstable", "sock_accept", "wasmedge-sockets"],
    ["wasi_ephemeral_nn", "load", "wasi-nn"],
    ["wasi_ephemeral_crypto_common", "options_open", "wasi-proposal"],
    ["wasi:io/streams@0.2.3", "[method]output-stream.write", "wasi-0.2"],
    ["env", "emscripten_notify_memory_growth", "emscripten"],
    ["env", "abort", "assemblyscript"],
    ["env", "my_function", "undefined-function"],
    ["gojs", "runtime.wasmExit", "go-js"],
    ["__wbindgen_placeholder__", "__wbindgen_throw", "wasm-bindgen"],
    ["plugin", "log", "unknown-import"],
    ["wasi", "thread-join", "unknown-import"],
  ];
  const imports = families.map(([module, name]): EncodedImport => ({ module, name, kind: "function", type: 1 }));
  const { problems, runnable, loadable } = verdict(program({ imports }));
  assert.equal(runnable || loadable, false);
  for (const [module, name, code] of families) {
    const problem = problems.find((entry) => entry.code === code)!;
    assert.ok(problem.names!.includes(`${module}.${name}`), `${module}.${name} under ${code}`);
    assert.ok(problem.message.includes(`${module}.${name}`));
    assert.ok(problem.advice.length > 10);
  }
  assert.equal(problems.flatMap(({ names }) => names ?? []).length, families.length);
});

test("a long list of missing names is cut in the message and whole in the data", () => {
  const names = Array.from({ length: 50 }, (_, index) => `missing${index}`);
  const [problem] = verdict(importing("env", ...names)).problems;
  assert.equal(problem!.names!.length, 50);
  assert.match(problem!.message, /missing19 and 30 more$/);
});

test("imported tables and globals are refused, the memory env.memory is accepted", () => {
  const imports: EncodedImport[] = [
    { module: "env", name: "table", kind: "table", limits: { minimum: 0 } },
    { module: "wasi_snapshot_preview1", name: "fd_write", kind: "global", value: "i32" },
    { module: "other", name: "memory", kind: "memory", limits: { minimum: 1 } },
  ];
  const { problems } = verdict(program({ imports, memories: [] }));
  assert.deepEqual(
    problems.map(({ code, names }) => [code, names]),
    [
      ["unknown-import", ["env.table (table)", "other.memory (memory)"]],
      ["unknown-wasi-function", ["wasi_snapshot_preview1.fd_write (global)"]],
    ],
  );
  const own: EncodedImport = { module: "env", name: "memory", kind: "memory", limits: { minimum: 1 } };
  assert.equal(verdict(program({ imports: [own], memories: [] }, [start])).runnable, true);
  assert.equal(verdict(program({ imports: [own], memories: [] })).runnable, true);
});

test("a program that calls WASI with pointers must export its memory; one that passes none need not", () => {
  const calling = (name: string) => {
    const parameters = [...wasiSignatures[name]!].map((letter) =>
      letter === "I" ? ("i64" as const) : ("i32" as const),
    );
    const results = functionsWithoutResult.has(name) ? [] : (["i32"] as const);
    return program(
      {
        types: [nothing, { parameters, results }],
        imports: [{ module: "wasi_snapshot_preview1", name, kind: "function", type: 1 }],
      },
      [start],
    );
  };
  assert.deepEqual(codes(calling("fd_write")), ["missing-memory"]);
  assert.deepEqual(codes(calling("proc_exit")), []);
  assert.deepEqual(codes(program({ memories: [] }, [start])), []);
});

test("64-bit, shared and several memories are refused with their own sentence", () => {
  assert.deepEqual(codes(program({ memories: [{ minimum: 1, is64: true }] })), ["memory64"]);
  const imported: EncodedImport = { module: "env", name: "memory", kind: "memory", limits: { minimum: 1, is64: true } };
  assert.deepEqual(codes(program({ imports: [imported], memories: [] }, [start])), ["memory64"]);
  assert.deepEqual(codes(program({ memories: [{ minimum: 1, shared: true }] })), ["shared-memory"]);
  assert.deepEqual(codes(program({ memories: [{ minimum: 1, maximum: 2, shared: true }] })), []);
  assert.deepEqual(codes(program({ memories: [{ minimum: 1 }, { minimum: 1 }] })), ["multiple-memories"]);
});

test("object files and dynamic libraries are told from programs that keep such sections", () => {
  const section = (name: string) => ({ custom: [{ name, contents: [2] }] });
  assert.deepEqual(codes(program(section("linking"), [])), ["object-file"]);
  assert.deepEqual(codes(program(section("dylink.0"), [memory])), ["dynamic-library"]);
  assert.deepEqual(codes(program(section("linking"))), []);
});

test("a component is invalid, with a sentence that says what it is", () => {
  const bytes = Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00, 0xff, 0xff);
  const { info, classification } = examine(bytes);
  assert.equal(info?.format, "component");
  assert.equal(classification.kind, "invalid");
  assert.equal(classification.problems[0]!.code, "component");
  assert.match(classification.problems[0]!.message, /a component \(WASI 0\.2\), this runs core modules/);
});

test("a file that is no WebAssembly is named for what it is", () => {
  const text = (characters: string) => new TextEncoder().encode(characters);
  const files: [Uint8Array, string][] = [
    [new Uint8Array(0), "empty"],
    [Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2), "elf"],
    [text("#!/bin/sh\n"), "script"],
    [Uint8Array.of(0x1f, 0x8b, 8), "gzip"],
    [text("PK\u0003\u0004rest"), "zip"],
    [text("(module)"), "wat"],
    [text(";; a comment\n  (; another ;) (component)"), "wat"],
    [text("hello world"), "text"],
    [text("<!doctype html>"), "text"],
    [Uint8Array.of(1, 2, 3), "unknown"],
    [text("!<arch>\n"), "archive"],
    [Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 2, 0, 0, 0), "wasm-version"],
  ];
  for (const [bytes, format] of files) {
    assert.equal(identify(bytes).format, format);
    const { info, classification } = examine(bytes);
    assert.equal(info, undefined);
    assert.equal(classification.problems[0]!.code, format === "wasm-version" ? "wasm-version" : "not-wasm");
    assert.ok(classification.problems[0]!.advice.length > 0);
    assert.throws(() => readModule(bytes), { name: "PosternError", code: "EBADPROGRAM" });
  }
});

test("a damaged module is one problem with its offset", () => {
  const { info, classification } = examine(program().subarray(0, 20));
  assert.equal(info, undefined);
  assert.equal(classification.problems[0]!.code, "malformed");
  assert.match(classification.problems[0]!.message, /at byte \d+/);
});
