/** A worker that says its thread id, blocks in one system call, and says what the call returned. Used by threads.test.ts. */
import { parentPort, workerData } from "node:worker_threads";
import { addressOf, gettid, SYS, syscall2, syscall3, syscall5 } from "#src/kernel/index.js";

/** Which call to block in; "none" returns at once. `descriptor` is the read end of a pipe that nobody writes to. */
export interface BlockedWorkerData {
  readonly call: keyof typeof CALLS;
  readonly descriptor: number;
}

const CALLS = {
  none: () => 0,
  read: (descriptor: number) => syscall3(SYS.read, descriptor, addressOf(new Uint8Array(buffer)), 8),
  nanosleep: () => {
    const minute = new BigInt64Array(buffer);
    minute[0] = 60n;
    return syscall2(SYS.nanosleep, addressOf(minute), 0);
  },
  ppoll: (descriptor: number) => {
    new Int32Array(buffer)[0] = descriptor;
    new Int16Array(buffer)[2] = 1; // POLLIN
    return syscall5(SYS.ppoll, addressOf(new Uint8Array(buffer)), 1, 0, 0, 8);
  },
} as const;

const buffer = new ArrayBuffer(64);
const { call, descriptor } = workerData as BlockedWorkerData;
parentPort!.postMessage(gettid());
parentPort!.postMessage(CALLS[call](descriptor));
