/** Machine code of our own, a few bytes for what no library function does. */
import { viewOf } from "./address.js";
import { check } from "./errno.js";
import { koffi, libc } from "./libc.js";
import { LINUX } from "./numbers.js";

/** Bytes of a page of code, and of the data behind it. */
export const CODE_BYTES = 4096;

// By libc's functions: system calls themselves may go through a page made here.
const mapPages: (...args: number[]) => number = libc.func("mmap", "long", [
  "long",
  "long",
  "int",
  "int",
  "int",
  "long",
]);
const protectPages: (...args: number[]) => number = libc.func("mprotect", "int", ["long", "long", "int"]);

/** What libc answers with -1 and errno, as the kernel does. */
const told = (result: number): number => (result === -1 ? -koffi.errno() : result);

/**
 * Puts machine code into a page that can be executed and no longer written. The page stays for the process's life.
 * @param code at most 4096 bytes
 * @param dataBytes memory right behind the page, zero at first, which can be written and not executed
 * @returns its address
 * @throws PosternError ESYSTEM where the system forbids executable pages
 */
export function mapCode(code: readonly number[], dataBytes = 0): number {
  const { PROT_READ, PROT_WRITE, PROT_EXEC, MAP_PRIVATE, MAP_ANONYMOUS } = LINUX;
  const flags = MAP_PRIVATE | MAP_ANONYMOUS;
  const address = check(
    told(mapPages(0, CODE_BYTES + dataBytes, PROT_READ | PROT_WRITE, flags, -1, 0)),
    "Mapping a page",
  );
  new Uint8Array(viewOf(address, CODE_BYTES)).set(code);
  check(told(protectPages(address, CODE_BYTES, PROT_READ | PROT_EXEC)), "Making a page executable");
  return address;
}
