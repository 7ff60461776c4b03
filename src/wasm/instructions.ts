/**
 * How long instructions are: what follows each opcode. Nothing is known here of what they mean.
 *
 * Source: WebAssembly core specification 3.0, section 5.4, and the proposals for threads, legacy exceptions and wide
 * arithmetic.
 */
import { type Cursor, malformed } from "./cursor.js";

/** What follows an opcode, in order; each step reads one thing. */
type Step = (cursor: Cursor) => void;

/** A number of any width: LEB128 of at most ten bytes. */
const number: Step = (cursor) => {
  const start = cursor.position;
  for (let count = 0; count < 10; count++) if (cursor.u8("an operand") < 0x80) return;
  throw malformed(start, "an operand is not a number");
};

const bytes =
  (count: number): Step =>
  (cursor) =>
    cursor.skip(count, "an operand");

const times = (cursor: Cursor, step: Step): void => {
  const count = cursor.count("operands", cursor.remaining, 1);
  for (let i = 0; i < count; i++) step(cursor);
};

/** Alignment, with the number of a memory if its bit 6 is set, and an offset. */
const memoryArgument: Step = (cursor) => {
  if ((cursor.u32("an alignment") & 0x40) !== 0) number(cursor);
  number(cursor);
};

/** A value type: one byte, or the prefix of a reference and what it refers to. */
const valueType: Step = (cursor) => {
  const first = cursor.u8("a value type");
  if (first === 0x63 || first === 0x64) number(cursor);
};

/** A handler of try_table: the kinds that name a tag do so first. */
const handler: Step = (cursor) => {
  if (cursor.u8("a handler") < 2) number(cursor);
  number(cursor);
};

const NONE: readonly Step[] = [];
const ONE: readonly Step[] = [number];
const TWO: readonly Step[] = [number, number];
const BYTE: readonly Step[] = [bytes(1)];
const MEMORY: readonly Step[] = [memoryArgument];

type Table = ReadonlyArray<readonly Step[] | undefined>;
type Row = readonly [from: number, to: number, steps: readonly Step[]];

/** Opcodes from one to another, both included. Later rows win. */
function table(rows: readonly Row[]): Table {
  const result = new Array<readonly Step[] | undefined>(Math.max(...rows.map(([, to]) => to)) + 1).fill(undefined);
  for (const [from, to, steps] of rows) result.fill(steps, from, to + 1);
  return result;
}

const PLAIN = table([
  [0x00, 0x01, NONE], // unreachable, nop
  [0x02, 0x04, [number]], // block, loop, if
  [0x05, 0x05, NONE], // else
  [0x06, 0x09, ONE], // try, catch, throw, rethrow
  [0x0a, 0x0b, NONE], // throw_ref, end
  [0x0c, 0x0d, ONE], // br, br_if
  [0x0e, 0x0e, [(cursor) => times(cursor, number), number]], // br_table
  [0x0f, 0x0f, NONE], // return
  [0x10, 0x10, ONE], // call
  [0x11, 0x11, TWO], // call_indirect
  [0x12, 0x12, ONE], // return_call
  [0x13, 0x13, TWO], // return_call_indirect
  [0x14, 0x15, ONE], // call_ref, return_call_ref
  [0x18, 0x18, ONE], // delegate
  [0x19, 0x1b, NONE], // catch_all, drop, select
  [0x1c, 0x1c, [(cursor) => times(cursor, valueType)]], // select with types
  [0x1f, 0x1f, [number, (cursor) => times(cursor, handler)]], // try_table
  [0x20, 0x26, ONE], // local.*, global.*, table.get, table.set
  [0x28, 0x3e, MEMORY], // loads and stores
  [0x3f, 0x42, ONE], // memory.size, memory.grow, i32.const, i64.const
  [0x43, 0x43, [bytes(4)]], // f32.const
  [0x44, 0x44, [bytes(8)]], // f64.const
  [0x45, 0xc4, NONE], // comparisons, arithmetic, conversions
  [0xd0, 0xd0, ONE], // ref.null
  [0xd1, 0xd1, NONE], // ref.is_null
  [0xd2, 0xd2, ONE], // ref.func
  [0xd3, 0xd4, NONE], // ref.eq, ref.as_non_null
  [0xd5, 0xd6, ONE], // br_on_null, br_on_non_null
]);

const GARBAGE_COLLECTION = table([
  [0, 1, ONE], // struct.new, struct.new_default
  [2, 5, TWO], // struct.get, struct.set
  [6, 7, ONE], // array.new, array.new_default
  [8, 10, TWO], // array.new_fixed, array.new_data, array.new_elem
  [11, 14, ONE], // array.get, array.set
  [15, 15, NONE], // array.len
  [16, 16, ONE], // array.fill
  [17, 19, TWO], // array.copy, array.init_data, array.init_elem
  [20, 23, ONE], // ref.test, ref.cast
  [24, 25, [bytes(1), number, number, number]], // br_on_cast, br_on_cast_fail
  [26, 30, NONE], // conversions, i31
]);

const MISCELLANEOUS = table([
  [0, 7, NONE], // saturating conversions
  [8, 8, TWO], // memory.init
  [9, 9, ONE], // data.drop
  [10, 10, TWO], // memory.copy
  [11, 11, ONE], // memory.fill
  [12, 12, TWO], // table.init
  [13, 13, ONE], // elem.drop
  [14, 14, TWO], // table.copy
  [15, 17, ONE], // table.grow, table.size, table.fill
  [19, 22, NONE], // wide arithmetic
]);

const VECTORS = table([
  [0, 0x114, NONE],
  [0, 11, MEMORY], // loads and stores
  [12, 13, [bytes(16)]], // v128.const, i8x16.shuffle
  [21, 34, BYTE], // lanes
  [84, 91, [memoryArgument, bytes(1)]], // loads and stores of a lane
  [92, 93, MEMORY], // loads with zeros
]);

const ATOMICS = table([
  [0, 2, MEMORY], // notify, wait
  [3, 3, BYTE], // fence
  [0x10, 0x4e, MEMORY],
]);

/** What may follow the prefixes 0xfb to 0xfe. */
const PREFIXED: readonly Table[] = [GARBAGE_COLLECTION, MISCELLANEOUS, VECTORS, ATOMICS];
const FIRST_PREFIX = 0xfb;

const END = 0x0b;

/** Steps over the declarations of a body's locals. @returns how many there are */
export function skipLocals(cursor: Cursor): number {
  let locals = 0;
  times(cursor, (each) => {
    locals += each.u32("a number of locals");
    valueType(each);
  });
  return locals;
}

/**
 * Steps over one instruction.
 * @returns its opcode; for those with a prefix, the prefix times 256 and the number behind it
 * @throws PosternError EMALFORMED with `offset` for an instruction that is cut off or unknown
 */
export function skipInstruction(cursor: Cursor): number {
  const start = cursor.position;
  const first = cursor.u8("an instruction");
  const prefixed = first < FIRST_PREFIX ? undefined : PREFIXED[first - FIRST_PREFIX];
  const second = prefixed === undefined ? first : cursor.u32("an instruction");
  const steps = (prefixed ?? PLAIN)[second];
  if (steps === undefined) throw malformed(start, "the instruction is unknown");
  for (let index = 0; index < steps.length; index++) steps[index]!(cursor);
  return prefixed === undefined ? first : first * 256 + second;
}

/** Steps over a constant expression, its end included. */
export function skipExpression(cursor: Cursor): void {
  while (skipInstruction(cursor) !== END);
}
