/**
 * What has been read of a directory, kept as the records a program gets.
 *
 * A record is a dirent and a name. They lie back to back, so that answering fd_readdir is one copy, cut where the
 * program's buffer ends. A cookie is the number of a record. The listing stays as it is until cookie 0 starts a new one:
 * names that come and go meanwhile shift nothing.
 */
import { Dirent, Filetype } from "./abi.js";
import { copyBytes } from "./memory.js";

/** Most entries and most bytes of one listing. */
export const LISTING_ENTRIES_MAX = 1 << 20;
export const LISTING_BYTES_MAX = 64 * 2 ** 20;
const FIRST_BYTES = 1024;

/** Names of the two entries that the shim makes itself: one of these bytes, and both. */
const DOT_DOT = Uint8Array.of(0x2e, 0x2e);

/** The records of one directory. */
export class Listing {
  #bytes = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#bytes.buffer);
  /** Where each record starts, and the next one will; what lies behind that is of an earlier listing. */
  readonly #starts: number[] = [0];
  #count = 0;
  /** The directory has no more entries. */
  complete = false;
  /** The directory's own number stands in the records of `.` and `..`. */
  hasInode = false;

  constructor() {
    this.add(DOT_DOT, 0, 1, 0, 0, Filetype.DIRECTORY);
    this.add(DOT_DOT, 0, 2, 0, 0, Filetype.DIRECTORY);
  }

  /** Forgets everything but `.` and `..`, and what their numbers are. */
  restart(): void {
    this.#count = 2;
    this.complete = false;
    this.hasInode = false;
  }

  /** Sets the directory's own number; the parent's is not revealed, it gets the same. */
  setInode(low: number, high: number): void {
    this.#setInode(0, low, high);
    this.#setInode(this.#starts[1]!, low, high);
    this.hasInode = true;
  }

  #setInode(record: number, low: number, high: number): void {
    this.#view.setUint32(record + Dirent.INODE, low, true);
    this.#view.setUint32(record + Dirent.INODE + 4, high, true);
  }

  /** Records so far. */
  get count(): number {
    return this.#count;
  }

  /**
   * Adds an entry.
   * @param bytes hold its name, from `from` to `to`
   * @param low of its inode number, as `high`
   * @returns false when the listing is as large as it may get
   */
  add(bytes: Uint8Array, from: number, to: number, low: number, high: number, filetype: number): boolean {
    const count = this.#count;
    const start = this.#starts[count]!;
    const end = start + Dirent.BYTES + to - from;
    if (count >= LISTING_ENTRIES_MAX || end > LISTING_BYTES_MAX) return false;
    this.#makeRoom(end);
    const view = this.#view;
    view.setUint32(start + Dirent.NEXT, count + 1, true);
    view.setUint32(start + Dirent.NEXT + 4, 0, true);
    this.#setInode(start, low, high);
    view.setUint32(start + Dirent.NAME_LENGTH, to - from, true);
    view.setUint32(start + Dirent.TYPE, filetype, true);
    copyBytes(bytes, from, this.#bytes, start + Dirent.BYTES, to - from);
    this.#count = count + 1;
    this.#starts[count + 1] = end;
    return true;
  }

  /** Bytes of the records from one on; 0 behind the last. */
  bytesFrom(cookie: number): number {
    return cookie >= this.count ? 0 : this.#starts[this.count]! - this.#starts[cookie]!;
  }

  /** The first bytes of the records from one on. */
  slice(cookie: number, bytes: number): Uint8Array {
    const start = this.#starts[cookie]!;
    return this.#bytes.subarray(start, start + bytes);
  }

  #makeRoom(end: number): void {
    if (end <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(end, 2 * this.#bytes.length));
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}
