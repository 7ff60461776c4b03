import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { createParking, parkingCounter, wakeParked } from "postern/host";
import type { Part } from "./parking-worker.js";

const EINTR = 4;
const EAGAIN = 11;
const ETIMEDOUT = 110;

function shared(turns = 0) {
  const words = new Int32Array(new SharedArrayBuffer(12));
  return { counter: parkingCounter(), stop: new Int32Array(new SharedArrayBuffer(4)), words, turns };
}

function thread(part: Part): Worker {
  return new Worker(new URL("./parking-worker.js", import.meta.url), { workerData: part });
}

async function run(part: Part): Promise<unknown> {
  const worker = thread(part);
  const [result] = (await once(worker, "message")) as [unknown];
  await worker.terminate();
  return result;
}

test("a futex over parking is a lock that loses no count, in four threads", { timeout: 60_000 }, async () => {
  const keep = shared(2000);
  assert.deepEqual(await Promise.all([1, 2, 3, 4].map(() => run({ role: "count", ...keep }))), [0, 0, 0, 0]);
  assert.equal(keep.words[1], 8000);
});

test("two threads take turns, and no wake-up is lost", { timeout: 60_000 }, async () => {
  const keep = shared(2000);
  assert.deepEqual(await Promise.all([run({ role: "ping", ...keep }), run({ role: "pong", ...keep })]), [0, 0]);
  assert.equal(keep.words[1], 4000);
});

for (const woken of [true, false]) {
  test(`a parked thread ends when the keep stops, ${woken ? "" : "not "}woken`, { timeout: 10_000 }, async () => {
    const keep = shared();
    const worker = thread({ role: "sleep", ...keep });
    assert.deepEqual(await once(worker, "message"), ["waiting"]);
    await sleep(30);
    Atomics.store(keep.stop, 0, 1);
    if (woken) wakeParked(keep.counter);
    assert.deepEqual(await once(worker, "message"), [-EINTR]);
    await worker.terminate();
  });
}

test("a moment that has come ends a wait, and one to come is waited for", () => {
  const { park } = createParking({ counter: parkingCounter() });
  assert.equal(park(0, 0n), -ETIMEDOUT);
  const start = process.hrtime.bigint();
  assert.equal(park(0, start + 20_000_000n), -ETIMEDOUT);
  assert.ok(process.hrtime.bigint() - start >= 20_000_000n);
});

test("the counter is given where it is another than expected, and never turns negative", () => {
  const counter = parkingCounter();
  const { park, unpark } = createParking({ counter });
  assert.equal(park(7, undefined), 0);
  assert.equal(unpark(), 0);
  assert.equal(park(0, undefined), 1);
  counter[0] = 0x7fff_ffff;
  unpark();
  assert.equal(park(5, undefined), 0);
});

test("threads are started by whoever made the keep, or not at all", () => {
  const counter = parkingCounter();
  assert.equal(createParking({ counter }).spawn(4096n), -EAGAIN);
  const asked: bigint[] = [];
  const { spawn } = createParking({ counter, spawn: (address) => asked.push(address) });
  assert.equal(spawn(4096n), 1);
  assert.deepEqual(asked, [4096n]);
});
