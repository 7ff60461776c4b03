/** The descriptors of a program with several threads: one table in shared memory, under a lock for changes. */
import { Lock } from "../../sallyport/lock.js";
import { Head, Row, RowDescriptors, rowsBytes } from "./rows.js";

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
  return new SharedArrayBuffer(rowsBytes(max + SPARE_ROWS, max));
}

/** The table as one thread sees it. */
export class SharedDescriptors extends RowDescriptors {
  override readonly shared = true;
  readonly #lock: Lock;

  /**
   * @param max as given to {@link descriptorMemory}
   * @param names names of directories, the same and in the same order in all threads
   */
  constructor(max: number, sharing: DescriptorSharing, names: readonly (Uint8Array | null)[]) {
    super(max, max + SPARE_ROWS, sharing.memory, 0, sharing.thread, names);
    this.#lock = new Lock(this.words, Head.LOCK);
  }

  override claimListing(fd: number): boolean {
    return Atomics.exchange(this.words, this.at(fd >>> 0) + Row.READER, this.reader) === this.reader;
  }

  protected override locked<T>(change: () => T): T {
    this.#lock.take();
    try {
      return change();
    } finally {
      this.#lock.give();
    }
  }
}
