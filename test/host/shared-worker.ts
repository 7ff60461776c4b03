/** One thread of the test of shared descriptor tables: opens and closes what was granted, uses it, or opens other files. */
import { parentPort, workerData } from "node:worker_threads";
import { SharedDescriptorTable } from "#src/host/index.js";
import { addressOf, SYS, syscall1, syscall4 } from "#src/kernel/index.js";

/** What a thread is to do. */
export interface Work {
  readonly role: "owner" | "user" | "stranger";
  readonly rows: Int32Array;
  readonly sharing: SharedArrayBuffer;
  readonly turns: number;
  /** Threads that have begun, and owners that are done. */
  readonly done: Int32Array;
  /** Paths of a file that is granted and of one that is not, ended by zero. */
  readonly granted: Uint8Array;
  readonly foreign: Uint8Array;
}

const { role, rows, sharing, turns, done, granted, foreign } = workerData as Work;
const table = new SharedDescriptorTable(rows, sharing);
const close = (native: number) => void syscall1(SYS.close, native);
const byte = new Uint8Array(1);
const O_CLOEXEC = 0o2000000;
const open = (path: Uint8Array) => syscall4(SYS.openat, -100, addressOf(path), O_CLOEXEC, 0);
const counts = { used: 0, absent: 0, wrong: 0 };

function own(): void {
  const opened = open(granted);
  const number = table.add(opened, 1, true);
  if (number < 0) close(opened);
  if (number < 0 || table.find(number, 0) < 0) return;
  const native = table.remove(number);
  if (native >= 0) close(native);
  table.release(close);
}

function use(turn: number): void {
  const native = table.find(turn % table.limit, 0);
  if (native < 0) counts.absent++;
  else if (syscall4(SYS.pread64, native, addressOf(byte), 1, 0) === 1 && byte[0] === 71) counts.used++;
  else counts.wrong++;
  table.release(close);
}

const THREADS = 5;
const OWNERS = 2;
Atomics.add(done, 0, 1);
while (Atomics.load(done, 0) < THREADS);
if (role === "owner") {
  for (let turn = 0; turn < turns; turn++) own();
  Atomics.add(done, 1, 1);
}
for (let turn = 0; Atomics.load(done, 1) < OWNERS; turn++) {
  if (role === "user") use(turn);
  else if (role === "stranger") {
    const native = open(foreign);
    if (native >= 0) close(native);
  }
}
parentPort!.postMessage(counts);
