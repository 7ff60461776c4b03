/** Numbers that stand for JavaScript values where a structure has room for eight bytes only. */
import { PosternError } from "../errors.js";

/** First number given out: not a canonical address, so never mistaken for a pointer. */
const FIRST_HANDLE = 0x8000_0000_0000_0000n;

/** Most values a table holds. */
export const HANDLES_MAX = 65_536;

/** A table of handles. Whoever makes it owns the values in it, until they are released. */
export class Handles {
  readonly #values = new Map<bigint, unknown>();
  readonly #handles = new Map<unknown, bigint>();
  #next = FIRST_HANDLE;

  /** Gives `value` the number `handle`, which is not 0. Used where the number is fixed by somebody else. */
  bind(handle: bigint, value: unknown): void {
    const number = BigInt.asUintN(64, handle);
    if (number === 0n) throw new PosternError("EINVALIDARGUMENT", "Handle 0 means none and cannot be bound.");
    this.release(number);
    if (this.#values.size >= HANDLES_MAX) {
      throw new PosternError("ERESOURCE", `A table holds ${HANDLES_MAX} handles; release some first.`);
    }
    this.#values.set(number, value);
    this.#handles.set(value, number);
  }

  /** The number of `value`; the same each time. */
  handleOf(value: unknown): bigint {
    const known = this.#handles.get(value);
    if (known !== undefined) return known;
    while (this.#values.has(this.#next)) this.#next++;
    this.bind(this.#next, value);
    return this.#next++;
  }

  has(handle: bigint): boolean {
    return this.#values.has(handle);
  }

  /** The value behind a number, `undefined` if there is none. */
  valueOfHandle(handle: bigint): unknown {
    return this.#values.get(handle);
  }

  /** Forgets a number and its value. */
  release(handle: bigint): void {
    if (!this.#values.has(handle)) return;
    const value = this.#values.get(handle);
    this.#values.delete(handle);
    if (this.#handles.get(value) === handle) this.#handles.delete(value);
  }
}
