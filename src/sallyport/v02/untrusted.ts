/** Pointers the program in the keep passed. A pointer is a number until it was checked; what was checked has its own type. */
import type { Layout } from "./cursor.js";

/** Says which addresses of the program's memory may be touched. Sizes in bytes. */
export interface AddressValidator {
  /** Whether all of the range may be read. */
  readable(address: bigint, size: bigint): boolean;
  /** Whether all of the range may be read and written. */
  writable(address: bigint, size: bigint): boolean;
}

/** What a pointer was checked for. */
export type Access = "readable" | "writable";

const ADDRESS_SPACE = 2n ** 64n;

/** A range of memory that passed the checks of {@link Untrusted}. Only made there. */
export class Trusted {
  readonly address: bigint;
  /** Bytes, exact. */
  readonly size: bigint;
  readonly access: Access;

  private constructor(address: bigint, size: bigint, access: Access) {
    this.address = address;
    this.size = size;
    this.access = access;
  }

  /**
   * Checks a range: the pointer is not null and is aligned, the range ends inside the address space, and the validator
   * accepts it. (The original multiplies without an overflow check; a range that overflows is refused here.)
   */
  static check(
    pointer: bigint,
    layout: Layout,
    count: bigint,
    access: Access,
    validator: AddressValidator,
  ): Trusted | null {
    const size = BigInt(layout.size) * count;
    if (pointer <= 0n || count < 0n || pointer + size > ADDRESS_SPACE) return null;
    if (pointer % BigInt(layout.align) !== 0n) return null;
    return validator[access](pointer, size) ? new Trusted(pointer, size, access) : null;
  }
}

/** A pointer to one element or several, not checked yet. Borrows are not tracked. */
export class Untrusted {
  readonly pointer: bigint;
  readonly layout: Layout;
  readonly access: Access;

  /** @param pointer address as the program gave it @param access what the call is going to do with it */
  constructor(pointer: bigint, layout: Layout, access: Access) {
    this.pointer = pointer;
    this.layout = layout;
    this.access = access;
  }

  /** Checks one element. Null where any check fails: that is EFAULT to the program. */
  validate(validator: AddressValidator): Trusted | null {
    return this.validateSlice(1, validator);
  }

  /** Checks `count` elements in a row. A count that is negative or no integer fails as well. */
  validateSlice(count: number | bigint, validator: AddressValidator): Trusted | null {
    if (typeof count === "number" && !Number.isSafeInteger(count)) return null;
    return Trusted.check(this.pointer, this.layout, BigInt(count), this.access, validator);
  }
}
