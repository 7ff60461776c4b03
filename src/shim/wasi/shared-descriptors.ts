/**
 * The descriptors of a program with several threads: one table in shared memory, under a lock for changes. Each thread
 * keeps entries of its own, as copies of rows; a row's generation tells whether a copy is still good.
 */
import { Lock } from "../../sallyport/lock.js";
import { CLOSED, Descriptors, Entry, STDIO } from "./descriptors.js";

/** Words in front of the rows: the lock, the lowest number that may be free, the generation given out last. */
const LOCK = 0;
const LOWEST_FREE = 1;
const GENERATIONS = 2;
const HEAD_WORDS = 4;

/** Words of a row. A generation of 0 is a number that is not open. */
const Row = {
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
  /** Thread that read the directory last, counted from 1; 0: none. */
  READER: 9,
  WORDS: 10,
} as const;

const Mark = { READ_ONLY: 1, TERMINAL: 2, RESTRICTED: 4, LISTENS: 8 } as const;

/** Rows above the limit: one for each thread that found room at the same moment. */
const SPARE_ROWS = 4096;

/** What threads share, and which of them this is. */
export interface DescriptorSharing {
  /** From {@link descriptorMemory}. */
  readonly memory: SharedArrayBuffer;
  /** Number of this thread, from 1; the first one enters what was granted. */
  readonly thread: number;
}

/** Memory for the table. @param max most descriptors at a time; the host's numbers are below it as well */
export function descriptorMemory(max: number): SharedArrayBuffer {
  return new SharedArrayBuffer(4 * (HEAD_WORDS + Row.WORDS * (max + SPARE_ROWS)) + max);
}

/** The table as one thread sees it. */
export class SharedDescriptors extends Descriptors {
  override readonly shared = true;
  readonly #words: Int32Array;
  /** One byte for each number of the host: whether it is in use. */
  readonly #inUse: Uint8Array;
  readonly #lock: Lock;
  readonly #max: number;
  readonly #capacity: number;
  readonly #thread: number;
  readonly #names: readonly (Uint8Array | null)[];
  readonly #copies: (Entry | undefined)[] = [];

  /**
   * @param max as given to {@link descriptorMemory}
   * @param names names of directories, the same and in the same order in all threads
   */
  constructor(max: number, sharing: DescriptorSharing, names: readonly (Uint8Array | null)[]) {
    super(max);
    this.#max = max;
    this.#capacity = max + SPARE_ROWS;
    this.#words = new Int32Array(sharing.memory, 0, HEAD_WORDS + Row.WORDS * this.#capacity);
    this.#inUse = new Uint8Array(sharing.memory, this.#words.byteLength, max);
    this.#lock = new Lock(this.#words, LOCK);
    this.#thread = sharing.thread;
    this.#names = names;
  }

  override get(fd: number): Entry {
    const number = fd >>> 0;
    if (number >= this.#capacity) return CLOSED;
    const generation = Atomics.load(this.#words, this.#at(number));
    if (generation === 0) return CLOSED;
    const copy = this.#copies[number];
    return copy !== undefined && copy.generation === generation ? copy : this.#read(number);
  }

  override get full(): boolean {
    return this.#locked(() => this.#lowestFree()) >= this.#max;
  }

  override uses(descriptor: number): boolean {
    return descriptor >= this.#max || Atomics.load(this.#inUse, descriptor) !== 0;
  }

  override add(entry: Entry): number {
    return this.#locked(() => {
      const number = this.#lowestFree();
      this.#write(number, entry);
      return number;
    });
  }

  override remove(fd: number, entry: Entry): boolean {
    return this.#locked(() => this.#holds(fd, entry) && this.#clear(fd >>> 0, entry));
  }

  override move(from: number, source: Entry, to: number, target: Entry): boolean {
    return this.#locked(() => {
      if (!this.#holds(from, source) || !this.#holds(to, target)) return false;
      this.#clear(to >>> 0, target);
      this.#clear(from >>> 0, source);
      this.#write(to >>> 0, source);
      return true;
    });
  }

  override changed(fd: number, entry: Entry): void {
    this.#locked(() => {
      if (this.#holds(fd, entry)) this.#write(fd >>> 0, entry);
    });
  }

  override claimListing(fd: number): boolean {
    const at = this.#at(fd >>> 0) + Row.READER;
    return Atomics.exchange(this.#words, at, this.#thread) === this.#thread;
  }

  #locked<T>(change: () => T): T {
    this.#lock.take();
    try {
      return change();
    } finally {
      this.#lock.give();
    }
  }

  #at(number: number): number {
    return HEAD_WORDS + number * Row.WORDS;
  }

  /** Whether a number still is what this thread's copy says. */
  #holds(fd: number, entry: Entry): boolean {
    const number = fd >>> 0;
    return number < this.#capacity && entry !== CLOSED && this.#words[this.#at(number)] === entry.generation;
  }

  #clear(number: number, entry: Entry): true {
    const words = this.#words;
    if ((entry.kind & STDIO) === 0) Atomics.store(this.#inUse, entry.descriptor, 0);
    Atomics.store(words, this.#at(number), 0);
    words[LOWEST_FREE] = Math.min(words[LOWEST_FREE]!, number);
    return true;
  }

  /** Fills a row from an entry, which becomes this thread's copy of it. */
  #write(number: number, entry: Entry): void {
    const words = this.#words;
    const at = this.#at(number);
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
    words[at + Row.NAME] = entry.name === null ? 0 : this.#names.indexOf(entry.name) + 1;
    words[at + Row.READER] = 0;
    const generation = (words[GENERATIONS]! + 1) | 0 || 1;
    words[GENERATIONS] = generation;
    entry.generation = generation;
    this.#copies[number] = entry;
    Atomics.store(this.#inUse, entry.descriptor, 1);
    Atomics.store(words, at, generation);
  }

  /** Makes a copy of a row. */
  #read(number: number): Entry {
    return this.#locked(() => {
      const words = this.#words;
      const at = this.#at(number);
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
        name: name === 0 ? undefined : (this.#names[name - 1] ?? undefined),
      });
      if ((marks & Mark.RESTRICTED) !== 0) entry.restrict(words[at + Row.BASE]!, words[at + Row.INHERITING]!);
      entry.generation = words[at]!;
      this.#copies[number] = entry;
      return entry;
    });
  }

  #lowestFree(): number {
    const words = this.#words;
    let number = words[LOWEST_FREE]!;
    while (number < this.#capacity && words[this.#at(number)] !== 0) number++;
    words[LOWEST_FREE] = number;
    return number;
  }
}
