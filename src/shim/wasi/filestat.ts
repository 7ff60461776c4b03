/** What files are: struct statx becomes filestat, times are set. */
import type { Engine } from "../../guest/engine.js";
import {
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  STATX_BASIC_STATS,
  UTIME_NOW,
  UTIME_OMIT,
} from "../../sallyport/linux.js";
import { Filestat, Filetype, Fstflags, type Layout } from "./abi.js";
import { Errno, errnoOf } from "./errno.js";
import type { ProgramMemory } from "./memory.js";
import { setNanoseconds, setTimespec, unsignedWord } from "./words.js";

/** struct statx, as far as it is read. */
export const Statx = {
  BYTES: 256,
  LINKS: 16,
  MODE: 28,
  INODE: 32,
  SIZE: 40,
  ACCESSED: 64,
  CHANGED: 96,
  MODIFIED: 112,
  DEVICE_MAJOR: 136,
  DEVICE_MINOR: 140,
} as const;

const TYPE_SHIFT = 12;
const TYPE_UNIT = 1 << TYPE_SHIFT;

/** A table over the types of st_mode, which are its upper four bits: the engine looks small keys up in an array. */
export function byType(entries: readonly (readonly [type: number, value: number])[]): readonly (number | undefined)[] {
  const table = new Array<number | undefined>(S_IFMT / TYPE_UNIT + 1).fill(undefined);
  for (const [type, value] of entries) table[type / TYPE_UNIT] = value;
  return table;
}

/** What a {@link byType} table has for a file with that st_mode. */
export function ofType(table: readonly (number | undefined)[], mode: number): number | undefined {
  return table[(mode & S_IFMT) >>> TYPE_SHIFT];
}

const FILETYPES = byType([
  [S_IFBLK, Filetype.BLOCK_DEVICE],
  [S_IFCHR, Filetype.CHARACTER_DEVICE],
  [S_IFDIR, Filetype.DIRECTORY],
  [S_IFREG, Filetype.REGULAR_FILE],
  [S_IFLNK, Filetype.SYMBOLIC_LINK],
  [S_IFSOCK, Filetype.SOCKET_STREAM],
]);

/** WASI's type of a file with that st_mode. */
export function filetypeOf(mode: number): number {
  return ofType(FILETYPES, mode) ?? Filetype.UNKNOWN;
}

const NO_PATH = new Uint8Array(0);

/** A question to Linux about one file, and its answer. */
export class FileStatus {
  readonly #answer = new Uint8Array(Statx.BYTES);
  readonly view = new DataView(this.#answer.buffer);
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /**
   * Asks.
   * @param path relative to the descriptor, in its first `length` bytes; length 0: the descriptor itself
   * @param flags Linux's, AT_SYMLINK_NOFOLLOW or 0
   * @returns an error number
   */
  ask(descriptor: number, path: Uint8Array, length: number, flags: number): number {
    return errnoOf(this.#engine.status(descriptor, path, length, flags, STATX_BASIC_STATS, this.#answer));
  }

  /** Asks about an open descriptor. @returns an error number */
  askOpen(descriptor: number): number {
    return this.ask(descriptor, NO_PATH, 0, 0);
  }

  get mode(): number {
    return this.view.getUint16(Statx.MODE, true);
  }

  get size(): bigint {
    return this.view.getBigUint64(Statx.SIZE, true);
  }
}

/** Stores a time of struct statx as nanoseconds since 1970; earlier ones are 0. @returns false for one too large */
function copyTime(from: DataView, source: number, to: DataView, at: number): boolean {
  const high = from.getInt32(source + 4, true);
  if (high < 0) return setNanoseconds(to, at, 0, 0);
  const seconds = from.getUint32(source, true) + high * 2 ** 32;
  return setNanoseconds(to, at, seconds, from.getUint32(source + 8, true));
}

/** Copies a 64-bit number. */
function copyWord(from: DataView, source: number, to: DataView, at: number): void {
  to.setUint32(at, from.getUint32(source, true), true);
  to.setUint32(at + 4, from.getUint32(source + 4, true), true);
}

/** Stores st_dev as the C library has it: major and minor in one number. */
function setDevice(view: DataView, at: number, major: number, minor: number): void {
  view.setUint32(at, ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12) | (minor & 0xff), true);
  view.setUint32(at + 4, (major & 0xfffff000) | (minor >>> 20), true);
}

/** Writes filestats of one generation. */
export class FilestatWriter {
  readonly #memory: ProgramMemory;
  readonly #fields: Layout["filestat"];
  /** What a filestat is made of before it goes out: a time that does not fit must leave nothing behind. The gaps stay 0. */
  readonly #made: Uint8Array;
  readonly #view: DataView;

  constructor(memory: ProgramMemory, layout: Layout) {
    this.#memory = memory;
    this.#fields = layout.filestat;
    this.#made = new Uint8Array(layout.filestat.bytes);
    this.#view = new DataView(this.#made.buffer);
  }

  /**
   * @param at where it goes; the range was checked
   * @returns SUCCESS, or OVERFLOW for a time that does not fit
   */
  write(at: number, status: FileStatus): number {
    const from = status.view;
    const to = this.#view;
    const fields = this.#fields;
    const fits =
      copyTime(from, Statx.ACCESSED, to, fields.accessed) &&
      copyTime(from, Statx.MODIFIED, to, fields.modified) &&
      copyTime(from, Statx.CHANGED, to, fields.changed);
    if (!fits) return Errno.OVERFLOW;
    const major = from.getUint32(Statx.DEVICE_MAJOR, true);
    setDevice(to, Filestat.DEVICE, major, from.getUint32(Statx.DEVICE_MINOR, true));
    copyWord(from, Statx.INODE, to, Filestat.INODE);
    to.setUint8(Filestat.FILETYPE, filetypeOf(status.mode));
    // Linux counts links in 32 bits; the upper half of the wider field stays 0.
    to.setUint32(fields.links, from.getUint32(Statx.LINKS, true), true);
    copyWord(from, Statx.SIZE, to, fields.size);
    this.#memory.bytes.set(this.#made, at);
    return Errno.SUCCESS;
  }
}

/** Whether these fstflags are known and do not contradict themselves. */
export function validTimesFlags(flags: number): boolean {
  const both = (one: number, other: number) => (flags & one) !== 0 && (flags & other) !== 0;
  if ((flags & ~Fstflags.ALL) !== 0) return false;
  return !both(Fstflags.ATIM, Fstflags.ATIM_NOW) && !both(Fstflags.MTIM, Fstflags.MTIM_NOW);
}

const times = new Uint8Array(32);
const timesView = new DataView(times.buffer);

/**
 * Access and modification time as utimensat takes them. The bytes are valid until the next call.
 * @param flags valid fstflags
 */
export function timesOf(
  accessedLow: number,
  accessedHigh: number,
  modifiedLow: number,
  modifiedHigh: number,
  flags: number,
): Uint8Array {
  setTime(0, accessedLow, accessedHigh, (flags & Fstflags.ATIM) !== 0, (flags & Fstflags.ATIM_NOW) !== 0);
  setTime(16, modifiedLow, modifiedHigh, (flags & Fstflags.MTIM) !== 0, (flags & Fstflags.MTIM_NOW) !== 0);
  return times;
}

function setTime(at: number, low: number, high: number, given: boolean, now: boolean): void {
  if (given) {
    setTimespec(timesView, at, unsignedWord(low, high));
    return;
  }
  timesView.setBigUint64(at, 0n, true);
  timesView.setBigUint64(at + 8, BigInt(now ? UTIME_NOW : UTIME_OMIT), true);
}
