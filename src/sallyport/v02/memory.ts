/** The program's memory, as the call handlers see it. */
import { PosternError } from "../../errors.js";
import type { AddressValidator } from "./untrusted.js";

/** Memory with addresses. Both functions are only called with ranges the validator accepted. */
export interface Memory extends AddressValidator {
  /** Copies the bytes at `address` to all of `target`. */
  read(address: bigint, target: Uint8Array): void;
  /** Copies all of `source` to `address`. */
  write(address: bigint, source: Uint8Array): void;
}

/** Memory that is one array of bytes at one address, readable and writable everywhere. */
export class FlatMemory implements Memory {
  readonly bytes: Uint8Array;
  readonly base: bigint;

  /** @param bytes the memory @param base address of its first byte */
  constructor(bytes: Uint8Array, base: bigint) {
    this.bytes = bytes;
    this.base = base;
  }

  readable(address: bigint, size: bigint): boolean {
    return size >= 0n && address >= this.base && address + size <= this.base + BigInt(this.bytes.length);
  }

  writable(address: bigint, size: bigint): boolean {
    return this.readable(address, size);
  }

  read(address: bigint, target: Uint8Array): void {
    target.set(this.#part(address, target.length));
  }

  write(address: bigint, source: Uint8Array): void {
    this.#part(address, source.length).set(source);
  }

  #part(address: bigint, length: number): Uint8Array {
    if (!this.readable(address, BigInt(length))) {
      throw new PosternError(
        "EINVALIDARGUMENT",
        `${length} bytes at 0x${address.toString(16)} are not in this memory.`,
      );
    }
    const start = Number(address - this.base);
    return this.bytes.subarray(start, start + length);
  }
}
