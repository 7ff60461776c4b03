/** The program's memory as the shim sees it. */
import { PosternError } from "../../errors.js";
import type { TransferMemory } from "../../guest/engine.js";
import type { WebAssemblyMemory } from "../../wasm/engine.js";

/**
 * Views of the program's memory that follow its growth.
 *
 * Growth detaches the old buffer, so its views have length 0; a shared memory's old views stay valid and are only too
 * short. Both show as a failed bounds check, and only then the buffer is looked up again: that look costs 30 ns, the
 * check nothing. Views must be taken from here after each {@link holds}.
 */
export class ProgramMemory implements TransferMemory {
  bytes: Uint8Array = new Uint8Array(0);
  longs: BigUint64Array = new BigUint64Array(0);
  view: DataView = new DataView(new ArrayBuffer(0));
  readonly apart: boolean = false;
  #source: WebAssemblyMemory | undefined;
  readonly #changed: ((memory: ArrayBufferLike) => void) | undefined;

  /** @param changed is told each buffer the memory gets */
  constructor(changed?: (memory: ArrayBufferLike) => void) {
    this.#changed = changed;
  }

  /** Sets the memory the program's pointers point into. */
  bind(memory: WebAssemblyMemory): void {
    this.#source = memory;
    this.look();
  }

  /**
   * Whether a range lies in memory. A length of 0 touches nothing, so any address will do.
   * @param start byte address, 0 to 2^32 - 1
   * @param length bytes, a whole number
   */
  holds(start: number, length: number): boolean {
    return length === 0 || start + length <= this.bytes.length || this.#holdsNow(start + length);
  }

  #holdsNow(end: number): boolean {
    this.look();
    return end <= this.bytes.length;
  }

  /** Looks whether the memory has grown. */
  look(): void {
    if (this.#source === undefined) {
      throw new PosternError(
        "EBADPROGRAM",
        "the program calls WASI before its memory is known, in its start section; export or import the memory as `memory` and use `_start` or `_initialize`",
      );
    }
    const buffer: ArrayBufferLike = this.#source.buffer;
    if (buffer === this.bytes.buffer) return;
    this.bytes = new Uint8Array(buffer);
    this.longs = new BigUint64Array(buffer);
    this.view = new DataView(buffer);
    this.#changed?.(buffer);
  }

  /** Writes bytes into a range that was checked; none at all may go anywhere. */
  write(at: number, bytes: Uint8Array): void {
    if (bytes.length > 0) this.bytes.set(bytes, at);
  }
}

/** Memory of the shim's own that transfers go through when the program's bytes lie in several places. */
export class GatheringMemory implements TransferMemory {
  readonly bytes: Uint8Array;
  readonly longs: BigUint64Array;
  readonly apart = true;

  /** @param size bytes, a multiple of 8 */
  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.longs = new BigUint64Array(this.bytes.buffer);
  }
}

/** Below this many bytes a loop is faster than a view for `set`. */
const LOOP_BYTES_MAX = 48;

/** Copies bytes between memories; ranges were checked. */
export function copyBytes(from: Uint8Array, start: number, to: Uint8Array, at: number, length: number): void {
  if (length > LOOP_BYTES_MAX) to.set(from.subarray(start, start + length), at);
  else for (let i = 0; i < length; i++) to[at + i] = from[start + i]!;
}
