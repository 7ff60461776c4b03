/**
 * Randomness of the kernel, without entering it where the vDSO can: Linux 6.11 and later on x86-64, later on others.
 *
 * `__vdso_getrandom` makes bytes from a state of its own that the kernel keys, and keys anew as often as its own generator;
 * it is no weaker than the call, says its author, and glibc uses it. Here it takes 140 ns instead of 500. One state serves
 * one thread: this module is loaded once in each.
 */
import { addressOf } from "./address.js";
import { architecture } from "./architecture.js";
import { koffi } from "./libc.js";
import { mmap } from "./memory.js";
import { SYS } from "./numbers.js";
import { syscall3, type Word } from "./syscall.js";
import { vdsoSymbol } from "./vdso.js";

type Call = (buffer: number, length: number, flags: number, state: number, stateLength: Word) => number;

const SYMBOL = architecture === "x86_64" ? "__vdso_getrandom" : "__kernel_getrandom";
/** struct vgetrandom_opaque_params: u32 size, protection and flags of its memory, and reserved words. */
const PARAMETERS_BYTES = 64;
const PAGE_BYTES = 4096;
/** Longer requests go to the kernel, which a signal can interrupt. */
const LENGTH_MAX = 256;
/** Looking for the symbol takes longer than a few calls of the kernel: only who asks often gains. */
const CALLS_BEFORE = 16;

let calls = 0;
let call: Call | null = null;
let functionAddress = 0;
let state = 0;
let stateLength = 0;

/** Finds the function and makes its state. Leaves `call` null where this kernel has none. */
function prepare(): void {
  const address = vdsoSymbol(SYMBOL);
  if (address === null) return;
  const prototype = koffi.proto("long", ["long", "long", "unsigned int", "long", "long"]);
  const candidate = koffi.decode(BigInt(address), prototype) as unknown as Call;
  const parameters = new Uint32Array(PARAMETERS_BYTES / 4);
  if (candidate(0, 0, 0, addressOf(parameters), -1n) !== 0) return;
  const [size = 0, protection = 0, flags = 0] = parameters;
  if (size === 0 || size > PAGE_BYTES) return;
  try {
    state = mmap(0, PAGE_BYTES, protection, flags, -1, 0);
  } catch {
    return;
  }
  stateLength = size;
  functionAddress = address;
  call = candidate;
}

/** Where the vDSO's function and its state are, for machine code on this thread. */
export interface RandomSource {
  /** Takes buffer, length, flags, state and its length, as in C. */
  readonly address: number;
  readonly state: number;
  readonly stateLength: number;
}

/** What makes random bytes without a system call. @returns undefined where this kernel has nothing of the kind */
export function randomSource(): RandomSource | undefined {
  calls = CALLS_BEFORE;
  if (call === null) prepare();
  return call === null ? undefined : { address: functionAddress, state, stateLength };
}

/**
 * getrandom(2).
 * @param address of `length` writable bytes; a bad one may kill the process, other than with the system call
 * @param flags GRND_* bits
 * @returns bytes given, or -errno
 */
export function getrandom(address: number, length: number, flags: number): number {
  if (length <= LENGTH_MAX && flags === 0) {
    if (calls < CALLS_BEFORE && ++calls === CALLS_BEFORE) prepare();
    if (call !== null) {
      const result = call(address, length, 0, state, stateLength);
      if (result >= 0) return result;
    }
  }
  return syscall3(SYS.getrandom, address, length, flags);
}
