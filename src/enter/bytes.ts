/** Little-endian structures as tables of fields, and 64-bit words checked before they are written. */
import { PosternError } from "../errors.js";
import type { Word } from "./contract.js";

/** Where a field of a structure lies. */
export interface Field {
  readonly offset: number;
  readonly size: 1 | 2 | 4 | 8;
}

/** A structure: name -> field. */
export type Layout = Readonly<Record<string, Field>>;

/** A word as 64 unsigned bits. Refuses fractions, and numbers too large to be exact. */
export function word64(value: Word, what: string): bigint {
  if (typeof value === "bigint") return BigInt.asUintN(64, value);
  if (Number.isSafeInteger(value)) return BigInt.asUintN(64, BigInt(value));
  throw new PosternError("EINVALIDARGUMENT", `${what} must be an integer of 64 bits; got ${String(value)}.`);
}

/** A structure in memory: named fields over bytes, which stay the only copy. */
export class Structure<L extends Layout> {
  readonly #layout: L;
  readonly #view: DataView;

  /** @param at offset of the structure in `bytes` */
  constructor(layout: L, bytes: Uint8Array, at = 0) {
    this.#layout = layout;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset + at, bytes.byteLength - at);
  }

  get(name: keyof L): bigint {
    const { offset, size } = this.#layout[name] as Field;
    if (size === 8) return this.#view.getBigUint64(offset, true);
    if (size === 4) return BigInt(this.#view.getUint32(offset, true));
    return BigInt(size === 2 ? this.#view.getUint16(offset, true) : this.#view.getUint8(offset));
  }

  /** Stores the low bits of `value`, as many as the field has. */
  set(name: keyof L, value: Word): void {
    const { offset, size } = this.#layout[name] as Field;
    const word = word64(value, `Field ${String(name)}`);
    if (size === 8) this.#view.setBigUint64(offset, word, true);
    else if (size === 4) this.#view.setUint32(offset, Number(BigInt.asUintN(32, word)), true);
    else if (size === 2) this.#view.setUint16(offset, Number(BigInt.asUintN(16, word)), true);
    else this.#view.setUint8(offset, Number(BigInt.asUintN(8, word)));
  }
}

/** Refuses bytes of another length than the structure has. */
export function checkLength(bytes: Uint8Array, length: number, what: string): void {
  if (bytes.byteLength === length) return;
  throw new PosternError("EMALFORMED", `${what} has ${length} bytes; got ${bytes.byteLength}.`, {
    offset: Math.min(bytes.byteLength, length),
  });
}
