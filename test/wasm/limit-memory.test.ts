import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { type EncodedLimits, type EncodedModule, encodeModule } from "#src/wasm/encode.js";
import { limitMemory, memoriesToCreate, readModule, WebAssembly, type WebAssemblyMemory } from "#src/wasm/index.js";

const withMemories = (...memories: EncodedLimits[]) =>
  encodeModule({ memories, exports: [{ name: "memory", kind: "memory", index: 0 }] });
const limited = (bytes: Uint8Array, pages: number) => limitMemory(bytes, readModule(bytes), pages);
const importing = (limits: EncodedLimits, more: EncodedModule = {}) =>
  encodeModule({ imports: [{ module: "env", name: "memory", kind: "memory", limits }], ...more });

test("the engine grows a limited memory up to the limit and no further", () => {
  const bytes = limited(withMemories({ minimum: 1 }), 3);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  const memory = instance.exports.memory as WebAssemblyMemory;
  assert.equal(memory.grow(2), 1);
  assert.throws(() => memory.grow(1), RangeError);
});

test("every memory gets a maximum at or below the limit, or asks for too much", () => {
  const pages = fc.integer({ min: 0, max: 65536 });
  fc.assert(
    fc.property(pages, fc.option(pages), pages, (minimum, maximum, limit) => {
      if (maximum !== null && maximum < minimum) return;
      const bytes = withMemories({ minimum, maximum: maximum ?? undefined });
      if (minimum > limit) {
        assert.throws(() => limited(bytes, limit), { name: "PosternError", code: "ERESOURCE" });
        return;
      }
      const after = readModule(limited(bytes, limit));
      const expected = Math.min(maximum ?? limit, limit);
      assert.deepEqual(after.memories, [{ minimum, maximum: expected, shared: false, is64: false }]);
      assert.deepEqual(after.exports, readModule(bytes).exports);
    }),
    { numRuns: 500 },
  );
});

test("a maximum that is low enough is left alone, without a copy", () => {
  const bytes = withMemories({ minimum: 1, maximum: 2 });
  assert.equal(limited(bytes, 2), bytes);
  const none = encodeModule({});
  assert.equal(limited(none, 0), none);
});

test("the other sections stay as they are", () => {
  const bytes = encodeModule({
    types: [{ parameters: [], results: [] }],
    functions: [{ type: 0, code: [] }],
    memories: [{ minimum: 1 }],
    data: [{ offset: 0, bytes: Uint8Array.of(1, 2, 3) }],
    custom: [{ name: "x", contents: [9] }],
  });
  const after = limited(bytes, 70);
  const { memorySection: place } = readModule(bytes);
  const { memorySection: placeAfter } = readModule(after);
  assert.deepEqual(after.subarray(0, placeAfter!.start), bytes.subarray(0, place!.start));
  assert.deepEqual(after.subarray(placeAfter!.end), bytes.subarray(place!.end));
});

test("a program that wants more than the limit is told how much, and which option allows it", () => {
  assert.throws(() => limited(withMemories({ minimum: 4096 }), 1024), {
    code: "ERESOURCE",
    message:
      "the program needs at least 256MiB of memory and may use 64MiB; allow it more (--memory 256MiB, or limits.memory)",
  });
  assert.throws(() => limited(withMemories({ minimum: 3 }), 1), { message: /192KiB .* 64KiB/ });
});

test("imported memories are reported with a capped maximum", () => {
  const create = (limits: EncodedLimits, pages: number) => memoriesToCreate(readModule(importing(limits)), pages);
  const memory = (initial: number, maximum: number, shared = false) => [
    { module: "env", name: "memory", descriptor: { initial, maximum, shared } },
  ];
  assert.deepEqual(create({ minimum: 1 }, 10), memory(1, 10));
  assert.deepEqual(create({ minimum: 1, maximum: 5 }, 10), memory(1, 5));
  assert.deepEqual(create({ minimum: 1, maximum: 50, shared: true }, 10), memory(1, 10, true));
  assert.throws(() => create({ minimum: 11 }, 10), { code: "ERESOURCE" });
  assert.deepEqual(memoriesToCreate(readModule(withMemories({ minimum: 1 })), 10), []);
  const bytes = importing({ minimum: 1, maximum: 50 });
  assert.equal(limited(bytes, 10), bytes);
});

test("the engine accepts a created memory in place of the declared one", () => {
  const bytes = importing({ minimum: 1, maximum: 50 });
  const [created] = memoriesToCreate(readModule(bytes), 10);
  const memory = new WebAssembly.Memory(created!.descriptor);
  assert.ok(new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } }));
});

test("64-bit and several memories, and limits out of range, are refused", () => {
  assert.throws(() => limited(withMemories({ minimum: 1, is64: true }), 10), { code: "EBADPROGRAM" });
  assert.throws(() => limited(withMemories({ minimum: 1 }, { minimum: 1 }), 10), { code: "EBADPROGRAM" });
  assert.throws(() => limited(importing({ minimum: 1 }, { memories: [{ minimum: 1 }] }), 10), { code: "EBADPROGRAM" });
  for (const pages of [-1, 65537, 1.5, Number.NaN]) {
    assert.throws(() => limited(withMemories({ minimum: 1 }), pages), { code: "EINVALIDARGUMENT" });
  }
});

test("a module of 75 MB is limited with one copy", (context) => {
  const path = new URL("../../../node_modules/@yowasp/clang/gen/llvm.core.wasm", import.meta.url);
  if (!existsSync(path)) return context.skip("@yowasp/clang is not installed");
  const bytes = new Uint8Array(readFileSync(path));
  const info = readModule(bytes);
  const before = process.memoryUsage().arrayBuffers;
  const after = limitMemory(bytes, info, 4096);
  const grown = process.memoryUsage().arrayBuffers - before;
  assert.ok(grown < 1.5 * bytes.length, `${grown} bytes more`);
  assert.deepEqual(readModule(after).memories, [{ ...info.memories[0], maximum: 4096 }]);
  assert.equal(limitMemory(bytes, info, 65536), bytes);
});
