/** futex(2), made of the calls park and unpark, which wait on one counter of the host. */
import { plans } from "../sallyport/calls.js";
import {
  CLOCK_MONOTONIC,
  Errno,
  FUTEX_PRIVATE_FLAG,
  FUTEX_WAIT,
  FUTEX_WAIT_BITSET,
  FUTEX_WAKE,
} from "../sallyport/linux.js";
import type { Engine } from "./engine.js";

const TIMESPEC_BYTES = 16;
const NANOSECONDS = 1_000_000_000n;
const ALL_ONES = 0xffffffff;
/** Wake-ups without a change of the word after which a wait ends as if woken; programs must expect that of a futex. */
const IDLE_WAKES_MAX = 4096;

/** The word a futex waits on: one element over the program's memory, aligned to 4. */
export type FutexWord = Int32Array | Uint32Array;

/** Whether an operation is one that is offered. */
export function isFutexOperation(operation: number): boolean {
  const plain = operation & ~FUTEX_PRIVATE_FLAG;
  return plain === FUTEX_WAIT || plain === FUTEX_WAKE || plain === FUTEX_WAIT_BITSET;
}

/** Whether the operation takes a timeout. */
export function takesTimeout(operation: number): boolean {
  return (operation & ~FUTEX_PRIVATE_FLAG) !== FUTEX_WAKE;
}

const timespecView = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, TIMESPEC_BYTES);

/** The moment that lies `timeout` after now, by the host's clock. @returns -errno, or 0 with the moment in `into` */
function deadlineAfter(engine: Engine, timeout: Uint8Array, into: Uint8Array): number {
  const asked = engine.call(plans.clock_gettime, CLOCK_MONOTONIC, into);
  if (asked < 0) return asked;
  const now = timespecView(into);
  const more = timespecView(timeout);
  let seconds = now.getBigInt64(0, true) + more.getBigInt64(0, true);
  let nanoseconds = now.getBigInt64(8, true) + more.getBigInt64(8, true);
  if (nanoseconds >= NANOSECONDS) {
    seconds += 1n;
    nanoseconds -= NANOSECONDS;
  }
  now.setBigInt64(0, seconds, true);
  now.setBigInt64(8, nanoseconds, true);
  return 0;
}

function isTimespec(bytes: Uint8Array): boolean {
  const view = timespecView(bytes);
  const nanoseconds = view.getBigInt64(8, true);
  return view.getBigInt64(0, true) >= 0n && nanoseconds >= 0n && nanoseconds < NANOSECONDS;
}

/** Parks until the word is another than `value`. */
function wait(engine: Engine, word: FutexWord, value: number, deadline: Uint8Array | null): number {
  let expected = 0;
  for (let wakes = 0; wakes < IDLE_WAKES_MAX; wakes++) {
    if ((Atomics.load(word, 0) | 0) !== (value | 0)) return 0;
    const counter = engine.call(plans.park, expected, deadline);
    if (engine.state.errno !== 0) return counter;
    expected = counter;
  }
  return 0;
}

/**
 * Waits for, or wakes those that wait for, a change of a word.
 * @param word the program's word
 * @param operation FUTEX_WAIT, FUTEX_WAKE or FUTEX_WAIT_BITSET, with or without the private flag
 * @param value what a waiter expects the word to be
 * @param timeout struct timespec, 16 bytes: relative for FUTEX_WAIT, absolute for FUTEX_WAIT_BITSET; null for none
 * @param bits must be all ones for FUTEX_WAIT_BITSET
 * @returns 0 or (woken) 1, or -errno
 */
export function futex(
  engine: Engine,
  word: FutexWord,
  operation: number,
  value: number,
  timeout: Uint8Array | null,
  bits: number,
): number {
  const plain = operation & ~FUTEX_PRIVATE_FLAG;
  if (!isFutexOperation(operation)) return -Errno.EOPNOTSUPP;
  if (plain === FUTEX_WAKE) {
    const woken = engine.call(plans.unpark) === 0 ? 1 : 0;
    return woken;
  }
  if (plain === FUTEX_WAIT_BITSET && bits >>> 0 !== ALL_ONES) return -Errno.EOPNOTSUPP;
  const { compatible } = engine;
  if (timeout !== null && timeout.length !== TIMESPEC_BYTES) return -Errno.EINVAL;
  const own = timeout?.slice() ?? null;
  if (own !== null && !compatible && !isTimespec(own)) return -Errno.EINVAL;
  // The original answers 0 here; futex(2) says EAGAIN, which callers tell apart from having been woken.
  if (!compatible && (Atomics.load(word, 0) | 0) !== (value | 0)) return -Errno.EAGAIN;
  if (own === null || plain === FUTEX_WAIT_BITSET) return wait(engine, word, value, own);
  const deadline = new Uint8Array(TIMESPEC_BYTES);
  const refused = deadlineAfter(engine, own, deadline);
  return refused < 0 ? refused : wait(engine, word, value, deadline);
}
