/**
 * The descriptors of a program as rows of memory that others read and write as well: other threads of the program, or the
 * short way in WebAssembly. Entries are copies of rows; a row's generation tells whether a copy is still good.
 */
import { CLOSED, Descriptors, Entry, STDIO } from "./descriptors.js";

/** Words in front of the rows: a lock, the lowest number that may be free, the generation given out last. */
export const Head = { LOCK: 0, LOWEST_FREE: 1, GENERATIONS: 2, WORDS: 4 } as const;

/** Words of a row. A generation of 0 is a number that is not open. */
export const Row = {
  GENERATION: 0,
  KIND: 1,
  DESCRIPTOR: 2,
  ACCESS: 3,
  FLAGS: 4,
  BASE: 5,
  INHERITING: 6,
  /** Bits of {@link Mark}. */
  MARKS: 7,
  /** Which of the granted names it has, counted from 1; 0: none. */
  NAME: 8,
  /** Who read the directory last: a thread, counted from 1, or {@link SHORT_WAY}; 0: nobody. */
  READER: 9,
  /** Bits of `Short`: what may go the short way. */
  SHORT: 10,
  WORDS: 11,
} as const;

export const Mark = { READ_ONLY: 1, TERMINAL: 2, RESTRICTED: 4, LISTENS: 8 } as const;

/** The reader of a directory that was read the short way. */
export const SHORT_WAY = -1;

/** Bytes that a table of so many rows takes: the rows, and one byte for each number of the host. */
export function rowsBytes(rows: number, max: number): number {
  return 4 * (Head.WORDS + Row.WORDS * rows) + max;
}

/** A table of rows. */
export class RowDescriptors extends Descriptors {
  protected readonly words: Int32Array;
  /** One byte for each number of the host: whether it is in use. */
  protected readonly inUse: Uint8Array;
  protected readonly max: number;
  protected readonly capacity: number;
  protected readonly reader: number;
  private readonly names: readonly (Uint8Array | null)[];
  /** Number and generation of the directory whose records the short way keeps. */
  private readonly listed: Int32Array;
  private readonly copies: (Entry | undefined)[] = [];

  /**
   * @param max most descriptors at a time; the host's numbers are below it as well
   * @param capacity rows
   * @param memory {@link rowsBytes} of it are used, zero at first
   * @param at where they start, a multiple of 4
   * @param reader what marks the directories that are read through this table
   * @param names names of directories
   * @param listed where the short way says whose records it keeps: number and generation
   */
  constructor(
    max: number,
    capacity: number,
    memory: ArrayBufferLike,
    at: number,
    reader: number,
    names: readonly (Uint8Array | null)[],
    listed: Int32Array = new Int32Array(2),
  ) {
    super(max);
    this.max = max;
    this.capacity = capacity;
    this.words = new Int32Array(memory, at, Head.WORDS + Row.WORDS * capacity);
    this.inUse = new Uint8Array(memory, at + this.words.byteLength, max);
    this.reader = reader;
    this.names = names;
    this.listed = listed;
  }

  override get(fd: number): Entry {
    const number = fd >>> 0;
    if (number >= this.capacity) return CLOSED;
    const generation = Atomics.load(this.words, this.at(number));
    if (generation === 0) return CLOSED;
    const copy = this.copies[number];
    return copy !== undefined && copy.generation === generation ? copy : this.read(number);
  }

  override get full(): boolean {
    return this.locked(() => this.lowestFree()) >= this.max;
  }

  override uses(descriptor: number): boolean {
    return descriptor >= this.max || Atomics.load(this.inUse, descriptor) !== 0;
  }

  override add(entry: Entry): number {
    return this.locked(() => {
      const number = this.lowestFree();
      this.write(number, entry, 0);
      return number;
    });
  }

  override remove(fd: number, entry: Entry): boolean {
    return this.locked(() => this.holds(fd, entry) && this.clear(fd >>> 0, entry));
  }

  override move(from: number, source: Entry, to: number, target: Entry): boolean {
    return this.locked(() => {
      if (!this.holds(from, source) || !this.holds(to, target)) return false;
      this.clear(to >>> 0, target);
      this.clear(from >>> 0, source);
      this.write(to >>> 0, source, this.words[this.at(from >>> 0) + Row.READER]!);
      return true;
    });
  }

  override changed(fd: number, entry: Entry): void {
    this.locked(() => {
      const number = fd >>> 0;
      if (this.holds(fd, entry)) this.write(number, entry, this.words[this.at(number) + Row.READER]!);
    });
  }

  override claimListing(fd: number): boolean {
    const before = Atomics.exchange(this.words, this.at(fd >>> 0) + Row.READER, this.reader);
    // What was read the short way since makes an older listing worthless.
    if (before === SHORT_WAY) this.get(fd).listing = null;
    return before === this.reader || before === 0;
  }

  /** Runs a change of the table with nobody else in it. */
  protected locked<T>(change: () => T): T {
    return change();
  }

  protected at(number: number): number {
    return Head.WORDS + number * Row.WORDS;
  }

  /** Whether a number still is what this table's copy says. */
  private holds(fd: number, entry: Entry): boolean {
    const number = fd >>> 0;
    return number < this.capacity && entry !== CLOSED && this.words[this.at(number)] === entry.generation;
  }

  private clear(number: number, entry: Entry): true {
    const { words } = this;
    if ((entry.kind & STDIO) === 0) Atomics.store(this.inUse, entry.descriptor, 0);
    Atomics.store(words, this.at(number), 0);
    words[Head.LOWEST_FREE] = Math.min(words[Head.LOWEST_FREE]!, number);
    return true;
  }

  /** Fills a row from an entry, which becomes the copy of it. @param reader who read the directory last */
  private write(number: number, entry: Entry, reader: number): void {
    const { words } = this;
    const at = this.at(number);
    words[at + Row.KIND] = entry.kind;
    words[at + Row.DESCRIPTOR] = entry.descriptor;
    words[at + Row.ACCESS] = entry.access;
    words[at + Row.FLAGS] = entry.flags;
    words[at + Row.BASE] = entry.base;
    words[at + Row.INHERITING] = entry.inheriting;
    words[at + Row.MARKS] =
      (entry.readOnly ? Mark.READ_ONLY : 0) |
      (entry.terminal ? Mark.TERMINAL : 0) |
      (entry.restricted ? Mark.RESTRICTED : 0) |
      (entry.listens ? Mark.LISTENS : 0);
    words[at + Row.NAME] = entry.name === null ? 0 : this.names.indexOf(entry.name) + 1;
    words[at + Row.READER] = reader;
    words[at + Row.SHORT] = entry.short;
    const generation = (words[Head.GENERATIONS]! + 1) | 0 || 1;
    words[Head.GENERATIONS] = generation;
    // What was read of a directory is still so when it has another number, or other rights.
    if (entry.generation !== 0 && this.listed[1] === entry.generation) this.listed.set([number, generation]);
    entry.generation = generation;
    this.copies[number] = entry;
    Atomics.store(this.inUse, entry.descriptor, 1);
    Atomics.store(words, at, generation);
  }

  /** Makes a copy of a row. */
  private read(number: number): Entry {
    return this.locked(() => {
      const { words } = this;
      const at = this.at(number);
      if (words[at] === 0) return CLOSED;
      const marks = words[at + Row.MARKS]!;
      const name = words[at + Row.NAME]!;
      const entry = new Entry({
        kind: words[at + Row.KIND]!,
        descriptor: words[at + Row.DESCRIPTOR]!,
        access: words[at + Row.ACCESS]!,
        flags: words[at + Row.FLAGS]!,
        readOnly: (marks & Mark.READ_ONLY) !== 0,
        terminal: (marks & Mark.TERMINAL) !== 0,
        listens: (marks & Mark.LISTENS) !== 0,
        name: name === 0 ? undefined : (this.names[name - 1] ?? undefined),
      });
      if ((marks & Mark.RESTRICTED) !== 0) entry.restrict(words[at + Row.BASE]!, words[at + Row.INHERITING]!);
      entry.generation = words[at]!;
      this.copies[number] = entry;
      return entry;
    });
  }

  private lowestFree(): number {
    const { words } = this;
    let number = words[Head.LOWEST_FREE]!;
    while (number < this.capacity && words[this.at(number)] !== 0) number++;
    words[Head.LOWEST_FREE] = number;
    return number;
  }
}
