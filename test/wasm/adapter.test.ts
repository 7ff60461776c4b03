import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { adapterModule, readModule, WebAssembly, wasiSignatures } from "#src/wasm/index.js";

type Callable = (...values: (number | bigint)[]) => number | undefined;

/** Instantiates an adapter whose imports record what arrives and answer what they are told to. */
function instantiate(signatures: Record<string, string>, answer: () => number) {
  const arrived: { name: string; values: unknown[] }[] = [];
  const bytes = adapterModule(signatures);
  const module = new WebAssembly.Module(bytes);
  const imports = Object.fromEntries(
    WebAssembly.Module.imports(module).map(({ name }) => [
      name,
      (...values: unknown[]) => {
        arrived.push({ name, values });
        return answer();
      },
    ]),
  );
  const instance = new WebAssembly.Instance(module, { env: imports });
  return { arrived, functions: instance.exports as Record<string, Callable>, bytes };
}

const i32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const i64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(0n, 1n, -1n, 2n ** 31n, 2n ** 32n, -(2n ** 31n), 2n ** 63n - 1n, -(2n ** 63n), 0xffff_ffffn),
);

test("every WASI function with a 64-bit parameter passes its values through exactly, low half first", () => {
  const { arrived, functions } = instantiate(wasiSignatures, () => 0);
  const names = Object.keys(wasiSignatures).filter((name) => wasiSignatures[name]!.includes("I"));
  assert.equal(names.length, 12);
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
    fc.string({ maxLength: 12, unit: "grapheme" }).filter((name) => name !== "trap" && name !== "__proto__"),
    fc.string({ unit: fc.constantFrom("i", "I"), maxLength: 12 }),
    { maxKeys: 6 },
  );
  fc.assert(
    fc.property(signatures, i32, (table, result) => {
      const { functions } = instantiate(table, () => result);
      const adapted = Object.keys(table).filter((name) => table[name]!.includes("I"));
      assert.deepEqual(Object.keys(functions).sort(), [...adapted, "trap"].sort());
      for (const name of adapted) {
        const values = [...table[name]!].map((letter) => (letter === "I" ? 7n : 7));
        assert.equal(functions[name]!(...values), result);
      }
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

test("trap traps, also in an adapter without functions", () => {
  for (const signatures of [{}, { fd_close: "i" }, wasiSignatures]) {
    const { functions } = instantiate(signatures, () => 0);
    assert.throws(() => functions.trap!(), WebAssembly.RuntimeError);
  }
});

test("the reader sees what the adapter was built from", () => {
  const { bytes } = instantiate({ fd_seek: "iIii", fd_close: "i" }, () => 0);
  const info = readModule(bytes);
  assert.deepEqual(info.imports, [
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
      ["trap", []],
    ],
  );
});

test("a signature with an unknown letter, or a function named trap, is refused", () => {
  const refused = { name: "PosternError", code: "EINVALIDARGUMENT" };
  assert.throws(() => adapterModule({ fd_seek: "iXii" }), refused);
  assert.throws(() => adapterModule({ fd_seek: "I".repeat(101) }), refused);
  assert.throws(() => adapterModule({ trap: "I" }), refused);
});
