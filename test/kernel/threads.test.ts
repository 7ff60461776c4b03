import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import {
  addressOf,
  gettid,
  installInterrupt,
  interruptThread,
  LINUX,
  SYS,
  syscall1,
  syscall2,
} from "#src/kernel/index.js";
import type { BlockedWorkerData } from "./blocked-worker.js";

const EINTR = 4;
const ESRCH = 3;

function makePipe(): { readEnd: number; writeEnd: number } {
  const ends = new Int32Array(2);
  assert.equal(syscall2(SYS.pipe2, addressOf(ends), LINUX.O_CLOEXEC), 0);
  return { readEnd: ends[0]!, writeEnd: ends[1]! };
}

/** Starts a worker that blocks; gives its thread id, the promise of the call's result, and that of its end. */
async function startBlocked(call: BlockedWorkerData["call"], descriptor: number) {
  const workerData: BlockedWorkerData = { call, descriptor };
  const worker = new Worker(new URL("./blocked-worker.js", import.meta.url), { workerData });
  const messages: number[] = [];
  worker.on("message", (value: number) => messages.push(value));
  const stopped = once(worker, "exit");
  while (messages.length === 0) await once(worker, "message");
  return { tid: messages[0]!, result: () => messages[1], stopped };
}

describe("interrupting a thread", () => {
  it("knows the calling thread", () => {
    assert.equal(gettid(), process.pid);
  });

  it("installs once, and finds the same signal again", () => {
    const signal = installInterrupt();
    assert.equal(signal, LINUX.SIGURG);
    assert.equal(installInterrupt(), signal);
  });

  it("does nothing to a thread that is not blocked", () => {
    assert.equal(interruptThread(gettid()), 0);
  });

  it("answers -ESRCH for a thread that is gone", async () => {
    const { tid, stopped } = await startBlocked("none", -1);
    await stopped;
    assert.equal(interruptThread(tid), -ESRCH);
  });

  for (const call of ["read", "nanosleep", "ppoll"] as const) {
    it(`ends a blocked ${call} in another thread with EINTR`, { timeout: 20_000 }, async () => {
      const { readEnd, writeEnd } = makePipe();
      try {
        const { tid, result, stopped } = await startBlocked(call, readEnd);
        assert.notEqual(tid, gettid());
        await sleep(50);
        assert.equal(result(), undefined, "the call must still be blocked");
        // The signal may arrive before the thread is in the call, so repeat, as every user has to.
        while (result() === undefined) {
          interruptThread(tid);
          await sleep(5);
        }
        assert.equal(result(), -EINTR);
        await stopped;
      } finally {
        syscall1(SYS.close, readEnd);
        syscall1(SYS.close, writeEnd);
      }
    });
  }

  it("leaves a handler of others in place, takes another signal meanwhile, and comes back", {
    timeout: 20_000,
  }, async () => {
    let urgent = 0;
    const listener = () => {
      urgent++;
    };
    process.on("SIGURG", listener);
    const other = installInterrupt();
    assert.notEqual(other, LINUX.SIGURG);
    const { tid, result, stopped } = await startBlocked("nanosleep", -1);
    while (result() === undefined) {
      interruptThread(tid);
      await sleep(5);
    }
    assert.equal(result(), -EINTR);
    await stopped;
    process.kill(process.pid, "SIGURG");
    while (urgent === 0) await sleep(1);
    process.off("SIGURG", listener);
    assert.equal(installInterrupt(), LINUX.SIGURG);
  });
});
