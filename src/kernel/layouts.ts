/**
 * Layouts of the kernel's structs: byte offset, size and sign of every field, on this machine and on each architecture.
 *
 * `STRUCTS.stat.fields.st_size.offset` is a constant of this machine. The kernel's own view counts, which differs from
 * libc's for `sigaction` (see threads.ts) and, under musl, `msghdr`.
 */
import { PosternError } from "../errors.js";
import { type Architecture, architecture } from "./architecture.js";
import { ARM64_STRUCTS, COMMON_STRUCTS, X86_64_STRUCTS } from "./generated/structs.js";

/** Where a field lies and how to read it. */
export interface Field {
  /** Bytes from the start of the struct. */
  readonly offset: number;
  /** Bytes: 1, 2, 4 or 8 for a number, anything for an array or an inner struct, 0 for a trailing array. */
  readonly size: number;
  /** Whether it is a signed number. */
  readonly signed: boolean;
}

/** Size, alignment and fields of one struct. */
export interface Layout<Name extends string = string> {
  readonly size: number;
  readonly align: number;
  readonly fields: { readonly [name in Name]: Field };
}

type Described = typeof COMMON_STRUCTS & typeof X86_64_STRUCTS;
/** The structs by name, with the names of their fields. */
export type Structs = {
  readonly [name in keyof Described]: Layout<keyof Described[name]["fields"] & string>;
};

/** The layouts on one architecture. */
export function structsOf(machine: Architecture): Structs {
  return { ...COMMON_STRUCTS, ...(machine === "x86_64" ? X86_64_STRUCTS : ARM64_STRUCTS) };
}

/** The layouts on this machine. */
export const STRUCTS: Structs = structsOf(architecture);

/** Copies one struct from a view at an offset into another, and zeroes what the target has besides. */
export type StructCopier = (source: DataView, sourceOffset: number, target: DataView, targetOffset: number) => void;

/** One field of a copier, flat: V8 likes small records of integers. */
interface CopyStep {
  readonly from: number;
  readonly fromSize: number;
  readonly to: number;
  readonly toSize: number;
  readonly signed: boolean;
}

function copyStep(name: string, from: Field | undefined, to: Field): CopyStep {
  const isNumber = (field: Field) => field.size === 4 || field.size === 8;
  if (from === undefined || !isNumber(from) || !isNumber(to) || from.size > to.size) {
    throw new PosternError("EINVALIDARGUMENT", `The field ${name} cannot be carried over without loss.`);
  }
  return { from: from.offset, fromSize: from.size, to: to.offset, toSize: to.size, signed: from.signed };
}

/**
 * Makes a function that rewrites a struct from one layout into another, field by field: a host on arm64 answers `fstat`
 * with the x86-64 `stat` that the wire wants. Numbers are widened by their sign; padding becomes zero.
 *
 * @param from layout to read; needs every field of `to`
 * @param to layout to write; no field may be narrower than in `from`, and all are numbers of 4 or 8 bytes
 * @throws PosternError EINVALIDARGUMENT where a field is missing, narrower, or no such number
 */
export function structCopier<Name extends string>(from: Layout<Name>, to: Layout<Name>): StructCopier {
  const steps = (Object.keys(to.fields) as Name[]).map((name) => copyStep(name, from.fields[name], to.fields[name]));
  return (source, sourceOffset, target, targetOffset) => {
    // Read everything before writing anything: the two may overlap, and then the first fields would spoil the last.
    const low = steps.map((step) => source.getInt32(sourceOffset + step.from, true));
    const high = steps.map((step, index) => {
      if (step.fromSize === 8) return source.getInt32(sourceOffset + step.from + 4, true);
      return step.signed && low[index] < 0 ? -1 : 0;
    });
    for (let index = 0; index < to.size; index++) target.setUint8(targetOffset + index, 0);
    steps.forEach((step, index) => {
      target.setInt32(targetOffset + step.to, low[index], true);
      if (step.toSize === 8) target.setInt32(targetOffset + step.to + 4, high[index], true);
    });
  };
}
