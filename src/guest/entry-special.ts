/** System calls whose registers need more than a row of fetches. */
import { Errno, FIONBIO, FIONREAD, MREMAP_DONTUNMAP, MREMAP_FIXED, MREMAP_MAYMOVE } from "../sallyport/linux.js";
import { isFutexOperation, takesTimeout } from "./futex.js";
import { validate, validateMut } from "./platform.js";
import {
  address,
  BAD_POINTER,
  type Entry,
  type Fetch,
  fetchAll,
  int,
  optional,
  Refusal,
  record,
  recordMut,
  register,
  toAddress,
  toInt,
} from "./registers.js";
import type { Shim } from "./shim.js";
import type { SignalActionSlot } from "./thread.js";

const SIGACTION_BYTES = 32;
const INT_MAX = 0x7fffffff;

/** A call that the shim supplies. */
export function shimRow(name: keyof Shim, ...fetches: Fetch[]): Entry {
  return (context, registers) => {
    const args = fetchAll(fetches, context, registers);
    if (args instanceof Refusal) return -args.errno;
    const { shim } = context.handler;
    return (shim[name] as (...args: readonly unknown[]) => number).apply(shim, args);
  };
}

/** The pointer's target is known for two requests only; the others may be made without a pointer. */
export const ioctl: Entry = ({ handler, platform }, registers) => {
  const fd = toInt(register(registers, 0));
  const request = toAddress(register(registers, 1));
  const pointer = register(registers, 2);
  if (toAddress(pointer) === 0) return handler.ioctl(fd, request, null);
  if (request !== FIONBIO && request !== FIONREAD) return -Errno.EOPNOTSUPP;
  const value = validateMut(platform, pointer, 4, 4);
  return value === null ? -BAD_POINTER.errno : handler.ioctl(fd, request, value);
};

/** The old action is written only where one was recorded. */
export const rt_sigaction: Entry = (context, registers) => {
  const fetched = fetchAll(
    [optional(1, record(1, SIGACTION_BYTES, 8)), optional(2, recordMut(2, SIGACTION_BYTES, 8))],
    context,
    registers,
  );
  if (fetched instanceof Refusal) return -fetched.errno;
  const [act, oldact] = fetched as [Uint8Array | null, Uint8Array | null];
  const slot: SignalActionSlot | null = oldact === null ? null : { action: null };
  const size = toAddress(register(registers, 3));
  const value = context.handler.rt_sigaction(toInt(register(registers, 0)), act, slot, size);
  if (value < 0 || slot === null || oldact === null) return value;
  if (slot.action !== null) oldact.set(slot.action);
  // For Linux a signal without a handler has the default action: all zero.
  else if (!context.compatible) oldact.fill(0);
  return value;
};

/** The original wants 128 bytes where the kernel has 8. */
export const rt_sigprocmask: Entry = (context, registers) => {
  const size = toAddress(register(registers, 3));
  if (!context.compatible && size !== 8) return -Errno.EINVAL;
  const bytes = context.compatible ? 128 : 8;
  const fetched = fetchAll(
    [int(0), optional(1, record(1, bytes, 8)), optional(2, recordMut(2, bytes, 8))],
    context,
    registers,
  );
  if (fetched instanceof Refusal) return -fetched.errno;
  const [how, set, oldset] = fetched as [number, unknown, unknown];
  return context.handler.rt_sigprocmask(how, set, oldset, size);
};

/** The operation is checked first, then the timeout, then the word. */
export const futexEntry: Entry = ({ handler, platform }, registers) => {
  const operation = toAddress(register(registers, 1));
  if (operation > INT_MAX) return -Errno.EINVAL;
  if (!isFutexOperation(operation)) return -Errno.EOPNOTSUPP;
  const timeoutPointer = register(registers, 3);
  let timeout: Uint8Array | null = null;
  if (takesTimeout(operation) && toAddress(timeoutPointer) !== 0) {
    timeout = validate(platform, timeoutPointer, 16, 8);
    if (timeout === null) return -BAD_POINTER.errno;
  }
  const word = validateMut(platform, register(registers, 0), 4, 4);
  if (word === null) return -BAD_POINTER.errno;
  const value = toInt(register(registers, 2));
  const cell = wordAt(word);
  return cell === null
    ? -BAD_POINTER.errno
    : handler.futex(cell, operation, value, timeout, toInt(register(registers, 5)));
};

/** The word as one element; null where the platform's memory itself is not aligned. */
function wordAt(word: Uint8Array): Int32Array | null {
  return word.byteOffset % 4 === 0 ? new Int32Array(word.buffer, word.byteOffset, 1) : null;
}

/** Flags only, no signal; then stack and thread pointer must be there, and what is written must be writable. */
export const clone: Entry = ({ handler, platform, compatible }, registers) => {
  const flags = toInt(register(registers, 0)) >>> 0;
  if ((flags & 0xff) !== 0) return -Errno.EINVAL;
  const fetched = fetchAll([address(1), address(4)], { handler, platform, compatible }, registers);
  if (fetched instanceof Refusal) return -fetched.errno;
  const [stack, threadPointer] = fetched as [number, number];
  const numbers: (Uint8Array | null)[] = [];
  for (const index of [2, 3]) {
    const pointer = register(registers, index);
    const place = toAddress(pointer) === 0 ? null : validateMut(platform, pointer, 4, 4);
    if (place === null && toAddress(pointer) !== 0) return -BAD_POINTER.errno;
    // Both may be the same variable, as Linux allows.
    platform.release();
    numbers.push(place);
  }
  return handler.shim.clone(flags, stack, numbers[0]!, numbers[1]!, threadPointer);
};

/** Whether flags and a new address may stand together. */
function isMremap(flags: number, newAddress: number): boolean {
  if ((flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)) !== 0) return false;
  if (flags !== 0 && (flags & MREMAP_MAYMOVE) === 0) return false;
  return ((flags & MREMAP_FIXED) !== 0) === (newAddress !== 0);
}

/** mremap */
export const mremapEntry: Entry = ({ handler, platform }, registers) => {
  const [addr, oldSize, newSize, newAddress] = [0, 1, 2, 4].map((index) => toAddress(register(registers, index))) as [
    number,
    number,
    number,
    number,
  ];
  const flags = toInt(register(registers, 3));
  if (addr === 0) return -Errno.EFAULT;
  if (!isMremap(flags, newAddress)) return -Errno.EINVAL;
  if (![addr, oldSize, newSize].every(Number.isSafeInteger)) return -Errno.EINVAL;
  const fixed = (flags & MREMAP_FIXED) !== 0 ? newAddress : undefined;
  const how = { mayMove: flags !== 0, dontUnmap: (flags & MREMAP_DONTUNMAP) !== 0, fixed };
  return handler.mremap(platform, addr, oldSize, newSize, flags === 0 ? null : how);
};
