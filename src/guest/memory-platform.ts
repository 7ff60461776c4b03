/** A platform over one piece of memory: that of a WebAssembly program, or any buffer that stands for one. */
import type { Platform, Word } from "./platform.js";

/** What a {@link MemoryPlatform} is made over. */
export interface MemoryPlatformOptions {
  /** The memory as it is now: WebAssembly replaces the buffer when memory grows. */
  readonly buffer: () => ArrayBufferLike;
  /** Address of its first byte. Default 0. */
  readonly base?: number;
  /** Whether conflicting borrows are refused. Default true; false accepts any pointer to valid memory. */
  readonly trackBorrows?: boolean;
}

interface Borrow {
  readonly start: number;
  readonly end: number;
  readonly writable: boolean;
}

/** Length of a string at most. */
const STRING_MAX = 1 << 20;

/** A word as an unsigned number; 2^53 and more is only known to be too large. */
function unsigned(word: Word): number {
  if (typeof word === "number" && word >= 0) return word;
  return typeof word === "number" && !Number.isSafeInteger(word)
    ? Number.POSITIVE_INFINITY
    : Number(BigInt.asUintN(64, BigInt(word)));
}

/** Checks pointers against one contiguous memory. */
export class MemoryPlatform implements Platform {
  readonly #buffer: () => ArrayBufferLike;
  readonly #base: number;
  readonly #track: boolean;
  #borrows: Borrow[] = [];

  constructor(options: MemoryPlatformOptions) {
    this.#buffer = options.buffer;
    this.#base = options.base ?? 0;
    this.#track = options.trackBorrows ?? true;
  }

  validateSlice(pointer: Word, count: Word, size: number, align: number): Uint8Array | null {
    return this.#borrow(pointer, count, size, align, false);
  }

  validateSliceMut(pointer: Word, count: Word, size: number, align: number): Uint8Array | null {
    return this.#borrow(pointer, count, size, align, true);
  }

  validateString(pointer: Word): Uint8Array | null {
    const start = unsigned(pointer);
    const left = this.#base + this.#buffer().byteLength - start;
    if (start === 0 || start < this.#base || !(left > 0)) return null;
    const bytes = new Uint8Array(this.#buffer(), start - this.#base, Math.min(left, STRING_MAX));
    const zero = bytes.indexOf(0);
    return zero < 0 ? null : this.#borrow(pointer, zero + 1, 1, 1, false);
  }

  release(): void {
    if (this.#borrows.length > 0) this.#borrows = [];
  }

  #borrow(pointer: Word, count: Word, size: number, align: number, writable: boolean): Uint8Array | null {
    const start = unsigned(pointer);
    const length = unsigned(count) * size;
    const buffer = this.#buffer();
    // All of these compare numbers below 2^53 exactly, or fail: nothing wraps.
    if (start === 0 || start < this.#base || start % align !== 0) return null;
    const offset = start - this.#base;
    if (!(offset <= buffer.byteLength && length <= buffer.byteLength - offset)) return null;
    if (!Number.isInteger(offset) || !Number.isInteger(length)) return null;
    if (this.#track && length > 0) {
      const end = start + length;
      if (this.#borrows.some((each) => (writable || each.writable) && start < each.end && each.start < end)) {
        return null;
      }
      this.#borrows.push({ start, end, writable });
    }
    return new Uint8Array(buffer, offset, length);
  }
}
