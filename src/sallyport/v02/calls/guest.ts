/** What every handler works with: the block, the way out, the program's memory, and what this shim supplies. */
import { PosternError } from "../../../errors.js";
import type { Block } from "../block.js";
import { BUF_CAPACITY } from "../constants.js";
import { type Layout, OutOfSpace, type Slice } from "../cursor.js";
import type { Memory } from "../memory.js";
import { type Result, request } from "../message.js";
import { Register, type RegisterValue } from "../register.js";
import { type Access, type Trusted, Untrusted } from "../untrusted.js";

/** Calls that each shim answers in its own way. Pointers are not checked yet. */
export interface ShimCalls {
  brk(guest: Guest, address: bigint): Result;
  mmap(guest: Guest, address: bigint, length: bigint, prot: number, flags: number, fd: number, offset: bigint): Result;
  munmap(guest: Guest, address: bigint, length: bigint): Result;
  madvise(guest: Guest, address: bigint, length: bigint, advice: number): Result;
  mprotect(guest: Guest, address: bigint, length: bigint, prot: number): Result;
  arch_prctl(guest: Guest, code: number, address: bigint): Result;
  /** Second return value: the technology, {@link SEV_TECH} or {@link SGX_TECH}. */
  get_attestation(guest: Guest, nonce: bigint, nonceLength: bigint, buffer: bigint, bufferLength: bigint): Result;
}

/** Everything the handlers need from outside. */
export interface GuestOptions {
  /** The shared block, at the address that the host knows it by. */
  readonly block: Block;
  /**
   * Hands the block over and returns when the reply stands in it. For `exit` and `exit_group` an honest host never
   * comes back, so this function ends the keep then (by throwing, for instance); coming back counts as an attack.
   */
  readonly sally: (block: Block) => void;
  readonly memory: Memory;
  readonly shim: ShimCalls;
  /** Fills an array with random bytes. The source must not be the host. */
  readonly random: (target: Uint8Array) => void;
  /** Signal actions of the process, 64 of 32 bytes. Give the same array to all threads; a zeroed one is made if absent. */
  readonly actions?: Uint8Array;
}

/** One allocation to be staged: elements, and the bytes to put in, from private or from checked memory. */
export interface Staged {
  readonly layout: Layout;
  readonly count: number | bigint;
  readonly from?: Uint8Array | Trusted;
}

export const SIGNALS = 64;
export const SIGACTION_SIZE = 32;

/** The inside of a keep of the older generation. */
export class Guest {
  readonly block: Block;
  readonly memory: Memory;
  readonly shim: ShimCalls;
  readonly random: (target: Uint8Array) => void;
  readonly actions: Uint8Array;
  readonly #sally: (block: Block) => void;
  #attacked = false;

  /** @throws PosternError EINVALIDARGUMENT where the table of signal actions has another size */
  constructor(options: GuestOptions) {
    this.block = options.block;
    this.memory = options.memory;
    this.shim = options.shim;
    this.random = options.random;
    this.actions = options.actions ?? new Uint8Array(SIGNALS * SIGACTION_SIZE);
    this.#sally = options.sally;
    if (this.actions.length !== SIGNALS * SIGACTION_SIZE) {
      throw new PosternError("EINVALIDARGUMENT", `Signal actions take ${SIGNALS * SIGACTION_SIZE} bytes.`);
    }
  }

  /** Hands one request over and reads the reply, once. @throws PosternError EATTACKED after an earlier attack */
  proxy(num: number, ...args: readonly RegisterValue[]): Result {
    this.checkAlive();
    this.block.message.writeRequest(request(num, ...args));
    this.#sally(this.block);
    return this.block.message.readReply().toResult();
  }

  /** Stops the keep for good: the host gave a reply that an honest one cannot give. @throws PosternError EATTACKED */
  attacked(): never {
    this.#attacked = true;
    throw new PosternError("EATTACKED", "The host gave an impossible reply; this keep has stopped and stays stopped.");
  }

  /** @throws PosternError EATTACKED where the keep has stopped */
  checkAlive(): void {
    if (this.#attacked) this.attacked();
  }

  /** The first return value where it is a count of at most `asked`; anything above is an attack. */
  countOf(value: Register, asked: number): number {
    if (value.high !== 0 || value.low > asked) this.attacked();
    return value.low;
  }

  /** Checks a pointer to `count` elements; null is EFAULT. */
  check(pointer: bigint, layout: Layout, count: number | bigint, access: Access): Trusted | null {
    return new Untrusted(pointer, layout, access).validateSlice(count, this.memory);
  }

  /**
   * Clears the buffer and allocates in it, in order. Cleared, so that bytes of an earlier call are never taken for an
   * output that the host did not write. @returns null where it does not fit: EMSGSIZE
   */
  stage<const S extends readonly Staged[]>(...wanted: S): { [I in keyof S]: Slice } | null {
    this.block.clearBuffer();
    const slices: Slice[] = [];
    let cursor = this.block.cursor();
    for (const { layout, count, from } of wanted) {
      const allocation = cursor.alloc(layout, count);
      if (allocation === OutOfSpace) return null;
      if (from instanceof Uint8Array) allocation.slice.bytes.set(from);
      else if (from !== undefined) this.memory.read(from.address, allocation.slice.bytes);
      slices.push(allocation.slice);
      cursor = allocation.cursor;
    }
    return slices as { [I in keyof S]: Slice };
  }

  /** The address of an allocation as it stands in a request. */
  pointer(slice: Slice): bigint {
    return this.block.addressOf(slice.offset);
  }

  /** A private copy of the first `length` bytes of an allocation. */
  copyOf(slice: Slice, length = slice.bytes.length): Uint8Array {
    return new Uint8Array(slice.bytes.subarray(0, length));
  }

  /** Copies the first `length` bytes of an allocation to checked memory. */
  copyOut(slice: Slice, target: Trusted, length = slice.bytes.length): void {
    this.memory.write(target.address, this.copyOf(slice, length));
  }
}

/** The outcome of a call answered inside. */
export function success(value: RegisterValue = 0): Result {
  return { ok: [Register.from(value), Register.ZERO] };
}

/** A count reduced to the capacity of the buffer. */
export function capped(count: bigint): number {
  return count > BigInt(BUF_CAPACITY) ? BUF_CAPACITY : Number(count);
}
