import { PosternError } from "../errors.js";

/** Value types an encoded module can use. */
export type EncodedType = "i32" | "i64" | "f32" | "f64";

/** A function type to encode. */
export interface EncodedFunctionType {
  readonly parameters: readonly EncodedType[];
  readonly results: readonly EncodedType[];
}

/** Limits of a memory or table to encode. */
export interface EncodedLimits {
  readonly minimum: number;
  readonly maximum?: number | undefined;
  readonly shared?: boolean;
  readonly is64?: boolean;
}

/** An import to encode. */
export type EncodedImport = { readonly module: string; readonly name: string } & (
  | { readonly kind: "function"; readonly type: number }
  | { readonly kind: "table"; readonly limits: EncodedLimits }
  | { readonly kind: "memory"; readonly limits: EncodedLimits }
  | { readonly kind: "global"; readonly value: EncodedType; readonly mutable?: boolean }
);

/** An export to encode. */
export interface EncodedExport {
  readonly name: string;
  readonly kind: "function" | "table" | "memory" | "global";
  readonly index: number;
}

/** A function to encode: its type, and its instructions without the closing `end`. */
export interface EncodedFunction {
  readonly type: number;
  /** Variables besides the parameters, all of them i32; default: none. */
  readonly locals?: number;
  readonly code: readonly number[];
}

/** A module to encode. Absent parts have no section. */
export interface EncodedModule {
  readonly types?: readonly EncodedFunctionType[];
  readonly imports?: readonly EncodedImport[];
  readonly functions?: readonly EncodedFunction[];
  readonly memories?: readonly EncodedLimits[];
  readonly exports?: readonly EncodedExport[];
  readonly start?: number;
  /** Data segments for memory 0. */
  readonly data?: readonly { readonly offset: number; readonly bytes: Uint8Array }[];
  /** Custom sections, written last. */
  readonly custom?: readonly { readonly name: string; readonly contents: readonly number[] }[];
}

/** Instructions that helper modules and added functions use: core specification, section 5.4. */
export const Instruction = {
  unreachable: 0x00,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  branch: 0x0c,
  branchIf: 0x0d,
  return: 0x0f,
  call: 0x10,
  callIndirect: 0x11,
  drop: 0x1a,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  globalGet: 0x23,
  memorySize: 0x3f,
  i32Const: 0x41,
  i64Const: 0x42,
  i32GreaterUnsigned: 0x4b,
  i32LessOrEqualUnsigned: 0x4d,
  i32GreaterOrEqualSigned: 0x4e,
  i64LessOrEqualUnsigned: 0x58,
  i32Add: 0x6a,
  i32Subtract: 0x6b,
  i32And: 0x71,
  i32ShiftRightUnsigned: 0x76,
  i64Add: 0x7c,
  i64ShiftLeft: 0x86,
  i64ShiftRightUnsigned: 0x88,
  i32WrapI64: 0xa7,
  i64ExtendI32Unsigned: 0xad,
  /** Prefix of memory.copy (10), memory.fill (11) and others. */
  miscellaneous: 0xfc,
} as const;

/** The type of a block without a result. */
export const NO_RESULT = 0x40;

const HEADER: readonly number[] = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const TYPE_BYTES: Readonly<Record<EncodedType, number>> = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c };
const KIND_BYTES = { function: 0, table: 1, memory: 2, global: 3 } as const;
const FUNCTION_TYPE = 0x60;
const FUNCREF = 0x70;
const utf8 = new TextEncoder();

/** An unsigned number in as few bytes as possible (LEB128). */
export function unsigned(value: number): number[] {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new PosternError("EINVALIDARGUMENT", `${value} cannot be encoded; a whole number from 0 is expected`);
  }
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
  return bytes;
}

/** A signed 32-bit number in as few bytes as possible (LEB128). */
export function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value | 0;
  for (;;) {
    const low = rest & 0x7f;
    rest >>= 7;
    if ((rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)) {
      bytes.push(low);
      return bytes;
    }
    bytes.push(low | 0x80);
  }
}

/** A length and that many bytes of UTF-8. */
export function encodedName(name: string): number[] {
  const bytes = utf8.encode(name);
  return [...unsigned(bytes.length), ...bytes];
}

/** Limits of a memory or table. */
export function encodedLimits(limits: EncodedLimits): number[] {
  const flags = (limits.maximum === undefined ? 0 : 1) | (limits.shared ? 2 : 0) | (limits.is64 ? 4 : 0);
  const maximum = limits.maximum === undefined ? [] : unsigned(limits.maximum);
  return [flags, ...unsigned(limits.minimum), ...maximum];
}

/** A section: identifier, length, contents. */
export function encodedSection(identifier: number, contents: readonly number[]): number[] {
  return [identifier, ...unsigned(contents.length), ...contents];
}

/**
 * Puts a section in the place of another.
 * @param place offsets of the old one's first byte, and of the first one behind it
 * @returns a changed copy of the module
 */
export function replaceSection(
  bytes: Uint8Array,
  place: { readonly start: number; readonly end: number },
  identifier: number,
  contents: ArrayLike<number>,
): Uint8Array {
  const head = [identifier, ...unsigned(contents.length)];
  const { start, end } = place;
  const replaced = new Uint8Array(bytes.length - (end - start) + head.length + contents.length);
  replaced.set(bytes.subarray(0, start));
  replaced.set(head, start);
  replaced.set(contents, start + head.length);
  replaced.set(bytes.subarray(end), start + head.length + contents.length);
  return replaced;
}

/**
 * Writes a module. It is not validated: the engine does that.
 *
 * @returns the bytes of a .wasm file
 */
export function encodeModule(module: EncodedModule): Uint8Array {
  const sections = [
    vector(1, module.types, encodedFunctionType),
    vector(2, module.imports, encodedImport),
    vector(3, module.functions, (entry) => unsigned(entry.type)),
    vector(5, module.memories, encodedLimits),
    vector(7, module.exports, (entry) => [
      ...encodedName(entry.name),
      KIND_BYTES[entry.kind],
      ...unsigned(entry.index),
    ]),
    module.start === undefined ? [] : encodedSection(8, unsigned(module.start)),
    vector(10, module.functions, encodedBody),
    vector(11, module.data, encodedData),
    ...(module.custom ?? []).map((entry) => encodedSection(0, [...encodedName(entry.name), ...entry.contents])),
  ];
  return Uint8Array.from([HEADER, ...sections].flat());
}

function vector<Entry>(
  identifier: number,
  entries: readonly Entry[] | undefined,
  encode: (entry: Entry) => number[],
): number[] {
  if (entries === undefined || entries.length === 0) return [];
  return encodedSection(identifier, [...unsigned(entries.length), ...entries.flatMap(encode)]);
}

function encodedFunctionType(type: EncodedFunctionType): number[] {
  const list = (types: readonly EncodedType[]) => [...unsigned(types.length), ...types.map((name) => TYPE_BYTES[name])];
  return [FUNCTION_TYPE, ...list(type.parameters), ...list(type.results)];
}

function encodedImport(entry: EncodedImport): number[] {
  const head = [...encodedName(entry.module), ...encodedName(entry.name), KIND_BYTES[entry.kind]];
  switch (entry.kind) {
    case "function":
      return [...head, ...unsigned(entry.type)];
    case "table":
      return [...head, FUNCREF, ...encodedLimits(entry.limits)];
    case "memory":
      return [...head, ...encodedLimits(entry.limits)];
    case "global":
      return [...head, TYPE_BYTES[entry.value], entry.mutable ? 1 : 0];
  }
}

function encodedBody(entry: EncodedFunction): number[] {
  const { locals = 0 } = entry;
  const declared = locals === 0 ? [0] : [1, ...unsigned(locals), TYPE_BYTES.i32];
  const body = [...declared, ...entry.code, Instruction.end];
  return [...unsigned(body.length), ...body];
}

function encodedData(segment: { readonly offset: number; readonly bytes: Uint8Array }): number[] {
  const active = 0;
  const place = [Instruction.i32Const, ...signed(segment.offset), Instruction.end];
  return [active, ...place, ...unsigned(segment.bytes.length), ...segment.bytes];
}
