/** References of the guest into the data section of its item: bounds before pointers. */
import { Errno } from "../sallyport/linux.js";

const WORDS = 1n << 64n;

/**
 * Checks that `count` things of `size` bytes at `offset` lie inside `dataLength` bytes, at a multiple of `align`.
 *
 * Multiplies with a check, compares the length, then subtracts: no sum can wrap.
 * @returns the offset, or -EOVERFLOW when count * size exceeds 64 bits, or -EFAULT
 */
export function dereference(
  dataLength: number,
  offset: number | bigint,
  count: number | bigint,
  size: number,
  align = 1,
): number {
  const bytes = BigInt(count) * BigInt(size);
  if (bytes >= WORDS) return -Errno.EOVERFLOW;
  const length = BigInt(dataLength);
  const start = BigInt(offset);
  if (bytes > length || start > length - bytes) return -Errno.EFAULT;
  return start % BigInt(align) === 0n ? Number(start) : -Errno.EFAULT;
}

/** The same for halves of 64-bit words; the common case needs no bigint. @param align a power of two */
export function dereferenceHalves(
  dataLength: number,
  offsetLow: number,
  offsetHigh: number,
  countLow: number,
  countHigh: number,
  size: number,
  align: number,
): number {
  if (offsetHigh === 0 && countHigh === 0) {
    const bytes = countLow * size;
    if (bytes > dataLength || offsetLow > dataLength - bytes) return -Errno.EFAULT;
    return (offsetLow & (align - 1)) === 0 ? offsetLow : -Errno.EFAULT;
  }
  return dereference(dataLength, whole(offsetLow, offsetHigh), whole(countLow, countHigh), size, align);
}

const whole = (low: number, high: number): bigint => (BigInt(high) << 32n) | BigInt(low);
