/** 64-bit parameters arrive as halves: `low` and `high`, signed 32-bit as JavaScript sees them. */

const TWO_32 = 2 ** 32;
const BILLION = 1_000_000_000;
/** Whole seconds in 2^64 - 1 nanoseconds. */
const SECONDS_MAX = 18_446_744_073;

/** A signed 64-bit number, as a Number where that is exact. */
export function signedWord(low: number, high: number): number | bigint {
  if (high >= -0x200000 && high < 0x200000) return (low >>> 0) + high * TWO_32;
  return (BigInt(high) << 32n) | BigInt(low >>> 0);
}

/** An unsigned 64-bit number. */
export function unsignedWord(low: number, high: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

/** Whether an unsigned 64-bit number is above the largest offset of a file, 2^63 - 1. */
export function beyondOffsets(high: number): boolean {
  return high < 0;
}

/**
 * Writes a struct timespec of 16 bytes.
 * @param nanoseconds since 1970, or a duration
 */
export function setTimespec(view: DataView, at: number, nanoseconds: bigint): void {
  view.setBigUint64(at, nanoseconds / 1_000_000_000n, true);
  view.setBigUint64(at + 8, nanoseconds % 1_000_000_000n, true);
}

/**
 * Stores a time as nanoseconds in 64 bits.
 * @param seconds since 1970, or a duration
 * @returns false, and nothing is stored, for what is below 0 or more than 64 bits hold
 */
export function setNanoseconds(view: DataView, at: number, seconds: number, nanoseconds: number): boolean {
  if (!(seconds >= 0 && seconds <= SECONDS_MAX)) return false;
  // The lower 16 bits of seconds and those above, each times 10^9: exact in a Number.
  const lower = (seconds & 0xffff) * BILLION + nanoseconds;
  const upper = Math.trunc(seconds / 65536) * BILLION;
  const low = (lower >>> 0) + ((upper << 16) >>> 0);
  const high = Math.trunc(lower / TWO_32) + Math.trunc(upper / 65536) + (low >= TWO_32 ? 1 : 0);
  if (high >= TWO_32) return false;
  view.setUint32(at, low, true);
  view.setUint32(at + 4, high, true);
  return true;
}
