/** What only a shim can do: its memory, its threads, its segment registers. */
import { Errno } from "../sallyport/linux.js";

/** Address or length of the program's memory. What no memory has, 2^53 and above, arrives as 2^53 - 1. */
export type Address = number;

/** Calls that a shim supplies. Values are >= 0, or -errno. */
export interface Shim {
  arch_prctl(code: number, addr: Address): number;
  /** @param addr the wished end of the heap, 0 to ask where it is */
  brk(addr: Address): number;
  /**
   * @param flags CLONE_ bits, without a signal
   * @param parentThread receives the thread's number (4 bytes), null for none
   * @param childThread likewise, in the new thread
   */
  clone(
    flags: number,
    stack: Address,
    parentThread: Uint8Array | null,
    childThread: Uint8Array | null,
    threadPointer: Address,
  ): number;
  madvise(addr: Address, length: Address, advice: number): number;
  /** @param addr 0 for anywhere */
  mmap(addr: Address, length: Address, prot: number, flags: number, fd: number, offset: Address): number;
  mprotect(addr: Address, length: Address, prot: number): number;
  munmap(addr: Address, length: Address): number;
}

const refuse = (): number => -Errno.ENOSYS;

/** A shim that offers none of them: every call gives ENOSYS. */
export const plainShim: Shim = Object.freeze({
  arch_prctl: refuse,
  brk: refuse,
  clone: refuse,
  madvise: refuse,
  mmap: refuse,
  mprotect: refuse,
  munmap: refuse,
});
