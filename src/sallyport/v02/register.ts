/** One 64-bit machine word, held as two 32-bit halves. */
import { PosternError } from "../../errors.js";

/** What a register can be made from: a signed or unsigned integer. Negative ones are sign-extended to 64 bits. */
export type RegisterValue = number | bigint | Register;

const WORD_MIN = -(2n ** 63n);
const WORD_MAX = 2n ** 64n - 1n;
const HALF = 2 ** 32;

/** A 64-bit word. Immutable; its bytes are little endian. */
export class Register {
  /** Bits 0 to 31, unsigned. */
  readonly low: number;
  /** Bits 32 to 63, unsigned. */
  readonly high: number;

  /** @param low bits 0 to 31 @param high bits 32 to 63; both are cut to 32 bits */
  constructor(low: number, high: number) {
    this.low = low >>> 0;
    this.high = high >>> 0;
  }

  /** The word with all bits zero. */
  static readonly ZERO = new Register(0, 0);

  /**
   * Makes a register from an integer.
   * @param value safe integer, or bigint from -2^63 to 2^64 - 1
   * @throws PosternError EINVALIDARGUMENT for any other value
   */
  static from(value: RegisterValue): Register {
    if (value instanceof Register) return value;
    if (typeof value === "number") {
      if (!Number.isSafeInteger(value)) throw unusable(value);
      return new Register(value | 0, Math.floor(value / HALF));
    }
    if (typeof value !== "bigint" || value < WORD_MIN || value > WORD_MAX) throw unusable(value);
    return new Register(Number(BigInt.asUintN(32, value)), Number(BigInt.asUintN(32, value >> 32n)));
  }

  /** Reads the eight bytes at `offset` of `view`. */
  static read(view: DataView, offset: number): Register {
    return new Register(view.getUint32(offset, true), view.getUint32(offset + 4, true));
  }

  /** Writes eight bytes at `offset` of `view`. */
  write(view: DataView, offset: number): void {
    view.setUint32(offset, this.low, true);
    view.setUint32(offset + 4, this.high, true);
  }

  /** The value as an unsigned integer. */
  toBigInt(): bigint {
    return (BigInt(this.high) << 32n) | BigInt(this.low);
  }

  /** The value as a signed 32-bit integer, or null where it does not fit. */
  toInt32(): number | null {
    const signed = this.low | 0;
    return this.high === (signed < 0 ? 0xffff_ffff : 0) ? signed : null;
  }

  /** The value as an unsigned 32-bit integer, or null where it does not fit. */
  toUint32(): number | null {
    return this.high === 0 ? this.low : null;
  }

  /** Whether both words have the same bits. */
  equals(other: Register): boolean {
    return this.low === other.low && this.high === other.high;
  }
}

function unusable(value: unknown): PosternError {
  return new PosternError(
    "EINVALIDARGUMENT",
    `A register holds an integer from -2^63 to 2^64 - 1; ${String(value)} is none, or a number too large to be exact (use a bigint).`,
  );
}
