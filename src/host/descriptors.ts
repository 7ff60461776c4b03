/**
 * The keep's own descriptors. A number the guest names is an index into this table and nothing else: what was not
 * granted does not exist, and no other descriptor of the process can be named.
 */
import { Errno } from "../sallyport/linux.js";

/** Set in a row's rights when closing the row closes the native descriptor. */
export const OWNED = 1 << 30;
/** Set when other processes have the description too: its flags and its position are not the keep's to change. */
export const SHARED = 1 << 28;
/** What a duplicate takes over: the rights, and that the description is shared. */
export const INHERITED = 0xff | SHARED;

/** A number where nothing is open. */
export const CLOSED = -1;
/** At and below this a row is closing: CLOSING minus the native descriptor, which another thread still uses. */
export const CLOSING = -2;

/** Words of the rows for so many descriptors: native numbers, rights, and the lowest number that may be free. */
export function rowWords(limit: number): number {
  return 2 * limit + 1;
}

/** Rows for a table of `limit` descriptors: native numbers, then rights. Shared memory lets another thread clean up. */
export function descriptorRows(limit: number, shared = false): Int32Array {
  const bytes = rowWords(limit) * Int32Array.BYTES_PER_ELEMENT;
  const rows = new Int32Array(shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes));
  rows.fill(CLOSED, 0, limit);
  return rows;
}

/** A table of descriptors over rows made by {@link descriptorRows}. */
export class DescriptorTable {
  /** What the table was made of. */
  readonly rows: Int32Array;
  /** Native descriptor of each number, -1 where there is none; {@link CLOSING} and below are no descriptors either. */
  readonly native: Int32Array;
  /** Rights of each number. */
  readonly rights: Int32Array;
  /** Most descriptors. */
  readonly limit: number;
  /** One element: no number below this one is free. */
  private readonly lowestFree: Int32Array;

  /** @param rows native numbers and rights, from {@link descriptorRows} */
  constructor(rows: Int32Array) {
    this.rows = rows;
    this.limit = rows.length >>> 1;
    this.native = rows.subarray(0, this.limit);
    this.rights = rows.subarray(this.limit, 2 * this.limit);
    // Rows may also come without that word.
    this.lowestFree = rows.length % 2 === 1 ? rows.subarray(2 * this.limit) : new Int32Array(1);
  }

  /**
   * Enters a native descriptor under the lowest free number.
   * @param owned closing the number closes the native descriptor
   * @returns the number, or -EMFILE; then the caller keeps the native descriptor
   */
  add(native: number, rights: number, owned: boolean): number {
    const number = this.free();
    if (number < 0) return -Errno.EMFILE;
    this.set(number, native, rights, owned);
    return number;
  }

  /** Whether one more would find room. @returns the lowest free number, or -1 */
  free(): number {
    const { native, limit } = this;
    let number = this.lowestFree[0]!;
    while (number < limit && native[number]! >= 0) number++;
    this.lowestFree[0] = number;
    return number < limit ? number : -1;
  }

  /** Enters a native descriptor under a number, over whatever stood there. */
  set(number: number, native: number, rights: number, owned: boolean): void {
    this.rights[number] = owned ? rights | OWNED : rights | SHARED;
    this.native[number] = native;
  }

  /** Takes a number out. @returns the native descriptor to close, or -1 when it is not the table's to close */
  remove(number: number): number {
    const native = this.native[number]!;
    const owned = (this.rights[number]! & OWNED) !== 0;
    this.native[number] = -1;
    this.rights[number] = 0;
    if (number < this.lowestFree[0]!) this.lowestFree[0] = number;
    return owned ? native : -1;
  }

  /** Native descriptor of a number in two halves as it came from the guest, -1 when it was not granted. */
  find(low: number, high: number): number {
    return high === 0 && low < this.limit ? this.native[low]! : -1;
  }

  /** Whether the description is the keep's alone: false for standard streams of the process and their duplicates. */
  exclusive(number: number): boolean {
    return (this.rights[number]! & SHARED) === 0;
  }

  /**
   * Puts a native descriptor of the keep's own under a number, over whatever stood there.
   * @returns the native descriptor to close, -1 when there is none, or -EBUSY
   */
  replace(number: number, native: number, rights: number): number {
    const old = this.native[number]! < 0 ? -1 : this.remove(number);
    this.set(number, native, rights, true);
    return old;
  }

  /** Takes everything out, once nobody uses the table. @param close called with each native descriptor to close */
  clear(close: (native: number) => void): void {
    for (let number = 0; number < this.limit; number++) {
      if (this.native[number] === -1) continue;
      if (this.native[number]! <= CLOSING) this.native[number] = CLOSING - this.native[number]!;
      const native = DescriptorTable.prototype.remove.call(this, number);
      if (native >= 0) close(native);
    }
  }
}
