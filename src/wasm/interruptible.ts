/**
 * Programs that can be stopped in time, whatever they do.
 *
 * V8 looks for a stop where a function is entered and in loops, with two exceptions. Optimised functions that call nothing,
 * once what cannot be reached is gone, do not look; tail calls do not count as calls. And a loop in V8's quick code looks
 * once in so many bytes executed: where each turn is a call of such a function, or one `memory.fill` of many megabytes,
 * that is minutes. So functions get a call at their start which is never made, and V8 cannot know that; what may take long
 * gets a call in front; and large fills and copies are done piece by piece.
 */
import { PosternError } from "../errors.js";
import type { Changes } from "./changes.js";
import { Cursor } from "./cursor.js";
import { Instruction as I, NO_RESULT, signed, unsigned } from "./encode.js";
import { skipInstruction, skipLocals } from "./instructions.js";
import { allMemories, type ModuleInfo } from "./model.js";
import { Output } from "./output.js";

const HEADER_BYTES = 8;
const TYPE = 1;
const FUNCTION = 3;
const CODE = 10;

const MEMORY_GROW = 0x40;
const MISCELLANEOUS = I.miscellaneous;
const OBJECTS = 0xfb;
const MEMORY_COPY = 0xfc0a;
const MEMORY_FILL = 0xfc0b;

/** The bytes of a list, as a table. */
function numbers(...list: readonly number[]): Uint8Array {
  const table = new Uint8Array(256);
  for (const each of list) table[each] = 1;
  return table;
}
/** memory.init, memory.copy, memory.fill, table.init, table.copy, table.grow, table.fill. */
const LONG = numbers(8, 10, 11, 12, 14, 15, 17);
/** array.new and its kind, array.fill, array.copy, array.init_data, array.init_elem. */
const LONG_OBJECTS = numbers(6, 7, 9, 10, 16, 17, 18, 19);

/** Largest piece of a fill or copy. Takes less than a millisecond, two where memory is used for the first time. */
const PIECE_BYTES = 4 * 2 ** 20;

/** Types of the functions that are added. */
const TYPES = [
  [0x60, 1, 0x7f, 0], // (i32)
  [0x60, 3, 0x7f, 0x7f, 0x7f, 3, 0x7f, 0x7f, 0x7f], // (i32 i32 i32) -> (i32 i32 i32)
];

const constant = (value: number): number[] => [I.i32Const, ...signed(value)];
const get = (local: number): number[] => [I.localGet, local];
const set = (local: number): number[] => [I.localSet, local];
const call = (index: number): number[] => [I.call, ...unsigned(index)];
const when = (condition: number[], ...then: number[][]): number[] => [
  ...condition,
  I.if,
  NO_RESULT,
  ...then.flat(),
  I.end,
];

/** Zero, which V8 cannot know: no memory has 2^17 pages. Without a memory it may know. */
const zero = (memory: boolean): number[] =>
  memory ? [I.memorySize, 0, ...constant(17), I.i32ShiftRightUnsigned] : constant(0);

/**
 * An entry, at which the engine looks for a stop. It must contain a call, or optimised code would do without.
 * @param index its own
 */
const lookCode = (index: number): number[] => when(get(0), get(0), constant(1), [I.i32Subtract], call(index));

/** Whether local `start` and the `length` bytes behind it lie in memory. */
const holds = (start: number, length: number): number[] => [
  ...[...get(start), I.i64ExtendI32Unsigned, ...get(length), I.i64ExtendI32Unsigned, I.i64Add],
  ...[I.memorySize, 0, I.i64ExtendI32Unsigned, I.i64Const, 16, I.i64ShiftLeft],
  I.i64LessOrEqualUnsigned,
];

/** Whether more than a piece is left, which local 2 counts. */
const isLarge = (piece: number): number[] => [...get(2), ...constant(piece), I.i32GreaterUnsigned];

/** Does `turn` for a piece after the other while more than one is left. */
const pieces = (look: number, piece: number, turn: number[]): number[] => [
  ...[I.loop, NO_RESULT, ...zero(true), ...call(look), ...turn],
  ...[...isLarge(piece), I.branchIf, 0, I.end],
];

/**
 * Works ahead where more than a piece is asked for and all of it lies in memory. What does not is left to the instruction
 * itself, which traps.
 */
const workAhead = (piece: number, inMemory: number[], ahead: number[]): number[] => [
  ...when(isLarge(piece), when(inMemory, ahead)),
  ...[...get(0), ...get(1), ...get(2)],
];

const plus = (local: number, piece: number): number[] => [...get(local), ...constant(piece), I.i32Add, ...set(local)];
const minus = (local: number, piece: number): number[] => [
  ...get(local),
  ...constant(piece),
  I.i32Subtract,
  ...set(local),
];

/** Fills all but the last piece. (start, value, length) -> the same of what is left. */
function fillCode(look: number, piece: number): number[] {
  const fill = [...get(0), ...get(1), ...constant(piece), I.miscellaneous, 11, 0];
  return workAhead(piece, holds(0, 2), pieces(look, piece, [...fill, ...plus(0, piece), ...minus(2, piece)]));
}

/** Copies all but the last piece, from the end that does not overwrite its source. (to, from, length) -> what is left. */
function copyCode(look: number, piece: number): number[] {
  const copy = [...constant(piece), I.miscellaneous, 10, 0, 0];
  const upwards = [...get(0), ...get(1), ...copy, ...plus(0, piece), ...plus(1, piece), ...minus(2, piece)];
  const end = (local: number): number[] => [...get(local), ...get(2), I.i32Add];
  const downwards = [...minus(2, piece), ...end(0), ...end(1), ...copy];
  const below = [...get(0), ...get(1), I.i32LessOrEqualUnsigned, I.if, NO_RESULT];
  const ahead = [...below, ...pieces(look, piece, upwards), I.else, ...pieces(look, piece, downwards), I.end];
  return workAhead(piece, [...holds(0, 2), ...holds(1, 2), I.i32And], ahead);
}

/** Whether bytes from `start` to `end` may hold an instruction that takes long. Whether they do, only reading them tells. */
function maybeLong(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end - 1; at++) {
    const byte = bytes[at]!;
    if (byte !== MEMORY_GROW && byte !== MISCELLANEOUS && byte !== OBJECTS) continue;
    // The number behind it may have been written in more bytes than it needs.
    const number = bytes[at + 1]! & 0x7f;
    if (byte === MEMORY_GROW ? number === 0 : isLong(byte * 256 + number)) return true;
  }
  return false;
}

function isLong(opcode: number): boolean {
  const prefix = opcode >>> 8;
  if (prefix === MISCELLANEOUS) return LONG[opcode & 0xff] === 1;
  return prefix === OBJECTS ? LONG_OBJECTS[opcode & 0xff] === 1 : opcode === MEMORY_GROW;
}

/** Functions of up to so many bytes take less time than V8 lets pass in any case, unless they make tail calls. */
const SHORT_BYTES = 32;

/** return_call, return_call_indirect, return_call_ref. */
const TAIL_CALLS: ReadonlySet<number> = new Set([0x12, 0x13, 0x15]);

/**
 * Most locals of a function times its bytes. V8 compiles a function when it is called first, for which it takes about as
 * long as this many steps, and looks for nothing meanwhile. Compilers stay below a tenth of it.
 */
const COMPILING_MAX = 2 ** 28;

/** The functions that are added: their first index, and whether those for memory are among them. */
interface Added {
  readonly look: number;
  readonly memory: boolean;
  /** What stands at the start of functions. */
  readonly guard: Uint8Array;
}

/** A call that is never made, but V8 cannot know that. Without a memory it is made. */
function guardCode(look: number, memory: boolean): Uint8Array {
  const made = [...zero(memory), ...call(look)];
  return Uint8Array.from(memory ? when(zero(memory), made) : made);
}

/** What stands in front of an instruction that may take long. */
function inFront(opcode: number, { look, memory }: Added): number[] {
  if (memory && opcode === MEMORY_FILL) return call(look + 1);
  if (memory && opcode === MEMORY_COPY) return call(look + 2);
  return [...zero(memory), ...call(look)];
}

/** Whether a body makes tail calls, with which it may never end. */
function makesTailCalls(cursor: Cursor): boolean {
  while (!cursor.atEnd) if (TAIL_CALLS.has(skipInstruction(cursor))) return true;
  return false;
}

/** Writes a body in which V8 looks for a stop often enough. @returns false where it does so already */
function rewriteBody(bytes: Uint8Array, start: number, end: number, added: Added, output: Output): boolean {
  const cursor = new Cursor(bytes, start, end);
  const locals = skipLocals(cursor);
  if (locals * (end - start) > COMPILING_MAX) throw tooLarge(start, locals, end - start);
  const code = cursor.position;
  const guarded = end - code > SHORT_BYTES || makesTailCalls(cursor);
  const long = maybeLong(bytes, code, end);
  if (!guarded && !long) return false;
  output.copy(bytes, start, code);
  if (guarded) output.add(added.guard);
  if (long) addCalls(new Cursor(bytes, code, end), added, output);
  else output.copy(bytes, code, end);
  return output.length > end - start;
}

/** Writes code with calls in front of what may take long. */
function addCalls(cursor: Cursor, added: Added, output: Output): void {
  const { bytes, end } = cursor;
  let done = cursor.position;
  while (!cursor.atEnd) {
    const at = cursor.position;
    const opcode = skipInstruction(cursor);
    if (!isLong(opcode)) continue;
    output.copy(bytes, done, at);
    output.add(inFront(opcode, added));
    done = at;
  }
  output.copy(bytes, done, end);
}

function tooLarge(offset: number, locals: number, size: number): PosternError {
  return new PosternError(
    "EBADPROGRAM",
    `a function of ${size} bytes has ${locals} variables: compiling it could not be stopped in time`,
    { offset },
  );
}

/** The bodies of a code section. @returns whether any was changed */
function rewriteBodies(cursor: Cursor, count: number, added: Added, output: Output): boolean {
  const { bytes } = cursor;
  const rewritten = new Output();
  const start = cursor.position;
  let done = start;
  for (let index = 0; index < count; index++) {
    const head = cursor.position;
    const size = cursor.u32("the size of a function");
    const body = cursor.position;
    cursor.skip(size, "a function");
    rewritten.clear();
    if (!rewriteBody(bytes, body, body + size, added, rewritten)) continue;
    output.copy(bytes, done, head);
    output.add(unsigned(rewritten.length));
    output.append(rewritten);
    done = cursor.position;
  }
  output.copy(bytes, done, cursor.end);
  return done !== start;
}

/**
 * Makes a module look for a stop often enough. Nothing else changes, neither what the program does nor the number of any
 * function: three functions are added behind the last one.
 *
 * @param bytes the module
 * @param info what `readModule` says about it
 * @param pieceBytes most bytes that are filled or copied without looking
 * @returns a changed copy, and what was changed in it; undefined where V8 looks often enough already
 * @throws PosternError EMALFORMED with `offset` for code that cannot be read, unknown instructions included; EBADPROGRAM
 *   for a function that would take too long to compile
 */
export function makeInterruptible(
  bytes: Uint8Array,
  info: ModuleInfo,
  pieceBytes = PIECE_BYTES,
): { readonly bytes: Uint8Array; readonly changes: Changes } | undefined {
  const look = info.imports.filter((each) => each.kind === "function").length + info.functionCount;
  const memory = allMemories(info).length > 0;
  const codes = [lookCode(look), ...(memory ? [fillCode(look, pieceBytes), copyCode(look, pieceBytes)] : [])];
  const firstType = info.types.length;
  /** What is added behind the elements of a section. */
  const additions: Readonly<Record<number, readonly (readonly number[])[]>> = {
    [TYPE]: TYPES,
    [FUNCTION]: codes.map((_code, index) => unsigned(index === 0 ? firstType : firstType + 1)),
    [CODE]: codes.map((code) => [...unsigned(code.length + 2), 0, ...code, I.end]),
  };
  const added = { look, memory, guard: guardCode(look, memory) };
  const output = new Output(bytes.length + bytes.length / 16);
  let done = 0;
  let changed = false;
  const file = new Cursor(bytes, HEADER_BYTES, bytes.length);
  while (!file.atEnd) {
    const { identifier, start, contents } = file.section();
    const behind = additions[identifier];
    if (behind === undefined) continue;
    output.copy(bytes, done, start);
    done = file.position;
    const count = contents.u32("the number of elements");
    output.add([identifier]);
    const place = output.leaveNumber();
    const begin = output.length;
    output.add(unsigned(count + behind.length));
    if (identifier === CODE) changed = rewriteBodies(contents, count, added, output);
    else output.copy(bytes, contents.position, contents.end);
    for (const element of behind) output.add(element);
    output.setNumber(place, output.length - begin);
  }
  output.copy(bytes, done, bytes.length);
  if (!changed) return undefined;
  return { bytes: output.bytes, changes: { places: output.places(), functions: look } };
}
