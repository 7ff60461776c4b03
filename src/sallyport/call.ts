/**
 * How a call is described. One description of each call, as data: what it is called, its number, what each argument is,
 * where it goes in the item, what the reply may say. Guest, host, policy and trace derive what they do from it.
 *
 * A description is turned into a flat plan at load: small integers and booleans in one hidden class, so that the code
 * that executes plans stays fast.
 */
import { argumentSlots, type Kind } from "./constants.js";

/** What an argument is. */
export const Argument = {
  /** Signed 32 bits, sign-extended. */
  INT: 0,
  /** Unsigned 32 bits, zero-extended. */
  UNSIGNED: 1,
  /** 64 bits: a number (also negative) or a bigint. */
  WORD: 2,
  /** A descriptor: signed 32 bits, and the host must have granted it. */
  DESCRIPTOR: 3,
  /** Bytes in the data section: offset and length travel. */
  BYTES: 4,
  /** One structure in the data section: its offset travels. */
  RECORD: 5,
  /** Structures in a row: offset and count travel. */
  RECORDS: 6,
  /** Bytes gathered from, or scattered to, several buffers: offset and total length travel. */
  PIECES: 7,
  /** A socket address the host fills: two data, the address and a 32-bit length that goes both ways. */
  ADDRESS: 8,
  /** A path: its bytes and a zero byte; the offset travels. */
  PATH: 9,
} as const;

/** Which way data goes: bit 0 guest to host, bit 1 host to guest. */
export const Direction = { IN: 1, OUT: 2, INOUT: 3 } as const;

/** When an output is copied back. */
export const Collect = {
  /** When the call succeeded. */
  SUCCESS: 0,
  /** Always, also with an error. */
  ALWAYS: 1,
  /** When the call failed with EINTR. */
  INTERRUPTED: 2,
} as const;

/** What a return value may be. */
export const Result = {
  /** Any value is success and means 0. */
  UNIT: 0,
  /** 0 to 2^31 - 1. */
  INT: 1,
  /** 64 bits; above the call's limit, where it has one, the host lies. */
  SIZE: 2,
  /** 64 bits, as it is. */
  WORD: 3,
  /** 0 to 255. */
  BYTE: 4,
  /** 0 to 255, or all ones for nothing. */
  OPTIONAL_BYTE: 5,
  /** The low 32 bits, signed. */
  TRUNCATED: 6,
} as const;

/** What the host must have granted for a descriptor to be used by a call. Bits. */
export const Right = {
  NONE: 0,
  /** Data may be read. */
  READ: 1,
  /** Data may be written. */
  WRITE: 2,
  /** What the descriptor leads to may be changed: names, sizes, times. Absent for what a read-only grant gave. */
  CHANGE: 4,
  /** Paths may be resolved from it. */
  LOOKUP: 8,
} as const;

/** Names of a value or of the bits in it, for traces and policies. */
export interface ValueNames {
  readonly style: "flags" | "enumeration" | "octal" | "hexadecimal";
  readonly names?: Readonly<Record<string, number>>;
}

/** One parameter of a call. `T` is what a caller passes. */
export interface Parameter<T = unknown> {
  readonly name: string;
  readonly argument: number;
  readonly direction: number;
  /** Bytes of a record or of one of several; 1 for bytes. */
  readonly size: number;
  readonly align: number;
  /** May be left out (null). */
  readonly optional: boolean;
  /** Shortened to what fits in the block. */
  readonly shrinks: boolean;
  /** What stands in the length slot when the argument is left out: zero instead of NULL. */
  readonly absentLengthZero: boolean;
  readonly collect: number;
  /** In each of several records, the first byte that is the host's to change. */
  readonly replyAt: number;
  readonly right: number;
  readonly shown: ValueNames | undefined;
  readonly type?: T;
}

/** A buffer for a socket address, and its length: before the call the room, afterwards what the host says. */
export interface SocketAddressBuffer {
  readonly bytes: Uint8Array;
  length: number;
}

function parameter<T>(name: string, argument: number, more: Partial<Parameter<T>> = {}): Parameter<T> {
  return {
    name,
    argument,
    direction: 0,
    size: 1,
    align: 1,
    optional: false,
    shrinks: false,
    absentLengthZero: false,
    collect: Collect.SUCCESS,
    replyAt: 0,
    right: Right.NONE,
    shown: undefined,
    ...more,
  };
}

type Shape = Pick<Partial<Parameter>, "align" | "shrinks" | "collect" | "absentLengthZero">;

/** A signed 32-bit number. */
export const int = (name: string, shown?: ValueNames) => parameter<number>(name, Argument.INT, { shown });
/** An unsigned 32-bit number. */
export const unsigned = (name: string, shown?: ValueNames) => parameter<number>(name, Argument.UNSIGNED, { shown });
/** A 64-bit number. */
export const word = (name: string, shown?: ValueNames) => parameter<number | bigint>(name, Argument.WORD, { shown });
/** A descriptor and the right it needs. */
export const descriptor = (name: string, right: number = Right.NONE) =>
  parameter<number>(name, Argument.DESCRIPTOR, { right });
/** Bytes the host reads. */
export const input = (name: string, shape: Shape = {}) =>
  parameter<Uint8Array>(name, Argument.BYTES, { direction: Direction.IN, ...shape });
/** Bytes the host writes. */
export const output = (name: string, shape: Shape = {}) =>
  parameter<Uint8Array>(name, Argument.BYTES, { direction: Direction.OUT, ...shape });
/** Bytes the host reads and writes. */
export const inout = (name: string, shape: Shape = {}) =>
  parameter<Uint8Array>(name, Argument.BYTES, { direction: Direction.INOUT, ...shape });
/** A structure of fixed size. */
export const record = (
  name: string,
  direction: number,
  size: number,
  align: number,
  collect: number = Collect.SUCCESS,
) => parameter<Uint8Array>(name, Argument.RECORD, { direction, size, align, collect });
/** Structures in a row; the caller passes their bytes. @param replyAt where in each one the host's part starts */
export const records = (name: string, direction: number, size: number, align: number, replyAt = 0) =>
  parameter<Uint8Array>(name, Argument.RECORDS, { direction, size, align, replyAt });
/** Several buffers the host sees as one. */
export const pieces = (name: string, direction: number) =>
  parameter<readonly Uint8Array[]>(name, Argument.PIECES, { direction, shrinks: true });
/** A socket address the host fills. @param collect when the guest copies it */
export const addressOut = (name: string, collect: number) =>
  parameter<SocketAddressBuffer>(name, Argument.ADDRESS, { direction: Direction.OUT, align: 8, collect });
/** A path, without its zero byte. */
export const path = (name: string) => parameter<Uint8Array>(name, Argument.PATH, { direction: Direction.IN });
/** The same, but it may be null. */
export const optional = <T>(of: Parameter<T>): Parameter<T | null> =>
  ({ ...of, optional: true }) as Parameter<T | null>;

/** What a slot of argv carries of a parameter. */
export const Part = { VALUE: 0, OFFSET: 1, LENGTH: 2, COUNT: 3, LENGTH_OFFSET: 4 } as const;

/** Everything about a call besides its name, number, parameters and slots. */
export interface CallOptions {
  /** Order in which data is allocated, by parameter name; default: the parameters' order. */
  readonly allocate?: string;
  /** The parameter whose staged length (or count) the return value may not exceed. */
  readonly limit?: string;
  /** What the host passes on, by slot name; default: every slot. */
  readonly native?: string;
  /** Name of the host's own way to execute the call, where the derived one does not do. */
  readonly host?: string;
  /** The kernel's name, where it differs from the call's. */
  readonly kernel?: string;
  /** The call does not come back when it succeeds. */
  readonly final?: boolean;
  /** The call makes a descriptor: the host enters it into the keep's table. */
  readonly creates?: boolean;
  /** The call writes the bytes of this parameter somewhere (counted against the limit of output). */
  readonly writes?: string;
  /** What the return value is between two peers of this implementation, where the original's type loses something. */
  readonly ownResult?: number;
  /** Only hosts and guests of this implementation know the call. */
  readonly extension?: boolean;
}

/** A described call. `P` are its parameters, in the order a caller passes them. */
export interface Call<P extends readonly Parameter[] = readonly Parameter[]> extends CallOptions {
  readonly name: string;
  readonly kind: Kind;
  readonly number: number;
  readonly parameters: P;
  readonly slots: string;
  readonly result: number;
}

/** What a caller passes to a call with parameters `P`. */
export type ArgumentsOf<P extends readonly Parameter[]> = {
  -readonly [I in keyof P]: P[I] extends Parameter<infer T> ? T : never;
};

/** Ways through the engine, decided when the plan is made. */
export const Route = {
  /** Anything. */
  GENERAL: 0,
  /** Only 32-bit numbers. */
  NUMBERS: 1,
  /** A descriptor, one buffer that shrinks, and at most a 64-bit position. */
  TRANSFER: 2,
  /** One buffer that shrinks, and a 32-bit number. */
  FILL: 3,
  /** A descriptor, a 64-bit number and a 32-bit one. */
  SEEK: 4,
} as const;

/** A call made flat. Every plan has the same hidden class. */
export class Plan {
  readonly name: string;
  readonly kind: number;
  readonly number: number;
  readonly result: number;
  readonly ownResult: number;
  readonly route: number;
  /** The call's transfer copies guest to host. */
  readonly transferIn: boolean;
  /** The transfer has a 64-bit position in its fourth slot. */
  readonly positioned: boolean;
  readonly final: boolean;
  readonly creates: boolean;
  /** Index of the parameter that limits the return value, -1 for none. */
  readonly limit: number;
  /** Index of the parameter whose bytes are written out, -1 for none. */
  readonly writes: number;
  readonly parameters: readonly Parameter[];
  /** Indices of the parameters that have data, in order of allocation. */
  readonly allocation: readonly number[];
  /** For each slot of argv: the parameter it belongs to, -1 for NULL. */
  readonly slotParameter: readonly number[];
  /** For each slot of argv: the {@link Part} it carries. */
  readonly slotPart: readonly number[];
  /** Slots used, from the first. */
  readonly slotCount: number;
  /** Slots the host passes to the kernel, in order. */
  readonly nativeSlots: readonly number[];
  /** Slot that holds a parameter's value, offset, length (or count), length offset; -1 where there is none. */
  readonly valueSlot: readonly number[];
  readonly offsetSlot: readonly number[];
  readonly lengthSlot: readonly number[];
  readonly lengthOffsetSlot: readonly number[];
  readonly host: string;
  readonly kernel: string;
  readonly extension: boolean;

  constructor(call: Call) {
    const names = call.parameters.map((each) => each.name);
    const indexOf = (name: string): number => {
      const index = names.indexOf(name);
      if (index < 0) throw new TypeError(`${call.name}: no parameter ${name}`);
      return index;
    };
    const slots = call.slots === "" ? [] : call.slots.split(" ");
    const slotParameter: number[] = [];
    const slotPart: number[] = [];
    for (const slot of slots) {
      const [name, part] = slot.split(".") as [string, string | undefined];
      const index = indexOf(name);
      slotParameter.push(index);
      slotPart.push(partOf(call.parameters[index]!, part));
    }
    const slotWith = (...parts: number[]) =>
      names.map((_, index) =>
        slotParameter.findIndex((each, slot) => each === index && parts.includes(slotPart[slot]!)),
      );
    this.name = call.name;
    this.kind = call.kind;
    this.number = call.number;
    this.result = call.result;
    this.ownResult = call.ownResult ?? call.result;
    this.final = call.final ?? false;
    this.creates = call.creates ?? false;
    this.limit = call.limit === undefined ? -1 : indexOf(call.limit);
    this.writes = call.writes === undefined ? -1 : indexOf(call.writes);
    this.parameters = call.parameters;
    this.allocation = (call.allocate?.split(" ").map(indexOf) ?? names.map((_, index) => index)).filter(
      (index) => call.parameters[index]!.argument >= Argument.BYTES,
    );
    this.slotCount = slots.length;
    this.nativeSlots = (call.native?.split(" ") ?? slots).map((slot) => slots.indexOf(slot));
    while (slotParameter.length < argumentSlots(call.kind)) {
      slotParameter.push(-1);
      slotPart.push(0);
    }
    this.slotParameter = slotParameter;
    this.slotPart = slotPart;
    this.valueSlot = slotWith(Part.VALUE);
    this.offsetSlot = slotWith(Part.OFFSET);
    this.lengthSlot = slotWith(Part.LENGTH, Part.COUNT);
    this.lengthOffsetSlot = slotWith(Part.LENGTH_OFFSET);
    this.host = call.host ?? "";
    this.kernel = call.kernel ?? call.name;
    this.extension = call.extension ?? false;
    this.route = routeOf(call);
    const data = call.parameters.find((each) => each.argument >= Argument.BYTES);
    this.transferIn = data?.direction === Direction.IN;
    this.positioned = slots.length === 4 && call.parameters.at(-1)?.argument === Argument.WORD;
  }
}

function partOf(of: Parameter, part: string | undefined): number {
  if (of.argument < Argument.BYTES) return Part.VALUE;
  if (part === undefined) return Part.OFFSET;
  if (of.argument === Argument.ADDRESS) return Part.LENGTH_OFFSET;
  return of.argument === Argument.RECORDS ? Part.COUNT : Part.LENGTH;
}

/** The first route whose shape the parameters have. */
function routeOf(call: Call): number {
  if (call.kind !== 1) return Route.GENERAL;
  const small = (each: Parameter) => each.argument === Argument.INT || each.argument === Argument.DESCRIPTOR;
  if (call.parameters.every(small)) return Route.NUMBERS;
  const [first, second, third] = call.parameters;
  const three = call.parameters.length === 3;
  if (three && small(first!) && second!.argument === Argument.WORD && small(third!)) return Route.SEEK;
  const fills = first!.argument === Argument.BYTES && first!.shrinks && first!.direction === Direction.OUT;
  if (call.parameters.length === 2 && fills && call.limit === first!.name) return Route.FILL;
  const buffer = second?.argument === Argument.BYTES && second.shrinks && !second.optional;
  const position = call.parameters.length === 2 || (call.parameters.length === 3 && third!.argument === Argument.WORD);
  if (first?.argument === Argument.DESCRIPTOR && buffer && position && call.limit === second.name)
    return Route.TRANSFER;
  return Route.GENERAL;
}
