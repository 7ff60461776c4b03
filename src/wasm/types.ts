import { type Cursor, malformed } from "./cursor.js";
import { skipExpression } from "./instructions.js";

/** A value type in the text format's words: `i32`, `i64`, `f32`, `f64`, `v128`, `funcref`, `(ref null 3)`, ... */
export type ValueType = string;

/** Parameters and results of a function. */
export interface FunctionType {
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
}

/** Minimum and maximum of a memory (in pages of 65536 bytes) or a table (in elements). */
export interface Limits {
  readonly minimum: number;
  readonly maximum: number | undefined;
  readonly shared: boolean;
  /** Whether addresses (memory) or indices (table) have 64 bits. */
  readonly is64: boolean;
}

/** A memory, in pages of 65536 bytes. */
export type MemoryType = Limits;

/** A table and what its elements are. */
export interface TableType extends Limits {
  readonly element: ValueType;
}

/** A global variable. */
export interface GlobalType {
  readonly value: ValueType;
  readonly mutable: boolean;
}

/** Limits of the reader. V8 accepts as many parameters; the number of types is far above what toolchains produce. */
const TYPES_MAX = 100_000;
const PARAMETERS_MAX = 1000;
/** Parameters and results of all types together: what they take in memory is many times what they take in the file. */
const PARAMETERS_TOTAL_MAX = 1_000_000;
const FIELDS_MAX = 10_000;
const SUPERTYPES_MAX = 1;

/** One-byte value types: WebAssembly core specification 3.0, section 5.3.1 to 5.3.4. */
const PLAIN_TYPES: ReadonlyMap<number, string> = new Map([
  [0x7f, "i32"],
  [0x7e, "i64"],
  [0x7d, "f32"],
  [0x7c, "f64"],
  [0x7b, "v128"],
  [0x74, "nullexnref"],
  [0x73, "nullfuncref"],
  [0x72, "nullexternref"],
  [0x71, "nullref"],
  [0x70, "funcref"],
  [0x6f, "externref"],
  [0x6e, "anyref"],
  [0x6d, "eqref"],
  [0x6c, "i31ref"],
  [0x6b, "structref"],
  [0x6a, "arrayref"],
  [0x69, "exnref"],
]);

/** Abstract heap types behind `ref` and `ref null`, as negative 33-bit numbers. */
const HEAP_TYPES: ReadonlyMap<number, string> = new Map([
  [-0x0c, "noexn"],
  [-0x0d, "nofunc"],
  [-0x0e, "noextern"],
  [-0x0f, "none"],
  [-0x10, "func"],
  [-0x11, "extern"],
  [-0x12, "any"],
  [-0x13, "eq"],
  [-0x14, "i31"],
  [-0x15, "struct"],
  [-0x16, "array"],
  [-0x17, "exn"],
]);

const REFERENCE = 0x64;
const REFERENCE_OR_NULL = 0x63;

/** Forms of a type definition: core specification 3.0, section 5.3.6 and 5.3.7. */
const FORM_FUNCTION = 0x60;
const FORM_STRUCT = 0x5f;
const FORM_ARRAY = 0x5e;
const FORM_SUB = 0x50;
const FORM_SUB_FINAL = 0x4f;
const FORM_GROUP = 0x4e;

/** Reads one value type. */
export function readValueType(cursor: Cursor): ValueType {
  const start = cursor.position;
  const byte = cursor.u8("a value type");
  const plain = PLAIN_TYPES.get(byte);
  if (plain !== undefined) return plain;
  if (byte !== REFERENCE && byte !== REFERENCE_OR_NULL) {
    throw malformed(start, `0x${byte.toString(16)} is not a value type`);
  }
  const heap = cursor.s33("a heap type");
  const heapName = heap >= 0 ? String(heap) : HEAP_TYPES.get(heap);
  if (heapName === undefined) throw malformed(start, `${heap} is not a heap type`);
  return byte === REFERENCE ? `(ref ${heapName})` : `(ref null ${heapName})`;
}

/** Reads limits. Flags: bit 0 a maximum follows, bit 1 shared, bit 2 64-bit. */
export function readLimits(cursor: Cursor, what: string): Limits {
  const start = cursor.position;
  const flags = cursor.u8(`the limits of ${what}`);
  if (flags > 7) throw malformed(start, `limits flags 0x${flags.toString(16)} of ${what} are unknown`);
  const is64 = (flags & 4) !== 0;
  const number = (name: string) => (is64 ? cursor.u64(name) : cursor.u32(name));
  const minimum = number(`the minimum of ${what}`);
  const maximum = (flags & 1) !== 0 ? number(`the maximum of ${what}`) : undefined;
  if (maximum !== undefined && maximum < minimum) throw malformed(start, `the maximum of ${what} is below its minimum`);
  return { minimum, maximum, shared: (flags & 2) !== 0, is64 };
}

/** Reads a table type. */
export function readTableType(cursor: Cursor): TableType {
  const element = readValueType(cursor);
  return { element, ...readLimits(cursor, "a table") };
}

/** A table that a module defines, and where its limits lie in the file. */
export interface DefinedTable extends TableType {
  /** Offset of the first byte of its limits, and of the first one behind them. */
  readonly limits: { readonly start: number; readonly end: number };
}

/** Prefix of a table with an expression for its elements' first value. */
const TABLE_WITH_VALUE = 0x40;

/** Reads a table as a module defines it. */
export function readDefinedTable(cursor: Cursor): DefinedTable {
  const hasValue = cursor.bytes[cursor.position] === TABLE_WITH_VALUE;
  if (hasValue) cursor.skip(2, "the prefix of a table");
  const element = readValueType(cursor);
  const start = cursor.position;
  const limits = readLimits(cursor, "a table");
  const end = cursor.position;
  if (hasValue) skipExpression(cursor);
  return { element, ...limits, limits: { start, end } };
}

/** Reads a global type. */
export function readGlobalType(cursor: Cursor): GlobalType {
  const value = readValueType(cursor);
  const start = cursor.position;
  const mutable = cursor.u8("the mutability of a global");
  if (mutable > 1) throw malformed(start, `mutability ${mutable} of a global is unknown`);
  return { value, mutable: mutable === 1 };
}

/**
 * Reads the type section.
 *
 * @returns one entry for each type index; `undefined` for structures and arrays, which are no function types
 */
export function readTypes(cursor: Cursor): (FunctionType | undefined)[] {
  const types: (FunctionType | undefined)[] = [];
  const groups = cursor.count("types", TYPES_MAX, 2);
  const section = cursor.position;
  let parameters = 0;
  for (let index = 0; index < groups; index++) {
    const before = types.length;
    readGroup(cursor, types);
    for (let added = before; added < types.length; added++) {
      parameters += (types[added]?.parameters.length ?? 0) + (types[added]?.results.length ?? 0);
    }
    if (parameters > PARAMETERS_TOTAL_MAX)
      throw malformed(section, `more than ${PARAMETERS_TOTAL_MAX} parameters in all`);
  }
  return types;
}

function readGroup(cursor: Cursor, types: (FunctionType | undefined)[]): void {
  if (cursor.bytes[cursor.position] !== FORM_GROUP) {
    types.push(readSubtype(cursor));
    return;
  }
  const start = cursor.position;
  cursor.u8("a recursive group");
  const count = cursor.count("types of a recursive group", TYPES_MAX, 2);
  if (types.length + count > TYPES_MAX) throw malformed(start, `more than ${TYPES_MAX} types`);
  for (let index = 0; index < count; index++) types.push(readSubtype(cursor));
}

function readSubtype(cursor: Cursor): FunctionType | undefined {
  const form = cursor.u8("the form of a type");
  if (form !== FORM_SUB && form !== FORM_SUB_FINAL) return readComposite(cursor, form);
  const supertypes = cursor.count("supertypes", SUPERTYPES_MAX, 1);
  for (let index = 0; index < supertypes; index++) cursor.u32("a supertype");
  return readComposite(cursor, cursor.u8("the form of a type"));
}

function readComposite(cursor: Cursor, form: number): FunctionType | undefined {
  switch (form) {
    case FORM_FUNCTION:
      return { parameters: readValueTypes(cursor, "parameters"), results: readValueTypes(cursor, "results") };
    case FORM_STRUCT: {
      const fields = cursor.count("fields", FIELDS_MAX, 2);
      for (let index = 0; index < fields; index++) skipField(cursor);
      return undefined;
    }
    case FORM_ARRAY:
      skipField(cursor);
      return undefined;
    default:
      throw malformed(cursor.position - 1, `0x${form.toString(16)} is not the form of a type`);
  }
}

function readValueTypes(cursor: Cursor, what: string): ValueType[] {
  const count = cursor.count(what, PARAMETERS_MAX, 1);
  const types: ValueType[] = [];
  for (let index = 0; index < count; index++) types.push(readValueType(cursor));
  return types;
}

/** A field is a value type or one of the packed types i8 (0x78) and i16 (0x77), and its mutability. */
function skipField(cursor: Cursor): void {
  const byte = cursor.bytes[cursor.position];
  if (byte === 0x78 || byte === 0x77) cursor.u8("a packed type");
  else readValueType(cursor);
  cursor.u8("the mutability of a field");
}

/** A function type as the text `(i32, i64) -> i32`. */
export function describeFunctionType(type: FunctionType): string {
  const results =
    type.results.length === 0
      ? "nothing"
      : type.results.length === 1
        ? type.results[0]
        : `(${type.results.join(", ")})`;
  return `(${type.parameters.join(", ")}) -> ${results}`;
}
