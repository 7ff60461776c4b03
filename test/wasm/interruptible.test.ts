import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { Cursor } from "#src/wasm/cursor.js";
import { type EncodedModule, encodedSection, encodeModule, unsigned } from "#src/wasm/encode.js";
import { makeInterruptible, originalOffset, readModule, WebAssembly, type WebAssemblyMemory } from "#src/wasm/index.js";
import { skipInstruction, skipLocals } from "#src/wasm/instructions.js";

const PAGE = 65536;
/** Pieces of this size are much smaller than what is filled and copied below. */
const PIECE = 16;

const local = (index: number): number[] => [0x20, index];
const FILL = [...local(0), ...local(1), ...local(2), 0xfc, 11, 0];
const COPY = [...local(0), ...local(1), ...local(2), 0xfc, 10, 0, 0];
const THREE: EncodedModule["types"] = [{ parameters: ["i32", "i32", "i32"], results: [] }];

const rewritten = (bytes: Uint8Array) => makeInterruptible(bytes, readModule(bytes), PIECE)?.bytes ?? bytes;
const within = (code: readonly number[], more: EncodedModule = {}) =>
  encodeModule({
    types: THREE,
    functions: [{ type: 0, code }],
    memories: [{ minimum: 1 }],
    exports: [
      { name: "run", kind: "function", index: 0 },
      { name: "memory", kind: "memory", index: 0 },
    ],
    ...more,
  });

function instantiate(bytes: Uint8Array) {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  const memory = new Uint8Array((exports.memory as WebAssemblyMemory).buffer);
  for (let i = 0; i < memory.length; i++) memory[i] = i % 251;
  return { memory, run: exports.run as (a: number, b: number, c: number) => void };
}

/** What a call leaves behind: its trap, if there was one, and the memory. */
function outcome(bytes: Uint8Array, calls: ReadonlyArray<readonly [number, number, number]>) {
  const { memory, run } = instantiate(bytes);
  const traps = calls.map(([a, b, c]) => {
    try {
      run(a, b, c);
      return "";
    } catch (error) {
      return (error as Error).message;
    }
  });
  return { traps, memory };
}

const near = fc.oneof(
  fc.integer({ min: 0, max: 200 }),
  fc.integer({ min: PAGE - 200, max: PAGE + 20 }),
  fc.constantFrom(-1, -PIECE, 0x7fffffff, -0x80000000),
);
const calls = fc.array(fc.tuple(near, near, near), { minLength: 1, maxLength: 4 });

describe("large fills and copies, piece by piece, do what the instruction does", () => {
  for (const [name, code] of [
    ["memory.fill", FILL],
    ["memory.copy", COPY],
  ] as const) {
    const original = within(code);
    const changed = rewritten(original);
    test(name, () => {
      assert.notEqual(changed, original);
      fc.assert(
        fc.property(calls, (each) => assert.deepEqual(outcome(changed, each), outcome(original, each))),
        { numRuns: 150 },
      );
    });
  }
});

test("a number written in more bytes than it needs hides nothing", () => {
  for (const code of [
    [...local(0), ...local(1), ...local(2), 0xfc, 0x8b, 0x80, 0x00, 0],
    [...local(0), ...local(1), ...local(2), 0xfc, 0x8a, 0x80, 0x80, 0x00, 0, 0],
  ]) {
    const bytes = within(code);
    assert.notEqual(rewritten(bytes), bytes);
    new WebAssembly.Module(rewritten(bytes));
  }
});

test("growing and tables get a look in front", () => {
  const table = { minimum: 3 };
  for (const code of [
    [...local(0), 0x40, 0, 0x1a],
    [...local(0), 0xd0, 0x70, ...local(2), 0xfc, 17, 0],
    [...local(0), ...local(1), ...local(2), 0xfc, 14, 0, 0],
    [0xd0, 0x70, ...local(2), 0xfc, 15, 0, 0x1a],
  ]) {
    const bytes = within(code, {
      imports: [{ module: "env", name: "table", kind: "table", limits: table }],
    });
    const after = rewritten(bytes);
    assert.notEqual(after, bytes);
    new WebAssembly.Module(after);
  }
});

test("a module in which nothing takes long is returned as it is", () => {
  const bytes = within([...local(0), ...local(1), 0x6a, 0x1a]);
  assert.equal(rewritten(bytes), bytes);
  // The bytes of an instruction that takes long, inside of a constant.
  const inside = within([0x43, 0xfc, 11, 0, 0, 0x1a]);
  assert.equal(rewritten(inside), inside);
});

test("long functions, and those that make tail calls, get a call at their start; short ones do not", () => {
  const add = [...local(0), 0x41, 1, 0x6a, 0x21, 0];
  const call = (bytes: Uint8Array): boolean => rewritten(bytes) !== bytes;
  assert.ok(!call(within(add)));
  assert.ok(call(within(new Array(20).fill(add).flat())));
  assert.ok(call(within([...local(0), ...local(1), ...local(2), 0x12, 0])));
  // Code that is never reached does not count as a call of the function's own.
  const dead = [0x41, 0, 0x04, 0x40, ...local(0), ...local(1), ...local(2), 0x10, 0, 0x0b];
  assert.ok(call(within([...dead, ...new Array(20).fill(add).flat()])));
});

test("what takes too long to compile is refused", () => {
  const body = [1, ...unsigned(50_000), 0x7f, ...new Array(2000).fill([0x02, 0x40, 0x0b]).flat(), 0x0b];
  const bytes = Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...encodedSection(1, [1, 0x60, 0, 0]),
    ...encodedSection(3, [1, 0]),
    ...encodedSection(10, [1, ...unsigned(body.length), ...body]),
  ]);
  assert.throws(() => rewritten(bytes), { code: "EBADPROGRAM", message: /50000 variables/ });
});

test("every instruction of the changed module is told as the place it has in the file", () => {
  const code = [...FILL, ...new Array(40).fill(0x01), ...COPY];
  const bytes = within(code);
  const { bytes: after, changes } = makeInterruptible(bytes, readModule(bytes), PIECE)!;
  const before = bytes.lastIndexOf(0xfc);
  for (const opcode of [11, 10]) {
    const at = (all: Uint8Array) => all.findIndex((byte, index) => byte === 0xfc && all[index + 1] === opcode);
    assert.equal(originalOffset(changes, at(after)), at(bytes));
  }
  // What was added stands for what follows it.
  const added = after.findIndex((byte, index) => byte === 0xfc && after[index + 1] === 10) - 1;
  assert.equal(originalOffset(changes, added), before);
  assert.equal(originalOffset(changes, 3), 3);
  assert.equal(changes.functions, 1);
  const offsets = Array.from(after, (_byte, offset) => originalOffset(changes, offset));
  assert.ok(offsets.every((offset, index, all) => index === 0 || offset >= all[index - 1]!));
});

test("functions keep their numbers, and three come behind them", () => {
  const imports: EncodedModule["imports"] = [{ module: "env", name: "f", kind: "function", type: 0 }];
  const bytes = within(FILL, { imports, exports: [{ name: "run", kind: "function", index: 1 }] });
  const before = readModule(bytes);
  const after = readModule(rewritten(bytes));
  assert.deepEqual(after.exports, before.exports);
  assert.equal(after.functionCount, before.functionCount + 3);
  assert.deepEqual(after.types.slice(0, before.types.length), before.types);
});

test("code that cannot be read is refused where it is wrong", () => {
  const bytes = within([...local(0), ...local(1), ...local(2), 0xfc, 11, 0, 0x27]);
  const offset = bytes.indexOf(0x27);
  assert.throws(() => rewritten(bytes), { name: "PosternError", code: "EMALFORMED", offset });
  const cut = within([0xfc]);
  assert.throws(() => rewritten(cut), { name: "PosternError", code: "EMALFORMED" });
});

test("damaged code gets an error and nothing else", () => {
  const code = within([...COPY, ...FILL]);
  fc.assert(
    fc.property(fc.nat(code.length - 1), fc.nat(255), (at, byte) => {
      const damaged = code.slice();
      damaged[at] = byte;
      try {
        rewritten(damaged);
      } catch (error) {
        assert.equal((error as Error).name, "PosternError", String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

const FIXTURES = fileURLToPath(new URL("../../../test/fixtures/programs", import.meta.url));
const programs = ["behaviours", "conformance", "escape", "threads", "toolchains"].flatMap((folder) =>
  readdirSync(join(FIXTURES, folder))
    .filter((name) => name.endsWith(".wasm"))
    .map((name) => join(FIXTURES, folder, name)),
);

test("programs that compilers made stay valid", () => {
  let changed = 0;
  for (const file of programs) {
    const bytes = new Uint8Array(readFileSync(file));
    if (!WebAssembly.validate(bytes)) continue;
    const after = rewritten(bytes);
    assert.ok(WebAssembly.validate(after), file);
    if (after !== bytes) changed++;
  }
  assert.ok(changed > 5, `${changed} were changed`);
});

/** Reads every instruction of a module. @returns how many there are */
function readAll(bytes: Uint8Array, file: string): number {
  let instructions = 0;
  const cursor = new Cursor(bytes, 8, bytes.length);
  while (!cursor.atEnd) {
    const section = cursor.u8("a section");
    const end = cursor.u32("its size") + cursor.position;
    if (section === 10) {
      for (let count = cursor.u32("bodies"); count > 0; count--) {
        const size = cursor.u32("a size");
        const body = new Cursor(bytes, cursor.position, cursor.position + size);
        skipLocals(body);
        let last = 0;
        for (; !body.atEnd; instructions++) last = skipInstruction(body);
        assert.equal(last, 0x0b, `${file}: a function that does not stop with its end`);
        cursor.skip(size, "a body");
      }
    }
    cursor.position = end;
  }
  return instructions;
}

test("the lengths of all instructions of real programs are known", () => {
  const total = programs
    .filter((file) => WebAssembly.validate(readFileSync(file)))
    .reduce((sum, file) => sum + readAll(readFileSync(file), file), 0);
  assert.ok(total > 100_000, `${total} instructions`);
});

test("the lengths of instructions that few programs use are known", () => {
  const many = unsigned(300);
  for (const [code, opcode] of [
    [[0x0e, 2, 1, 0x80, 1, 0], 0x0e],
    [[0x1c, 2, 0x7f, 0x63, 0x70], 0x1c],
    [[0x1f, 0x40, 2, 0, 1, 2, 3, 4], 0x1f],
    [[0x28, 0x42, 1, ...many], 0x28],
    [[0x44, 1, 2, 3, 4, 5, 6, 7, 8], 0x44],
    [[0xd0, 0x70], 0xd0],
    [[0xfb, 24, 3, 1, 0x6e, ...many], 0xfb18],
    [[0xfd, 0x80, 0x02], 0xfd00 + 256],
    [[0xfd, 12, ...new Array(16).fill(0xfc)], 0xfd0c],
    [[0xfd, 84, 0, ...many, 15], 0xfd54],
    [[0xfe, 3, 0], 0xfe03],
    [[0xfe, 0x48, 2, ...many], 0xfe48],
  ] as const) {
    const cursor = new Cursor(Uint8Array.from([...code, 0x01]), 0, code.length + 1);
    assert.equal(skipInstruction(cursor), opcode);
    assert.equal(cursor.position, code.length);
  }
});

test("sections that come later are left alone, a name section as well", () => {
  const bytes = within(FILL, { custom: [{ name: "later", contents: [1, 2, 3] }] });
  const tail = encodedSection(0, [5, ...Buffer.from("later"), 1, 2, 3]);
  assert.deepEqual([...rewritten(bytes).subarray(-tail.length)], tail);
});
