/**
 * How the registers of a system call become arguments. A fetch looks at registers and the memory they point to; a row
 * is a call and the fetches of its parameters, in order.
 */
import { Errno } from "../sallyport/linux.js";
import type { Handler } from "./handler.js";
import { type Platform, validate, validateIovecs, validateMut, validateSocketAddress, type Word } from "./platform.js";

/** Number, then up to six arguments. Numbers may be signed or unsigned; 2^53 and more must be bigints. */
export type Registers = ArrayLike<Word>;

/** What a system call is carried out with. */
export interface EntryContext {
  readonly handler: Handler;
  readonly platform: Platform;
  readonly compatible: boolean;
}

/** Why arguments could not be had. */
export class Refusal {
  constructor(readonly errno: number) {}
}
/** A pointer that may not be used. */
export const BAD_POINTER: Refusal = new Refusal(Errno.EINVAL);
const NULL_ADDRESS = new Refusal(Errno.EFAULT);

/** One parameter from registers, or a {@link Refusal}. */
export type Fetch = (context: EntryContext, registers: Registers) => unknown;
/** Carries one system call out: >= 0 or -errno. */
export type Entry = (context: EntryContext, registers: Registers) => number;

/** Register of an argument, 0 to 5; those that are missing are 0. */
export const register = (registers: Registers, index: number): Word => registers[index + 1] ?? 0;

/** The low 32 bits, signed. */
export function toInt(word: Word): number {
  return typeof word === "number" && Number.isSafeInteger(word) ? word | 0 : Number(BigInt.asIntN(32, BigInt(word)));
}

/** All 64 bits, unsigned. What is 2^53 or more is not exact, but no memory has such an address or length. */
export function toAddress(word: Word): number {
  return typeof word === "number" && word >= 0 ? word : Number(BigInt.asUintN(64, BigInt(word)));
}

const isZero = (registers: Registers, index: number): boolean => toAddress(register(registers, index)) === 0;

/** A 32-bit number. */
export const int =
  (index: number): Fetch =>
  (_, registers) =>
    toInt(register(registers, index));

/** An address or length for a shim. What no memory has arrives as the largest number that is exact. */
const clamped = (registers: Registers, index: number): number =>
  Math.min(toAddress(register(registers, index)), Number.MAX_SAFE_INTEGER);

/** A length, or an address that may be null. */
export const size =
  (index: number): Fetch =>
  (_, registers) =>
    clamped(registers, index);

/** An address that may not be null. */
export const address =
  (index: number): Fetch =>
  (_, registers) =>
    clamped(registers, index) || NULL_ADDRESS;

/** Nothing at all: Linux lets any pointer stand before a length of zero; the original does not. */
const isEmpty = (context: EntryContext, registers: Registers, length: number): boolean =>
  !context.compatible && isZero(registers, length);

/** `count` elements at a pointer. @param at register of the pointer @param count register of the count */
const slice =
  (at: number, count: number, bytes: number, align: number, writable: boolean): Fetch =>
  (context, registers) => {
    if (isEmpty(context, registers, count)) return new Uint8Array(0);
    const { platform } = context;
    const pointer = register(registers, at);
    const elements = register(registers, count);
    const memory = writable
      ? platform.validateSliceMut(pointer, elements, bytes, align)
      : platform.validateSlice(pointer, elements, bytes, align);
    return memory ?? BAD_POINTER;
  };

/** Bytes to read: pointer, then length. */
export const bytes = (at: number): Fetch => slice(at, at + 1, 1, 1, false);
/** Bytes to write. */
export const bytesMut = (at: number): Fetch => slice(at, at + 1, 1, 1, true);
/** Structures to write: pointer, then count. */
export const recordsMut = (at: number, bytes: number, align: number): Fetch => slice(at, at + 1, bytes, align, true);

/** A structure to read. */
export const record =
  (at: number, bytes: number, align: number): Fetch =>
  ({ platform }, registers) =>
    validate(platform, register(registers, at), bytes, align) ?? BAD_POINTER;

/** A structure to write. */
export const recordMut =
  (at: number, bytes: number, align: number): Fetch =>
  ({ platform }, registers) =>
    validateMut(platform, register(registers, at), bytes, align) ?? BAD_POINTER;

/** A text with its zero byte. */
export const text =
  (at: number): Fetch =>
  ({ platform }, registers) =>
    platform.validateString(register(registers, at)) ?? BAD_POINTER;

/** Pieces of an iovec list: pointer, then count. */
export const iovecs =
  (at: number, writable: boolean): Fetch =>
  (context, registers) =>
    isEmpty(context, registers, at + 1)
      ? []
      : (validateIovecs(context.platform, register(registers, at), register(registers, at + 1), writable) ??
        BAD_POINTER);

/** Room for a socket address: its pointer, then the pointer of its length. */
export const socketAddress =
  (at: number): Fetch =>
  ({ platform }, registers) =>
    validateSocketAddress(platform, register(registers, at), register(registers, at + 1)) ?? BAD_POINTER;

/** Null where the register is zero. */
export const optional =
  (at: number, fetch: Fetch): Fetch =>
  (context, registers) =>
    isZero(registers, at) ? null : fetch(context, registers);

/** Gets all parameters, in order. */
export function fetchAll(fetches: readonly Fetch[], context: EntryContext, registers: Registers): unknown[] | Refusal {
  const args: unknown[] = [];
  for (const fetch of fetches) {
    const value = fetch(context, registers);
    if (value instanceof Refusal) return value;
    args.push(value);
  }
  return args;
}

/** Name of a method that a row calls: those whose value is a number. */
type RowName = {
  [N in keyof Handler]: Handler[N] extends (...args: never[]) => number ? N : never;
}[keyof Handler];

/** A call and its parameters. */
export function row(name: RowName, ...fetches: Fetch[]): Entry {
  return (context, registers) => {
    const args = fetchAll(fetches, context, registers);
    if (args instanceof Refusal) return -args.errno;
    const method = context.handler[name] as (...args: readonly unknown[]) => number;
    return method(...args);
  };
}

/** One of two rows, by whether a register is zero. */
export function choose(at: number, whenZero: Entry, otherwise: Entry): Entry {
  return (context, registers) => (isZero(registers, at) ? whenZero : otherwise)(context, registers);
}
