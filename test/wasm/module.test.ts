import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { PosternError } from "#src/errors.js";
import { encodedName, encodedSection, encodeModule, Instruction, unsigned } from "#src/wasm/encode.js";
import { readModule, WebAssembly } from "#src/wasm/index.js";

const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const binary = (...sections: number[][]) => Uint8Array.from([HEADER, ...sections].flat());
const malformedAt = (offset: number) => ({ name: "PosternError", code: "EMALFORMED", offset });

/** A module that uses every section the reader looks at. */
const sample = encodeModule({
  types: [
    { parameters: ["i32", "i64", "f32", "f64"], results: ["i32"] },
    { parameters: [], results: [] },
    { parameters: [], results: ["i32", "i64"] },
  ],
  imports: [
    { module: "wasi_snapshot_preview1", name: "fd_write", kind: "function", type: 0 },
    { module: "env", name: "table", kind: "table", limits: { minimum: 1, maximum: 9 } },
    { module: "env", name: "stack", kind: "global", value: "i32", mutable: true },
    { module: "env", name: "base", kind: "global", value: "f64" },
  ],
  functions: [
    { type: 1, code: [] },
    { type: 1, code: [Instruction.unreachable] },
  ],
  memories: [{ minimum: 300, maximum: 65536 }],
  exports: [
    { name: "_start", kind: "function", index: 1 },
    { name: "memory", kind: "memory", index: 0 },
    { name: "größe", kind: "global", index: 1 },
  ],
  start: 2,
  data: [{ offset: 8, bytes: Uint8Array.of(1, 2, 3) }],
  custom: [
    {
      name: "producers",
      contents: [2, ...producersField("language", "C11", ""), ...producersField("processed-by", "clang", "14.0.6")],
    },
    { name: "target_features", contents: [2, 0x2b, ...encodedName("bulk-memory"), 0x2d, ...encodedName("atomics")] },
    { name: "name", contents: [...nameSubsection(0, encodedName("sample")), ...functionNames([[1, "main"]])] },
  ],
});

function producersField(field: string, name: string, version: string): number[] {
  return [...encodedName(field), 1, ...encodedName(name), ...encodedName(version)];
}

function nameSubsection(identifier: number, contents: number[]): number[] {
  return encodedSection(identifier, contents);
}

function functionNames(names: [number, string][]): number[] {
  return nameSubsection(1, [
    names.length,
    ...names.flatMap(([index, name]) => [...unsigned(index), ...encodedName(name)]),
  ]);
}

test("everything a runtime needs to know is read", () => {
  const info = readModule(sample);
  assert.equal(info.format, "module");
  assert.deepEqual(info.imports, [
    {
      module: "wasi_snapshot_preview1",
      name: "fd_write",
      kind: "function",
      type: { parameters: ["i32", "i64", "f32", "f64"], results: ["i32"] },
    },
    {
      module: "env",
      name: "table",
      kind: "table",
      table: { element: "funcref", minimum: 1, maximum: 9, shared: false, is64: false },
    },
    { module: "env", name: "stack", kind: "global", global: { value: "i32", mutable: true } },
    { module: "env", name: "base", kind: "global", global: { value: "f64", mutable: false } },
  ]);
  assert.deepEqual(info.exports, [
    { name: "_start", kind: "function", index: 1, type: { parameters: [], results: [] } },
    { name: "memory", kind: "memory", index: 0, type: undefined },
    { name: "größe", kind: "global", index: 1, type: undefined },
  ]);
  assert.deepEqual(info.memories, [{ minimum: 300, maximum: 65536, shared: false, is64: false }]);
  assert.equal(info.types.length, 3);
  assert.equal(info.functionCount, 2);
  assert.equal(info.start, 2);
  assert.deepEqual(
    info.customSections.map(({ name }) => name),
    ["producers", "target_features", "name"],
  );
  assert.deepEqual(info.producers, {
    language: [{ name: "C11", version: "" }],
    processedBy: [{ name: "clang", version: "14.0.6" }],
    sdk: [],
  });
  assert.deepEqual(info.targetFeatures, [
    { used: true, name: "bulk-memory" },
    { used: false, name: "atomics" },
  ]);
  assert.equal(info.names.module, "sample");
  assert.equal(info.names.functionName(1), "main");
  assert.equal(info.names.functionName(0), undefined);
  assert.equal(info.names.complete, true);
  assert.equal(info.sizes.file, sample.length);
  assert.ok(info.sizes.code > 0 && info.sizes.data > 0);
});

test("the reader and the engine agree on imports and exports of the sample", () => {
  const module = new WebAssembly.Module(sample);
  const names = (list: readonly { name: string; kind: string }[]) => list.map(({ name, kind }) => `${kind} ${name}`);
  const info = readModule(sample);
  assert.deepEqual(names(info.imports), names(WebAssembly.Module.imports(module)));
  assert.deepEqual(names(info.exports), names(WebAssembly.Module.exports(module)));
});

test("a module cut off at any byte gives a module or EMALFORMED, never anything else", () => {
  let whole = 0;
  for (let length = 1; length < sample.length; length++) {
    try {
      readModule(sample.subarray(0, length));
      whole++;
    } catch (error) {
      assert.ok(error instanceof PosternError, `at ${length}: ${error}`);
      assert.ok(error.code === "EMALFORMED" || length < 4, `at ${length}: ${error.code}`);
      if (error.code === "EMALFORMED") assert.ok(error.offset! <= length, `offset ${error.offset} of ${length}`);
    }
  }
  assert.ok(whole > 0, "cutting between the last sections leaves a module");
});

test("any change of bytes gives a module or a PosternError", () => {
  const change = fc.record({ at: fc.nat(sample.length - 1), byte: fc.integer({ min: 0, max: 255 }) });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
      const damaged = sample.slice();
      for (const { at, byte } of changes) damaged[at] = byte;
      onlyPosternErrors(damaged);
    }),
    { numRuns: 5000 },
  );
});

test("whatever the engine accepts is read, with the same imports and exports", () => {
  const named = (list: readonly { name: string; kind: string }[]) => list.map(({ name, kind }) => `${kind} ${name}`);
  let accepted = 0;
  const property = fc.property(fc.nat(sample.length - 1), fc.integer({ min: 0, max: 255 }), (at, byte) => {
    const changed = sample.slice();
    changed[at] = byte;
    if (!WebAssembly.validate(changed)) return;
    accepted++;
    const module = new WebAssembly.Module(changed);
    const info = readModule(changed);
    assert.deepEqual(named(info.imports), named(WebAssembly.Module.imports(module)));
    assert.deepEqual(named(info.exports), named(WebAssembly.Module.exports(module)));
  });
  fc.assert(property, { numRuns: 3000 });
  assert.ok(accepted > 100, `the engine accepted ${accepted} changed modules`);
});

test("more parameters than memory should hold are refused", () => {
  const type = [0x60, ...unsigned(1000), ...new Array(1000).fill(0x7f), 0];
  const types = (count: number) => [...unsigned(count), ...new Array(count).fill(type).flat()];
  assert.equal(readModule(binary(encodedSection(1, types(1000)))).types.length, 1000);
  assert.throws(() => readModule(binary(encodedSection(1, types(1001)))), { code: "EMALFORMED" });
});

test("any bytes behind a header give a module or a PosternError", () => {
  const sections = fc.array(
    fc
      .tuple(fc.integer({ min: 0, max: 14 }), fc.uint8Array({ maxLength: 40 }))
      .map(([identifier, contents]) => encodedSection(identifier, [...contents])),
    { maxLength: 4 },
  );
  fc.assert(
    fc.property(sections, (list) => onlyPosternErrors(binary(...list))),
    { numRuns: 5000 },
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), onlyPosternErrors));
});

/** Reads everything there is, lazily decoded names too. */
function onlyPosternErrors(bytes: Uint8Array): void {
  try {
    const info = readModule(bytes);
    info.names.functionName(0);
    assert.equal(typeof info.names.complete, "boolean");
  } catch (error) {
    if (!(error instanceof PosternError)) throw error;
  }
}

test("huge counts are refused before anything is allocated", () => {
  const huge = unsigned(0xffff_ffff);
  for (const identifier of [1, 2, 3, 5, 7, 10]) {
    assert.throws(() => readModule(binary(encodedSection(identifier, huge))), malformedAt(10));
  }
});

test("numbers of more bits than their type are refused with their offset", () => {
  const tooLong = [0x80, 0x80, 0x80, 0x80, 0x80, 0x00];
  const tooLarge = [0xff, 0xff, 0xff, 0xff, 0x1f];
  assert.throws(() => readModule(binary([1, ...tooLong])), malformedAt(9));
  assert.throws(() => readModule(binary([1, ...tooLarge])), malformedAt(9));
});

test("sections out of order, twice, unknown, or with bytes left over are refused", () => {
  const types = encodedSection(1, [1, 0x60, 0, 0]);
  const memory = encodedSection(5, [1, 0, 1]);
  assert.throws(() => readModule(binary(memory, types)), malformedAt(13));
  assert.throws(() => readModule(binary(types, types)), malformedAt(14));
  assert.throws(() => readModule(binary(encodedSection(14, []))), malformedAt(8));
  assert.throws(() => readModule(binary(encodedSection(1, [0, 0]))), malformedAt(11));
});

test("functions without bodies, missing types and exports of nothing are refused", () => {
  const types = encodedSection(1, [1, 0x60, 0, 0]);
  const oneFunction = encodedSection(3, [1, 0]);
  assert.throws(() => readModule(binary(types, oneFunction)), { code: "EMALFORMED" });
  assert.throws(() => readModule(binary(oneFunction)), malformedAt(11));
  assert.throws(() => readModule(binary(types, encodedSection(7, [1, 1, 0x61, 0, 0]))), malformedAt(17));
  assert.throws(() => readModule(binary(types, encodedSection(8, [0]))), malformedAt(16));
  const twice = encodedSection(7, [2, 1, 0x61, 2, 0, 1, 0x61, 2, 0]);
  assert.throws(() => readModule(binary(twice)), malformedAt(15));
});

test("shared and 64-bit memories are told apart", () => {
  const limits = (contents: number[]) => readModule(binary(encodedSection(5, [1, ...contents]))).memories[0];
  assert.deepEqual(limits([0, 1]), { minimum: 1, maximum: undefined, shared: false, is64: false });
  assert.deepEqual(limits([3, 1, 2]), { minimum: 1, maximum: 2, shared: true, is64: false });
  assert.deepEqual(limits([4, 1]), { minimum: 1, maximum: undefined, shared: false, is64: true });
  assert.deepEqual(limits([5, ...unsigned(2 ** 33), ...unsigned(2 ** 48)]), {
    minimum: 2 ** 33,
    maximum: 2 ** 48,
    shared: false,
    is64: true,
  });
  assert.throws(() => limits([1, 2, 1]), malformedAt(11));
  assert.throws(() => limits([8, 1]), malformedAt(11));
});

test("types of newer proposals are read past: references, recursive groups, structures, arrays", () => {
  const types = [
    4,
    ...[0x60, 2, 0x64, 0x00, 0x63, 0x70, 1, 0x6f],
    ...[0x4e, 2, 0x50, 0, 0x5f, 2, 0x7f, 1, 0x78, 0, 0x4f, 1, 1, 0x5f, 2, 0x7f, 1, 0x78, 0],
    ...[0x5e, 0x7b, 1],
    ...[0x60, 0, 0],
  ];
  const info = readModule(binary(encodedSection(1, types)));
  assert.deepEqual(info.types, [
    { parameters: ["(ref 0)", "(ref null func)"], results: ["externref"] },
    undefined,
    undefined,
    undefined,
    { parameters: [], results: [] },
  ]);
});

test("a damaged name section keeps the names before the damage and says so", () => {
  const good = functionNames([[3, "ok"]]);
  const bad = nameSubsection(1, [2, 4, 2, 0x61, 0x62, 5, 0x7f]);
  const info = readModule(binary(encodedSection(0, [...encodedName("name"), ...good, ...bad])));
  assert.equal(info.names.functionName(3), "ok");
  assert.equal(info.names.functionName(4), "ab");
  assert.equal(info.names.complete, false);
});

test("damaged producers and features are passed over", () => {
  const info = readModule(
    binary(
      encodedSection(0, [...encodedName("producers"), 0x05, 0xff]),
      encodedSection(0, [...encodedName("target_features"), 0x7f]),
    ),
  );
  assert.equal(info.producers, undefined);
  assert.equal(info.targetFeatures, undefined);
  assert.equal(info.customSections.length, 2);
});

test("a name that is not UTF-8 is refused; one that starts with a byte order mark keeps it", () => {
  const exported = (name: number[]) =>
    binary(encodedSection(5, [1, 0, 1]), encodedSection(7, [1, name.length, ...name, 2, 0]));
  assert.throws(() => readModule(exported([0xff])), { code: "EMALFORMED" });
  assert.equal(readModule(exported([0xef, 0xbb, 0xbf, 0x61])).exports[0]!.name, "\ufeffa");
});

for (const [file, milliseconds] of [
  ["@yowasp/clang/gen/llvm.core.wasm", 1000],
  ["@yowasp/yosys/gen/yosys.core.wasm", 1000],
] as const) {
  test(`${file} is read without touching its code`, (context) => {
    const path = new URL(`../../../node_modules/${file}`, import.meta.url);
    if (!existsSync(path)) {
      context.skip(`${file} is not installed`);
      return;
    }
    const bytes = readFileSync(path);
    const start = performance.now();
    const info = readModule(bytes);
    const elapsed = performance.now() - start;
    // Reading 75 MB byte by byte takes several times as long, even where nothing else runs.
    assert.ok(elapsed < milliseconds, `took ${elapsed.toFixed(0)} ms`);
    assert.ok(info.imports.every(({ module }) => module === "wasi_snapshot_preview1"));
    assert.deepEqual(
      info.exports.map(({ name }) => name),
      ["memory", "_start"],
    );
    assert.ok(info.functionCount > 10_000 && info.sizes.code > 10_000_000);
  });
}
