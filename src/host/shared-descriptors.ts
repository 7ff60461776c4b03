/**
 * The descriptor table of a keep with several threads. Each thread has a host of its own; the rows are one.
 *
 * Between looking up a native descriptor and using it another thread may close it, and the process may give its number to
 * something that was never granted. So a look-up here takes a use of the row, until the item is done; a row with uses is
 * only marked when it is closed, and whoever gives back the last use closes the native descriptor.
 */
import { Errno } from "../sallyport/linux.js";
import { Lock } from "../sallyport/lock.js";
import { CLOSING, DescriptorTable } from "./descriptors.js";

/** Words in front of the uses: the lock, no number below is free, and (two words) bytes that may still be written. */
const LOCK = 0;
const LOWEST_FREE = 1;
const OUTPUT_BYTE = 8;
const USES = 4;

/**
 * Memory that the hosts of one keep share besides the rows.
 * @param limit rows of the table
 * @param outputBytes bytes the keep may write, all threads together
 */
export function sharingMemory(limit: number, outputBytes: number): SharedArrayBuffer {
  const memory = new SharedArrayBuffer((USES + limit) * Int32Array.BYTES_PER_ELEMENT);
  new Float64Array(memory, OUTPUT_BYTE, 1)[0] = outputBytes;
  return memory;
}

/** The table as one thread uses it. */
export class SharedDescriptorTable extends DescriptorTable {
  /** Bytes that may still be written. */
  readonly outputLeft: Float64Array;
  private readonly lock: Lock;
  private readonly words: Int32Array;
  private readonly uses: Int32Array;
  /** Rows this thread uses at the moment, once for each use. */
  private readonly held: number[] = [];
  /** Bytes of output set aside for the call under way. */
  private reserved = 0;

  /**
   * @param rows native numbers and rights, in shared memory
   * @param sharing from {@link sharingMemory} for as many rows
   */
  constructor(rows: Int32Array, sharing: SharedArrayBuffer) {
    super(rows);
    this.words = new Int32Array(sharing);
    this.uses = this.words.subarray(USES);
    this.lock = new Lock(this.words, LOCK);
    this.outputLeft = new Float64Array(sharing, OUTPUT_BYTE, 1);
  }

  /** As in the class above; what is found stays open until {@link release}. */
  override find(low: number, high: number): number {
    if (high !== 0 || low >= this.limit) return -1;
    this.lock.take();
    const native = this.native[low]!;
    if (native >= 0) {
      this.uses[low]!++;
      this.held.push(low);
    }
    this.lock.give();
    return Math.max(native, -1);
  }

  /** The item is done: gives back every use. @param close called with each native descriptor that nobody uses any more */
  release(close: (native: number) => void): void {
    const { held, uses, native, lock } = this;
    if (this.reserved > 0) this.countOutput(0);
    for (let number = held.pop(); number !== undefined; number = held.pop()) {
      lock.take();
      const last = --uses[number]! === 0 && native[number]! <= CLOSING;
      const closing = last ? this.vacate(number) : -1;
      lock.give();
      if (closing >= 0) close(closing);
    }
  }

  override add(native: number, rights: number, owned: boolean): number {
    this.lock.take();
    const number = this.lowest();
    if (number >= 0) this.set(number, native, rights, owned);
    this.lock.give();
    return number < 0 ? -Errno.EMFILE : number;
  }

  override free(): number {
    this.lock.take();
    const number = this.lowest();
    this.lock.give();
    return number;
  }

  override remove(number: number): number {
    this.lock.take();
    let closing = -1;
    if (this.native[number]! >= 0) {
      if (this.uses[number] === 0) closing = this.vacate(number);
      else this.native[number] = CLOSING - this.native[number]!;
    }
    this.lock.give();
    return closing;
  }

  /** A row that is in use cannot become another's. */
  override replace(number: number, native: number, rights: number): number {
    this.lock.take();
    const busy = this.native[number] !== -1;
    if (!busy) this.set(number, native, rights, true);
    this.lock.give();
    return busy ? -Errno.EBUSY : -1;
  }

  /** Sets aside room for output. @returns bytes, at most `length`; 0 when nothing may be written any more */
  reserveOutput(length: number): number {
    const { outputLeft } = this;
    this.lock.take();
    this.reserved = Math.min(length, Math.max(0, outputLeft[0]!));
    outputLeft[0]! -= this.reserved;
    this.lock.give();
    return this.reserved;
  }

  /** Gives back what was set aside and not written. */
  countOutput(written: number): void {
    this.lock.take();
    this.outputLeft[0]! += this.reserved - Math.max(0, written);
    this.lock.give();
    this.reserved = 0;
  }

  /** Empties a row; the lock is held. @returns the native descriptor to close, or -1 */
  private vacate(number: number): number {
    const native = this.native[number]!;
    if (native <= CLOSING) this.native[number] = CLOSING - native;
    const closing = super.remove(number);
    this.words[LOWEST_FREE] = Math.min(this.words[LOWEST_FREE]!, number);
    return closing;
  }

  /** The lowest number that is neither in use nor closing, or -1; the lock is held. */
  private lowest(): number {
    const { native, limit } = this;
    let number = this.words[LOWEST_FREE]!;
    while (number < limit && native[number] !== -1) number++;
    this.words[LOWEST_FREE] = number;
    return number < limit ? number : -1;
  }
}
