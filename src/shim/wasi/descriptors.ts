/**
 * The program's descriptors. Their numbers are indices into this table; the numbers the host knows are others, and stand
 * in the entries.
 */
import {
  Fdflags,
  Filetype,
  RIGHTS_ALL,
  RIGHTS_DIRECTORY,
  RIGHTS_DIRECTORY_INHERITING,
  RIGHTS_FILE,
  RIGHTS_SOCKET,
  Right,
} from "./abi.js";
import { Errno } from "./errno.js";
import type { Listing } from "./listing.js";

/** What a descriptor leads to; bits, so that one test covers several. */
export const Kind = {
  CLOSED: 1,
  /** Standard input. */
  INPUT: 2,
  /** Standard output or error. */
  OUTPUT: 4,
  REGULAR: 8,
  BLOCK_DEVICE: 16,
  /** A character device with a position. */
  CHARACTER_DEVICE: 32,
  /** A character device without one. */
  TERMINAL: 64,
  /** A named pipe, and whatever else Linux may have. */
  FIFO: 128,
  DIRECTORY: 256,
  STREAM: 512,
  DATAGRAM: 1024,
} as const;

/** The three standard streams. */
export const STDIO = Kind.INPUT | Kind.OUTPUT;
/** Sockets. */
export const SOCKET = Kind.STREAM | Kind.DATAGRAM;
/** What has no position. */
export const UNSEEKABLE = STDIO | SOCKET | Kind.FIFO | Kind.TERMINAL;

/** How a descriptor was opened. */
export const Access = { NONE: 0, READ: 1, WRITE: 2, BOTH: 3 } as const;

/** What may go the short way in WebAssembly, without any further question; bits. */
export const Short = { READ: 1, WRITE: 2, SEEK: 4, DIRECTORY: 8, CLOSE: 16, STDIO: 32, STATUS: 64, LIST: 128 } as const;

/** By the place of the kind's bit: the engine looks small keys up in an array. */
const FILETYPES: Readonly<Record<number, number>> = {
  [Math.clz32(Kind.REGULAR)]: Filetype.REGULAR_FILE,
  [Math.clz32(Kind.BLOCK_DEVICE)]: Filetype.BLOCK_DEVICE,
  [Math.clz32(Kind.CHARACTER_DEVICE)]: Filetype.CHARACTER_DEVICE,
  [Math.clz32(Kind.TERMINAL)]: Filetype.CHARACTER_DEVICE,
  [Math.clz32(Kind.DIRECTORY)]: Filetype.DIRECTORY,
  [Math.clz32(Kind.STREAM)]: Filetype.SOCKET_STREAM,
  [Math.clz32(Kind.DATAGRAM)]: Filetype.SOCKET_DGRAM,
};

/** What is known of a descriptor when it is made. */
export interface EntryOptions {
  readonly kind: number;
  /** The number the host knows. */
  readonly descriptor: number;
  readonly access: number;
  /** Fdflags it was opened with. */
  readonly flags?: number;
  /** Reached through a read-only grant. */
  readonly readOnly?: boolean;
  /** Guest name of a preopened directory. */
  readonly name?: Uint8Array | undefined;
  /** Standard stream on a terminal. */
  readonly terminal?: boolean;
  /** Socket that listens. */
  readonly listens?: boolean;
}

/** One open descriptor. */
export class Entry {
  readonly kind: number;
  readonly descriptor: number;
  readonly access: number;
  readonly readOnly: boolean;
  readonly name: Uint8Array | null;
  readonly filetype: number;
  readonly terminal: boolean;
  readonly listens: boolean;
  flags: number;
  /** Rights as reported. */
  base: number;
  inheriting: number;
  /** The program narrowed the rights: from now on they count. */
  restricted = false;
  /** Reading, writing is one call without further conditions. */
  plainRead = false;
  plainWrite = false;
  /** Bits of {@link Short}. */
  short = 0;
  /** Where threads share the table: which state of the row this is a copy of. */
  generation = 0;
  /** What fd_readdir has read so far. */
  listing: Listing | null = null;

  constructor(options: EntryOptions) {
    this.kind = options.kind;
    this.descriptor = options.descriptor;
    this.access = options.access;
    this.readOnly = options.readOnly === true;
    this.name = options.name ?? null;
    this.listens = options.listens === true;
    this.flags = options.flags ?? 0;
    this.terminal = options.terminal === true;
    this.filetype =
      options.terminal === true ? Filetype.CHARACTER_DEVICE : (FILETYPES[Math.clz32(options.kind)] ?? Filetype.UNKNOWN);
    this.base = baseRights(this.kind, this.access);
    this.inheriting = inheritingRights(this.kind);
    this.settle();
  }

  /** Works out anew which calls go the short way; after every change of flags and rights. */
  settle(): void {
    const waits = (this.kind & STDIO) !== 0 && (this.flags & Fdflags.NONBLOCK) !== 0;
    const plain = !this.restricted && !waits && (this.kind & (Kind.CLOSED | Kind.DIRECTORY)) === 0;
    this.plainRead = plain && (this.access & Access.READ) !== 0;
    this.plainWrite = plain && (this.access & Access.WRITE) !== 0 && (this.kind & SOCKET) === 0;
    this.short = this.shortWays();
  }

  private shortWays(): number {
    const { kind } = this;
    if ((kind & Kind.CLOSED) !== 0) return 0;
    const standard = (kind & STDIO) !== 0;
    const ways = (this.plainRead ? Short.READ : 0) | (this.plainWrite ? Short.WRITE : 0);
    const seeks = !this.restricted && (kind & (UNSEEKABLE | Kind.DIRECTORY)) === 0;
    const told = !this.restricted && !standard && kind !== Kind.DATAGRAM;
    const directory = !this.restricted && kind === Kind.DIRECTORY;
    return (
      ways |
      (seeks ? Short.SEEK : 0) |
      (told ? Short.STATUS : 0) |
      (directory ? Short.DIRECTORY : 0) |
      (kind === Kind.DIRECTORY && !this.lacks(Right.FD_READDIR) ? Short.LIST : 0) |
      (standard ? Short.STDIO : Short.CLOSE)
    );
  }

  /** Narrows the rights; they count from now on. */
  restrict(base: number, inheriting: number): void {
    this.base = base;
    this.inheriting = inheriting;
    this.restricted = true;
    this.settle();
  }

  /** Whether the program gave up a right it needs now. */
  lacks(rights: number): boolean {
    return this.restricted && (this.base & rights) !== rights;
  }

  /**
   * The common check of a descriptor.
   * @param refused kinds the call is not for
   * @param rights what a restricted descriptor must have
   * @returns SUCCESS, BADF or NOTCAPABLE
   */
  check(refused: number, rights: number): number {
    if ((this.kind & (refused | Kind.CLOSED)) !== 0) return Errno.BADF;
    return this.lacks(rights) ? Errno.NOTCAPABLE : Errno.SUCCESS;
  }
}

function baseRights(kind: number, access: number): number {
  if (kind === Kind.INPUT) return Right.FD_READ;
  if (kind === Kind.OUTPUT) return Right.FD_WRITE;
  if (kind === Kind.DIRECTORY) return RIGHTS_DIRECTORY;
  if ((kind & SOCKET) !== 0) return RIGHTS_SOCKET;
  let rights = RIGHTS_FILE;
  if ((access & Access.READ) === 0) rights &= ~Right.FD_READ;
  if ((access & Access.WRITE) === 0) rights &= ~Right.FD_WRITE;
  if ((kind & UNSEEKABLE) !== 0) rights &= ~(Right.FD_SEEK | Right.FD_TELL);
  return rights;
}

function inheritingRights(kind: number): number {
  if (kind === Kind.DIRECTORY) return RIGHTS_DIRECTORY_INHERITING;
  if ((kind & SOCKET) !== 0) return RIGHTS_SOCKET;
  return (kind & STDIO) !== 0 ? baseRights(kind, Access.NONE) & RIGHTS_ALL : 0;
}

/** What stands for every number that is not open. */
export const CLOSED: Entry = new Entry({ kind: Kind.CLOSED, descriptor: -1, access: Access.NONE });

/** Numbers of the host below this are looked up in an array. */
const SMALL_NUMBERS = 1024;

/** A set of the host's numbers, which are small unless the host is strange. */
class Numbers {
  readonly #small = new Uint8Array(SMALL_NUMBERS);
  readonly #others = new Set<number>();

  has(number: number): boolean {
    return number < SMALL_NUMBERS ? this.#small[number] === 1 : this.#others.has(number);
  }

  /** @param number 0 or more */
  add(number: number): void {
    if (number < SMALL_NUMBERS) this.#small[number] = 1;
    else this.#others.add(number);
  }

  delete(number: number): void {
    if (number < SMALL_NUMBERS) this.#small[number] = 0;
    else this.#others.delete(number);
  }
}

/** The table: numbers to entries. */
export class Descriptors {
  /** Other threads use the table too. */
  readonly shared: boolean = false;
  readonly #entries: Entry[] = [];
  /** Lowest number that may be free. */
  #free = 0;
  readonly #max: number;
  /** Numbers of the host that are in use. */
  readonly #inUse = new Numbers();

  /** @param max most descriptors at a time */
  constructor(max: number) {
    this.#max = max;
  }

  /** The entry of a number; one of kind CLOSED where nothing is open. @param fd as the program gives it */
  get(fd: number): Entry {
    const number = fd >>> 0;
    return number < this.#entries.length ? this.#entries[number]! : CLOSED;
  }

  /** Whether there is no room for another one. */
  get full(): boolean {
    return this.#lowestFree() >= this.#max;
  }

  /** Whether the host's number is in use already: it cannot be that of something new. */
  uses(descriptor: number): boolean {
    return this.#inUse.has(descriptor);
  }

  /** Enters a descriptor at the lowest free number. @returns the number */
  add(entry: Entry): number {
    const number = this.#lowestFree();
    this.#entries[number] = entry;
    this.#inUse.add(entry.descriptor);
    this.#free = number + 1;
    return number;
  }

  /**
   * Frees a number; the host's own is free afterwards unless it is a standard stream's, which stays open there.
   * @param entry what stands there
   * @returns false when another thread was quicker
   */
  remove(fd: number, entry: Entry): boolean {
    const number = fd >>> 0;
    this.#entries[number] = CLOSED;
    if ((entry.kind & STDIO) === 0) this.#inUse.delete(entry.descriptor);
    this.#free = Math.min(this.#free, number);
    return true;
  }

  /**
   * Moves an entry to another number, both of them open and different; what was there must be closed afterwards.
   * @returns false when another thread was quicker
   */
  move(from: number, source: Entry, to: number, target: Entry): boolean {
    this.remove(to, target);
    this.remove(from, source);
    this.#entries[to >>> 0] = source;
    this.#inUse.add(source.descriptor);
    return true;
  }

  /** Flags or rights of an open number were changed. */
  changed(_fd: number, _entry: Entry): void {}

  /** Whether nobody else has read the directory since this was asked last. */
  claimListing(_fd: number): boolean {
    return true;
  }

  #lowestFree(): number {
    const entries = this.#entries;
    let number = this.#free;
    while (number < entries.length && entries[number] !== CLOSED) number++;
    this.#free = number;
    return number;
  }
}
