/**
 * The program's memory as the guest sees it through pointers it was given. A pointer is data from the program: it is
 * checked before anything is read or written through it.
 */
import type { SocketAddressBuffer } from "../sallyport/call.js";

/** What pointers and lengths in registers are. */
export type Word = number | bigint;

/**
 * Checks pointers. Each method gives the memory, or null where the pointer may not be used: it is null, not aligned,
 * outside of the memory, or what it points to is in use already in a way that conflicts (something may be borrowed for
 * reading many times, for writing once and by nobody else).
 *
 * What was given stays borrowed until `release`.
 */
export interface Platform {
  /** `count` elements of `size` bytes, to read. @param align a power of two */
  validateSlice(pointer: Word, count: Word, size: number, align: number): Uint8Array | null;
  /** The same, to read and write. */
  validateSliceMut(pointer: Word, count: Word, size: number, align: number): Uint8Array | null;
  /** A text, up to and with its zero byte, to read. */
  validateString(pointer: Word): Uint8Array | null;
  /** Ends all borrows. */
  release(): void;
}

const IOVEC_BYTES = 16;
/** Entries of an iovec list at most, as in Linux. */
const IOVECS_MAX = 1024;
const LENGTH_BYTES = 4;

/** One element of `size` bytes, to read. */
export function validate(platform: Platform, pointer: Word, size: number, align: number): Uint8Array | null {
  return platform.validateSlice(pointer, 1, size, align);
}

/** One element of `size` bytes, to read and write. */
export function validateMut(platform: Platform, pointer: Word, size: number, align: number): Uint8Array | null {
  return platform.validateSliceMut(pointer, 1, size, align);
}

/**
 * The pieces that a list of struct iovec names.
 * @param writable whether the pieces are to be written
 */
export function validateIovecs(platform: Platform, pointer: Word, count: Word, writable: boolean): Uint8Array[] | null {
  if (BigInt.asUintN(64, BigInt(count)) > BigInt(IOVECS_MAX)) return null;
  const shared = platform.validateSlice(pointer, count, IOVEC_BYTES, 8);
  if (shared === null) return null;
  // Copied first: another thread of the program may change the list while it is read.
  const list = shared.slice();
  const view = new DataView(list.buffer);
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < list.length; at += IOVEC_BYTES) {
    const base = view.getBigUint64(at, true);
    const length = view.getBigUint64(at + 8, true);
    const piece = writable ? platform.validateSliceMut(base, length, 1, 1) : platform.validateSlice(base, length, 1, 1);
    if (piece === null) return null;
    pieces.push(piece);
  }
  return pieces;
}

/** A socket address and its length variable, both in the program's memory. */
class ProgramSocketAddress implements SocketAddressBuffer {
  readonly #length: DataView;

  constructor(
    readonly bytes: Uint8Array,
    length: Uint8Array,
  ) {
    this.#length = new DataView(length.buffer, length.byteOffset, LENGTH_BYTES);
  }

  get length(): number {
    return this.#length.getUint32(0, true);
  }

  set length(value: number) {
    this.#length.setUint32(0, value, true);
  }
}

/**
 * Room for a socket address: first its length variable (32 bits), then as many bytes as that says.
 * @param pointer the address
 * @param lengthPointer the length variable
 */
export function validateSocketAddress(
  platform: Platform,
  pointer: Word,
  lengthPointer: Word,
): SocketAddressBuffer | null {
  const length = validateMut(platform, lengthPointer, LENGTH_BYTES, 4);
  if (length === null) return null;
  const room = new DataView(length.buffer, length.byteOffset, LENGTH_BYTES).getUint32(0, true);
  const bytes = platform.validateSliceMut(pointer, room, 1, 1);
  return bytes === null ? null : new ProgramSocketAddress(bytes, length);
}
