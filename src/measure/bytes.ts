/** Small helpers for binary structures: private copies, little-endian numbers, hex text. */
import { MeasureError } from "./error.js";

const U64_MAX = 0xffff_ffff_ffff_ffffn;

/** A private copy, so that what is checked is what is used, whoever else can write to `bytes`. */
export function copyOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes);
}

/**
 * A private copy of a structure of one fixed size.
 * @throws MeasureError `length` when the size differs; `offset` is where the input ends or where it should have ended
 */
export function copyOfExactly(bytes: Uint8Array, size: number, name: string): Buffer {
  if (bytes.length !== size) {
    throw new MeasureError("length", `a ${name} has ${size} bytes, not ${bytes.length}`, {
      offset: Math.min(bytes.length, size),
    });
  }
  return copyOf(bytes);
}

/** Lower-case hex of `length` bytes at `offset`. */
export function hexAt(bytes: Buffer, offset: number, length: number): string {
  return bytes.toString("hex", offset, offset + length);
}

/** The first offset in `start..end` (end excluded) that holds something else than zero, or -1. */
export function firstNonZero(bytes: Uint8Array, start: number, end: number): number {
  for (let offset = start; offset < end; offset++) if (bytes[offset] !== 0) return offset;
  return -1;
}

/** A number as `0x...`, without leading zeros. */
export function hexNumber(value: bigint | number): string {
  return `0x${value.toString(16)}`;
}

/** Reads a little-endian number of any length. */
export function littleEndianToBigInt(bytes: Uint8Array): bigint {
  const hex = Buffer.from(bytes).reverse().toString("hex");
  return hex === "" ? 0n : BigInt(`0x${hex}`);
}

/** Writes a number little endian, padded with zeros to `length` bytes; undefined when it does not fit. */
export function bigIntToLittleEndian(value: bigint, length: number): Buffer | undefined {
  const hex = value.toString(16);
  if (hex.length > length * 2) return undefined;
  return Buffer.from(hex.padStart(length * 2, "0"), "hex").reverse();
}

/**
 * Bytes from hex text of exactly `length` bytes (any case, no prefix).
 * @throws MeasureError `field`
 */
export function bytesFromHex(text: unknown, length: number, name: string): Buffer {
  if (typeof text !== "string" || text.length !== length * 2 || !/^[0-9a-f]*$/i.test(text)) {
    throw new MeasureError("field", `${name} must be ${length * 2} hex digits`);
  }
  return Buffer.from(text, "hex");
}

/**
 * An unsigned number from a number, a bigint or text (decimal or `0x...`).
 * @param bits 1 to 64; the value must fit
 * @throws MeasureError `field`
 */
export function unsigned(value: unknown, bits: number, name: string): bigint {
  const limit = bits >= 64 ? U64_MAX : (1n << BigInt(bits)) - 1n;
  const number = integerOf(value);
  if (number === undefined || number < 0n || number > limit) {
    throw new MeasureError("field", `${name} must be a whole number from 0 to ${hexNumber(limit)}`);
  }
  return number;
}

/** The whole number that `value` stands for, or undefined. */
export function integerOf(value: unknown): bigint | undefined {
  if (typeof value === "bigint") return value;
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  if (typeof value === "string" && value.length <= 40 && /^(0x[0-9a-f]+|[0-9]+)$/i.test(value)) return BigInt(value);
  return undefined;
}
