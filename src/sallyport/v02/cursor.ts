/**
 * The allocator of the older generation: a cursor is the part of the buffer that is not used yet. Each operation takes
 * `count` elements from its front and gives the cursor behind them. To read outputs back, a new cursor repeats the same
 * sequence.
 */
import { PosternError } from "../../errors.js";

/** Size and alignment of a type, in bytes. */
export interface Layout {
  readonly size: number;
  /** A power of two; the size is a multiple of it. */
  readonly align: number;
}

/** One byte. */
export const U8: Layout = { size: 1, align: 1 };

/** Result of an allocation that does not fit. The cursor is used up all the same. */
export const OutOfSpace: unique symbol = Symbol("OutOfSpace");
export type OutOfSpace = typeof OutOfSpace;

/** Elements that were allocated. */
export interface Slice {
  /** Bytes from the start of the buffer to the first element. */
  readonly offset: number;
  /** Number of elements. */
  readonly count: number;
  /** The bytes themselves, in the buffer. Shared with the other side; whatever stood there before. */
  readonly bytes: Uint8Array;
}

/** An allocation: its elements, and the cursor for the next one. */
export interface Allocation {
  readonly cursor: Cursor;
  readonly slice: Slice;
}

const ALIGN_MAX = 2 ** 29;

/** The unused tail of a buffer. Good for one operation; the operation gives the next cursor. */
export class Cursor {
  readonly #buffer: Uint8Array;
  readonly #base: number;
  readonly #start: number;
  #used = false;

  /**
   * @param buffer the whole buffer
   * @param base real address of its first byte; the low 32 bits are enough
   * @param start where the unused part begins
   */
  constructor(buffer: Uint8Array, base: number, start = 0) {
    this.#buffer = buffer;
    this.#base = base;
    this.#start = start;
  }

  /** Bytes left, before any padding. */
  get remaining(): number {
    return this.#buffer.length - this.#start;
  }

  /**
   * Allocates `count` elements; their bytes are whatever the buffer holds.
   * Padding goes in front so that the first real address is a multiple of the alignment. A count of zero succeeds and
   * eats the padding, or the whole tail where that is shorter.
   * @throws PosternError EINVALIDARGUMENT where this cursor was used before or the layout is none
   */
  alloc(layout: Layout, count: number | bigint): Allocation | OutOfSpace {
    checkLayout(layout);
    checkCount(count);
    if (this.#used) {
      throw new PosternError("EINVALIDARGUMENT", "This cursor was used already; go on with the one it returned.");
    }
    this.#used = true;
    const left = this.remaining;
    const misaligned = (this.#base + this.#start) % layout.align;
    // An element without size cannot be aligned in bytes: the original counts the whole tail as padding then.
    const padding = layout.size === 0 ? left : misaligned === 0 ? 0 : layout.align - misaligned;
    const available = padding >= left ? 0 : Math.floor((left - padding) / layout.size);
    if (count > available) return OutOfSpace;
    const elements = Number(count);
    const offset = this.#start + Math.min(padding, left);
    const end = offset + elements * layout.size;
    return {
      cursor: new Cursor(this.#buffer, this.#base, end),
      slice: { offset, count: elements, bytes: this.#buffer.subarray(offset, end) },
    };
  }

  /**
   * Allocates as many elements as `source` holds and copies them in.
   * @throws PosternError EINVALIDARGUMENT where `source` is no whole number of elements
   */
  copyFromSlice(layout: Layout, source: Uint8Array): Allocation | OutOfSpace {
    return this.copyFromRawParts(layout, source, 0, elementsOf(layout, source));
  }

  /**
   * Allocates `count` elements and copies them from byte `start` of `source` on.
   * @throws PosternError EINVALIDARGUMENT where `source` does not have them
   */
  copyFromRawParts(layout: Layout, source: Uint8Array, start: number, count: number): Allocation | OutOfSpace {
    const bytes = part(layout, source, start, count);
    const allocation = this.alloc(layout, count);
    if (allocation !== OutOfSpace) allocation.slice.bytes.set(bytes);
    return allocation;
  }

  /**
   * Allocates `sourceCount` elements and copies as many as `destination` holds out of them.
   * @returns the cursor behind all `sourceCount` elements
   * @throws PosternError EINVALIDARGUMENT where `destination` is no whole number of elements, or more than `sourceCount`
   */
  copyIntoSlice(layout: Layout, sourceCount: number, destination: Uint8Array): Cursor | OutOfSpace {
    return this.copyIntoRawParts(layout, sourceCount, destination, 0, elementsOf(layout, destination));
  }

  /**
   * Allocates `sourceCount` elements and copies the first `count` of them to byte `start` of `destination`.
   * @returns the cursor behind all `sourceCount` elements
   * @throws PosternError EINVALIDARGUMENT where `count` is above `sourceCount` or `destination` has no room
   */
  copyIntoRawParts(
    layout: Layout,
    sourceCount: number,
    destination: Uint8Array,
    start: number,
    count: number,
  ): Cursor | OutOfSpace {
    const target = part(layout, destination, start, count);
    if (sourceCount < count) {
      throw new PosternError("EINVALIDARGUMENT", `Cannot copy ${count} elements out of ${sourceCount}.`);
    }
    const allocation = this.alloc(layout, sourceCount);
    if (allocation === OutOfSpace) return OutOfSpace;
    target.set(allocation.slice.bytes.subarray(0, target.length));
    return allocation.cursor;
  }

  /** Takes one element and gives a private copy of its bytes. */
  read(layout: Layout): { readonly cursor: Cursor; readonly value: Uint8Array } | OutOfSpace {
    checkLayout(layout);
    const value = new Uint8Array(layout.size);
    const cursor = this.copyInto(layout, value);
    return cursor === OutOfSpace ? OutOfSpace : { cursor, value };
  }

  /**
   * Takes one element and copies it to `destination`.
   * @throws PosternError EINVALIDARGUMENT where `destination` is not one element long
   */
  copyInto(layout: Layout, destination: Uint8Array): Cursor | OutOfSpace {
    checkOne(layout, destination);
    return this.copyIntoRawParts(layout, 1, destination, 0, 1);
  }

  /**
   * Allocates one element and copies `value` to it.
   * @throws PosternError EINVALIDARGUMENT where `value` is not one element long
   */
  write(layout: Layout, value: Uint8Array): Allocation | OutOfSpace {
    checkOne(layout, value);
    return this.copyFromRawParts(layout, value, 0, 1);
  }
}

function checkLayout({ size, align }: Layout): void {
  const powerOfTwo = Number.isInteger(align) && align > 0 && align <= ALIGN_MAX && (align & (align - 1)) === 0;
  if (!powerOfTwo || !Number.isSafeInteger(size) || size < 0 || size % align !== 0) {
    throw new PosternError("EINVALIDARGUMENT", `No type has size ${size} and alignment ${align}.`);
  }
}

function checkCount(count: number | bigint): void {
  if (count < 0 || (typeof count === "number" && !Number.isSafeInteger(count))) {
    throw new PosternError("EINVALIDARGUMENT", `${count} is no number of elements.`);
  }
}

function checkOne(layout: Layout, bytes: Uint8Array): void {
  if (bytes.length !== layout.size) {
    throw new PosternError("EINVALIDARGUMENT", `One element has ${layout.size} bytes; there are ${bytes.length}.`);
  }
}

function elementsOf(layout: Layout, bytes: Uint8Array): number {
  checkLayout(layout);
  const count = layout.size === 0 ? 0 : bytes.length / layout.size;
  if (!Number.isInteger(count)) {
    throw new PosternError("EINVALIDARGUMENT", `${bytes.length} bytes are no whole number of ${layout.size}.`);
  }
  return count;
}

function part(layout: Layout, bytes: Uint8Array, start: number, count: number): Uint8Array {
  checkLayout(layout);
  checkCount(count);
  const end = start + count * layout.size;
  if (!Number.isSafeInteger(start) || start < 0 || end > bytes.length) {
    throw new PosternError("EINVALIDARGUMENT", `Bytes ${start} to ${end} are not all inside ${bytes.length} bytes.`);
  }
  return bytes.subarray(start, end);
}
