/**
 * Threads of a keep whose guest asks its loader for them: parking on one counter in shared memory, and starting more.
 *
 * Every thread of the keep has a host with services of its own over the same counter. A guest makes a futex of it
 * (`guest/futex.ts`).
 */
import { Errno } from "../sallyport/linux.js";
import type { Answer, KeepThreads } from "./services.js";

/** The counter stays below 2^31: a reply below 0 is an error. */
const COUNTER_MASK = 0x7fff_ffff;
const NANOSECONDS_IN_MS = 1e6;
/** A waiting thread looks so often whether the keep must stop, should nobody have woken it. */
const WAIT_MS_MAX = 100;

/** What parking is made of. */
export interface ParkingOptions {
  /** One element of shared memory that starts as 0, the same for all threads of the keep. */
  readonly counter: Int32Array;
  /** First element: nonzero when the keep must stop; as the host's. Default: it never must. */
  readonly stop?: Int32Array;
  /** Starts a thread at an address of the guest. Default: there are none to be had, EAGAIN. */
  readonly spawn?: (address: bigint) => Answer;
}

/** Memory for the counter. */
export function parkingCounter(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
}

/** Counts up and wakes all threads that wait. Whoever makes a keep stop calls this once the stop is set. */
export function wakeParked(counter: Int32Array): void {
  for (let count = Atomics.load(counter, 0); ; ) {
    const found = Atomics.compareExchange(counter, 0, count, (count + 1) & COUNTER_MASK);
    if (found === count) break;
    count = found;
  }
  Atomics.notify(counter, 0);
}

/** Milliseconds to wait before the next look; 0 or less when the moment has come. */
function waitMs(until: bigint | undefined): number {
  if (until === undefined) return WAIT_MS_MAX;
  return Math.min(WAIT_MS_MAX, Number(until - process.hrtime.bigint()) / NANOSECONDS_IN_MS);
}

/** Makes the service. A thread that parks is blocked: it must not be one that has an event loop to serve. */
export function createParking(options: ParkingOptions): KeepThreads {
  const { counter, stop, spawn } = options;
  return {
    park(expected, until) {
      for (;;) {
        if (stop !== undefined && Atomics.load(stop, 0) !== 0) return -Errno.EINTR;
        const count = Atomics.load(counter, 0);
        if (count !== expected) return count;
        const milliseconds = waitMs(until);
        if (milliseconds <= 0) return -Errno.ETIMEDOUT;
        Atomics.wait(counter, 0, expected, milliseconds);
      }
    },
    unpark() {
      wakeParked(counter);
      return 0;
    },
    spawn: (address) => spawn?.(address) ?? -Errno.EAGAIN,
  };
}
