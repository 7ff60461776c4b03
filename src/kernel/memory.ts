/** Memory maps, for cold use: every failure is thrown. mmap(2), munmap(2), mprotect(2). */
import { PosternError } from "../errors.js";
import { viewOf } from "./address.js";
import { check, errnoText } from "./errno.js";
import { LINUX, SYS } from "./numbers.js";
import { syscall2, syscall3, syscallWide } from "./syscall.js";

/**
 * Maps memory.
 *
 * @param address where, or 0 for the kernel's choice; with MAP_FIXED the kernel drops what was mapped there
 * @param length bytes
 * @param protection PROT_* bits
 * @param flags MAP_* bits
 * @param descriptor file to map, or -1 with MAP_ANONYMOUS
 * @param offset byte offset in the file, a multiple of the page size
 * @returns the address
 * @throws PosternError ESYSTEM with errno
 */
export function mmap(
  address: number,
  length: number,
  protection: number,
  flags: number,
  descriptor: number,
  offset: number,
): number {
  const result = syscallWide(SYS.mmap, address, length, protection, flags, descriptor, offset);
  return check(Number(result), `Mapping ${length} bytes of memory`);
}

/** Removes a mapping. Every view of it must be out of use before. @throws PosternError ESYSTEM with errno */
export function munmap(address: number, length: number): void {
  check(syscall2(SYS.munmap, address, length), `Unmapping ${length} bytes of memory`);
}

/** Changes what may be done with mapped pages. @throws PosternError ESYSTEM with errno */
export function mprotect(address: number, length: number, protection: number): void {
  check(syscall3(SYS.mprotect, address, length, protection), `Changing the protection of ${length} bytes of memory`);
}

/** Memory of its own, outside of the JavaScript heap. */
export interface Allocation {
  /** Address of the first byte, at the start of a page. */
  readonly address: number;
  /**
   * The same bytes, all zero at first. Not to be touched after `release`, which kills the process: V8 cannot detach a
   * buffer whose memory belongs to somebody else.
   */
  readonly buffer: ArrayBuffer;
  /** Gives the memory back. More than once is harmless. */
  release(): void;
}

/**
 * Allocates zeroed, page-aligned memory that never moves and whose address system calls may keep. It is not given back
 * by the garbage collector: call `release`.
 *
 * @param bytes at least 1; the kernel rounds up to pages, `buffer` is exactly this long
 * @param sharing "private" (default), or "shared" for memory that stays common with forked processes
 * @throws PosternError EINVALIDARGUMENT for an impossible size, ERESOURCE when there is no memory
 */
export function allocate(bytes: number, sharing: "private" | "shared" = "private"): Allocation {
  if (!Number.isSafeInteger(bytes) || bytes < 1 || bytes > 2 ** 32) {
    throw new PosternError("EINVALIDARGUMENT", `Cannot allocate ${bytes} bytes: ask for 1 byte to 4 GiB.`);
  }
  const flags = LINUX.MAP_ANONYMOUS | (sharing === "shared" ? LINUX.MAP_SHARED : LINUX.MAP_PRIVATE);
  const protection = LINUX.PROT_READ | LINUX.PROT_WRITE;
  const address = Number(syscallWide(SYS.mmap, 0, bytes, protection, flags, -1, 0));
  if (address < 0) {
    throw new PosternError("ERESOURCE", `There is no memory for ${bytes} bytes: ${errnoText(address)}.`, {
      errno: -address,
    });
  }
  const buffer = viewOf(address, bytes);
  let released = false;
  return {
    address,
    buffer,
    release() {
      if (released) return;
      released = true;
      munmap(address, bytes);
    },
  };
}
