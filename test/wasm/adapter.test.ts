import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { adapterModule, functionsWithoutResult, readModule, WebAssembly, wasiSignatures } from "#src/wasm/index.js";

type Callable = (...values: (number | bigint)[]) => number | undefined;

/** Instantiates an adapter whose imports record what arrives and answer what they are told to. */
function instantiate(signatures: Record<string, string>, answer: () => number) {
  const arrived: { name: string; values: unknown[] }[] = [];
  const bytes = adapterModule(signatures, functionsWithoutResult);
  const module = new WebAssembly.Module(bytes);
  const over = new WebAssembly.Global({ value: "i32", mutable: true }, 0);
  const imports = Object.fromEntries(
    Object.keys(signatures).map((name) => [
      name,
      (...values: unknown[]) => {
        arrived.push({ name, values });
        return answer();
      },
    ]),
  );
  const instance = new WebAssembly.Instance(module, { env: { ...imports, over } });
  return { arrived, functions: instance.exports as Record<string, Callable>, bytes, over };
}

/** A value for each parameter. */
const zeros = (parameters: string) => [...parameters].map((letter) => (letter === "I" ? 0n : 0));

const i32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const i64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(0n, 1n, -1n, 2n ** 31n, 2n ** 32n, -(2n ** 31n), 2n ** 63n - 1n, -(2n ** 63n), 0xffff_ffffn),
);

test("every WASI function passes its values through exactly, 64-bit ones with the low half first", () => {
  const { arrived, functions } = instantiate(wasiSignatures, () => 0);
  const names = Object.keys(wasiSignatures);
  assert.equal(names.length, 46);
  const calls = fc
    .constantFrom(...names)
    .chain((name) =>
      fc.tuple(
        fc.constant(name),
        fc.tuple(
          ...[...wasiSignatures[name]!].map((letter) => (letter === "I" ? i64 : i32) as fc.Arbitrary<number | bigint>),
        ),
      ),
    );
  fc.assert(
    fc.property(calls, ([name, values]) => {
      arrived.length = 0;
      functions[name]!(...values);
      const expected = values.flatMap((value) =>
        typeof value === "number" ? [value] : [Number(BigInt.asIntN(32, value)), Number(value >> 32n)],
      );
      assert.deepEqual(arrived, [{ name, values: expected }]);
    }),
    { numRuns: 2000 },
  );
});

test("arbitrary signatures are adapted, and results come back unchanged", () => {
  const signatures = fc.dictionary(
    fc.string({ maxLength: 12, unit: "grapheme" }).filter((name) => !["trap", "over", "__proto__"].includes(name)),
    fc.string({ unit: fc.constantFrom("i", "I"), maxLength: 12 }),
    { maxKeys: 6 },
  );
  fc.assert(
    fc.property(signatures, i32, (table, result) => {
      const { functions } = instantiate(table, () => result);
      const adapted = Object.keys(table);
      assert.deepEqual(Object.keys(functions).sort(), [...adapted, "trap"].sort());
      for (const name of adapted) assert.equal(functions[name]!(...zeros(table[name]!)), result);
    }),
    { numRuns: 200 },
  );
});

test("an exception thrown by an import passes through the adapter", () => {
  const { functions } = instantiate({ fd_seek: "iIii" }, () => {
    throw new RangeError("from the import");
  });
  assert.throws(() => functions.fd_seek!(0, 1n, 0, 0), RangeError);
});

test("once the program is over every function traps, and nothing arrives", () => {
  const { arrived, functions, over } = instantiate(wasiSignatures, () => 0);
  for (const [name, parameters] of Object.entries(wasiSignatures)) {
    over.value = 0;
    assert.equal(functions[name]!(...zeros(parameters)), functionsWithoutResult.has(name) ? undefined : 0);
    assert.equal(arrived.length, 1);
    arrived.length = 0;
    for (const value of [1, -1]) {
      over.value = value;
      assert.throws(() => functions[name]!(...zeros(parameters)), WebAssembly.RuntimeError);
      assert.equal(arrived.length, 0);
    }
  }
});

test("trap traps, also in an adapter without functions", () => {
  for (const signatures of [{}, { fd_close: "i" }, wasiSignatures]) {
    const { functions } = instantiate(signatures, () => 0);
    assert.throws(() => functions.trap!(), WebAssembly.RuntimeError);
  }
});

test("the reader sees what the adapter was built from", () => {
  const { bytes } = instantiate({ fd_seek: "iIii", fd_close: "i" }, () => 0);
  const info = readModule(bytes);
  assert.deepEqual(
    info.imports.map(({ name, kind }) => [name, kind]),
    [
      ["over", "global"],
      ["fd_seek", "function"],
      ["fd_close", "function"],
    ],
  );
  assert.deepEqual(info.imports.slice(1, 2), [
    {
      module: "env",
      name: "fd_seek",
      kind: "function",
      type: { parameters: ["i32", "i32", "i32", "i32", "i32"], results: ["i32"] },
    },
  ]);
  assert.deepEqual(
    info.exports.map(({ name, type }) => [name, type?.parameters]),
    [
      ["fd_seek", ["i32", "i64", "i32", "i32"]],
      ["fd_close", ["i32"]],
      ["trap", []],
    ],
  );
});

test("a signature with an unknown letter, or a function with a name of the adapter's own, is refused", () => {
  const refused = { name: "PosternError", code: "EINVALIDARGUMENT" };
  assert.throws(() => adapterModule({ fd_seek: "iXii" }), refused);
  assert.throws(() => adapterModule({ fd_seek: "I".repeat(101) }), refused);
  for (const name of ["trap", "over"]) assert.throws(() => adapterModule({ [name]: "I" }), refused);
});
