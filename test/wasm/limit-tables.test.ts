import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { encodedLimits, encodedSection, encodeModule, unsigned } from "#src/wasm/encode.js";
import { classify, limitTables, readModule, TABLE_ELEMENTS_MAX, WebAssembly } from "#src/wasm/index.js";

interface Table {
  readonly minimum: number;
  readonly maximum: number | undefined;
}

/** A module with tables, and their exports named by number. */
function withTables(tables: readonly Table[]): Uint8Array {
  const section = encodedSection(4, [tables.length, ...tables.flatMap((each) => [0x70, ...encodedLimits(each)])]);
  const exported = tables.map((_table, index) => ({ name: String(index), kind: "table", index }) as const);
  const rest = encodeModule({ memories: [{ minimum: 1 }], exports: exported });
  return Uint8Array.from([...rest.subarray(0, 8), ...section, ...rest.subarray(8)]);
}

const limited = (bytes: Uint8Array) => limitTables(bytes, readModule(bytes));

test("tables grow up to their share and no further", () => {
  const minimum = 10;
  const { exports } = new WebAssembly.Instance(
    new WebAssembly.Module(limited(withTables([{ minimum, maximum: undefined }]))),
  );
  const table = exports["0"] as { grow(elements: number): number };
  assert.equal(table.grow(TABLE_ELEMENTS_MAX - minimum), minimum);
  assert.throws(() => table.grow(1), RangeError);
});

test("all tables together have at most the limit, and at least what they ask for", () => {
  const size = fc.integer({ min: 0, max: 100_000 });
  const table = fc
    .record({ minimum: size, more: fc.option(fc.integer({ min: 0, max: 2 ** 31 })) })
    .map(({ minimum, more }): Table => ({ minimum, maximum: more === null ? undefined : minimum + more }));
  fc.assert(
    fc.property(fc.array(table, { maxLength: 10 }), (tables) => {
      const bytes = withTables(tables);
      const after = readModule(limited(bytes)).tables;
      assert.deepEqual(
        after.map(({ minimum }) => minimum),
        tables.map(({ minimum }) => minimum),
      );
      const sum = after.reduce((all, { maximum }) => all + maximum!, 0);
      if (tables.length > 0) assert.ok(sum <= TABLE_ELEMENTS_MAX, `${sum}`);
      for (const [index, { maximum }] of tables.entries()) {
        assert.ok(maximum === undefined || after[index]!.maximum! <= maximum);
      }
    }),
    { numRuns: 300 },
  );
});

test("a module whose tables cannot grow too far is returned as it is", () => {
  const bytes = withTables([{ minimum: 5, maximum: 6 }]);
  assert.equal(limited(bytes), bytes);
});

test("a table with a first value keeps it", () => {
  // (table 1 funcref (ref.null func)), of the proposal for typed references
  const section = encodedSection(4, [1, 0x40, 0, 0x70, 0, 1, 0xd0, 0x70, 0x0b]);
  const bytes = Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...section]);
  const [table] = readModule(limited(bytes)).tables;
  assert.equal(table!.maximum, TABLE_ELEMENTS_MAX);
  assert.deepEqual([...limited(bytes).subarray(-3)], [0xd0, 0x70, 0x0b]);
});

const program = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../../../test/fixtures/programs/behaviours/${name}.wasm`, import.meta.url)));

test("a program that wants larger tables is refused", () => {
  const [problem] = classify(readModule(program("many_tables"))).problems;
  assert.equal(problem!.code, "tables");
  assert.match(problem!.message, /40000000 elements, at most 1048576/);
});

test("a program with a longer list of elements is refused", () => {
  const size = 9 * 2 ** 20;
  const head = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 9, ...unsigned(size)];
  const bytes = new Uint8Array(head.length + size);
  bytes.set(head);
  const { problems } = classify(readModule(bytes));
  assert.deepEqual(
    problems.filter(({ code }) => code === "tables").map(({ message }) => message),
    ["the program lists elements of tables in 9437184 bytes, at most 8388608 are supported"],
  );
});

test("a program that can keep any number of objects of the engine is refused", () => {
  for (const [what, sections] of [
    ["a structure", encodedSection(1, [2, 0x60, 0, 0, 0x5f, 1, 0x7f, 0])],
    ["an exception that carries another", encodedSection(1, [1, 0x60, 1, 0x69, 0])],
    ["a reference to an exception as a parameter", encodedSection(1, [1, 0x60, 1, 0x63, 0x69, 0])],
    ["a table of exceptions", encodedSection(4, [1, 0x69, 0, 1])],
  ] as const) {
    const { problems } = classify(readModule(Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...sections])));
    assert.ok(
      problems.some(({ code }) => code === "garbage-collection"),
      what,
    );
  }
});
