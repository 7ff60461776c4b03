/** How a call is described: what its registers mean, and the function that handles it. */
import { Errno } from "../constants.js";
import type { Result } from "../message.js";
import type { Register } from "../register.js";
import type { Guest } from "./guest.js";

/** What a register can mean, and what the handler gets for it. */
interface Kinds {
  /** A signed 32-bit integer, sign-extended in the register; anything else is EINVAL. */
  int: number;
  /** A signed 32-bit integer; the upper half of the register is ignored. */
  cut: number;
  /** An unsigned 32-bit integer; anything else is EINVAL. */
  uint: number;
  /** All 64 bits: a size, a pointer, a long. */
  word: bigint;
}

const READ: { readonly [K in keyof Kinds]: (register: Register) => Kinds[K] | null } = {
  int: (register) => register.toInt32(),
  cut: (register) => register.low | 0,
  uint: (register) => register.toUint32(),
  word: (register) => register.toBigInt(),
};

type Arguments<K extends readonly (keyof Kinds)[]> = { [I in keyof K]: Kinds[K[I]] };

/** Handles one call with the six registers as they came. */
export type Call = (guest: Guest, registers: readonly Register[]) => Result;

/** Describes a call: the meaning of its registers from the first on, and its handler. */
export function call<const K extends readonly (keyof Kinds)[]>(
  kinds: K,
  run: (guest: Guest, ...values: Arguments<K>) => Result,
): Call {
  return (guest, registers) => {
    const values: unknown[] = [];
    for (let index = 0; index < kinds.length; index++) {
      const value = READ[kinds[index]!](registers[index]!);
      if (value === null) return fail(Errno.EINVAL);
      values.push(value);
    }
    return run(guest, ...(values as unknown as Arguments<K>));
  };
}

/** A call that leaves the keep as it is; the host's value comes back. Arguments are unsigned where the kind says so. */
export function passed(num: number, kinds: readonly (keyof Kinds)[]): Call {
  return call(kinds, (guest, ...values) => guest.proxy(num, ...values));
}

/** The outcome of a failed call. @param errno positive */
export function fail(errno: number): Result {
  return { err: errno };
}
