/** The buffers a program reads into or writes from, copied out of its memory once. */
import { IOVEC_BYTES } from "./abi.js";
import { Errno } from "./errno.js";
import { copyBytes, type ProgramMemory } from "./memory.js";

/** Buffers that fit without a larger table. */
const USUAL_BUFFERS = 1024;
/** What Linux moves at most in one call. */
const BYTES_MAX = 0x7ffff000;

/**
 * The non-empty buffers of one call, and how far it has come in them.
 *
 * There is one of these for each program: no call of it runs while another does.
 */
export class Iovecs {
  /** Address and length of each non-empty buffer. */
  #table = new Uint32Array(2 * USUAL_BUFFERS);
  #index = 0;
  /** Non-empty buffers. */
  count = 0;
  /** Bytes left to move, cut to what Linux moves in one call. */
  left = 0;
  /** Address of the next byte. */
  start = 0;
  /** Bytes left in its buffer. */
  length = 0;

  /**
   * Reads and checks an array of iovecs.
   * @param array its address
   * @param count its entries
   * @returns SUCCESS, or FAULT when the array or a buffer does not lie in memory
   */
  load(memory: ProgramMemory, array: number, count: number): number {
    if (!memory.holds(array, count * IOVEC_BYTES)) return Errno.FAULT;
    if (count === 1) return this.#loadOne(memory, array);
    if (count * 2 > this.#table.length) this.#table = new Uint32Array(2 * count);
    const table = this.#table;
    const view = memory.view;
    const size = memory.bytes.length;
    let filled = 0;
    let total = 0;
    for (let i = 0, at = array; i < count; i++, at += IOVEC_BYTES) {
      const length = view.getUint32(at + 4, true);
      if (length === 0) continue;
      const start = view.getUint32(at, true);
      if (start + length > size && !memory.holds(start, length)) return Errno.FAULT;
      table[filled] = start;
      table[filled + 1] = length;
      filled += 2;
      total += length;
    }
    this.count = filled >>> 1;
    this.left = Math.min(total, BYTES_MAX);
    this.#index = 0;
    this.start = filled === 0 ? 0 : table[0]!;
    this.length = filled === 0 ? 0 : table[1]!;
    return Errno.SUCCESS;
  }

  /** The usual case, which needs no table. */
  #loadOne(memory: ProgramMemory, array: number): number {
    const { view } = memory;
    const start = view.getUint32(array, true);
    const length = view.getUint32(array + 4, true);
    if (!memory.holds(start, length)) return Errno.FAULT;
    this.count = length === 0 ? 0 : 1;
    this.left = Math.min(length, BYTES_MAX);
    this.#index = 0;
    this.start = start;
    this.length = length;
    return Errno.SUCCESS;
  }

  /** Goes on by some bytes, at most those left. */
  advance(bytes: number): void {
    this.left -= bytes;
    let step = bytes;
    while (step >= this.length && this.#index + 1 < this.count) {
      step -= this.length;
      this.#index += 1;
      this.start = this.#table[2 * this.#index]!;
      this.length = this.#table[2 * this.#index + 1]!;
    }
    this.start += step;
    this.length -= step;
  }

  /** Copies the next bytes of the buffers together, without going on. @param bytes at most those left */
  gather(memory: ProgramMemory, into: Uint8Array, bytes: number): void {
    let { start, length } = this;
    for (let done = 0, index = this.#index; ; ) {
      const part = Math.min(length, bytes - done);
      copyBytes(memory.bytes, start, into, done, part);
      done += part;
      index += 1;
      if (done === bytes || index >= this.count) return;
      start = this.#table[2 * index]!;
      length = this.#table[2 * index + 1]!;
    }
  }

  /** Spreads bytes over the buffers, without going on. @param bytes at most those left */
  scatter(memory: ProgramMemory, from: Uint8Array, bytes: number): void {
    let { start, length } = this;
    for (let done = 0, index = this.#index; ; ) {
      const part = Math.min(length, bytes - done);
      copyBytes(from, done, memory.bytes, start, part);
      done += part;
      index += 1;
      if (done === bytes || index >= this.count) return;
      start = this.#table[2 * index]!;
      length = this.#table[2 * index + 1]!;
    }
  }
}
