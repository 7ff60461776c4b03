/** One thread of a keep that takes part in the tests of parking; see parking.test.ts. */
import { parentPort, workerData } from "node:worker_threads";
import { createEngine, createHandler, type Handler } from "postern/guest";
import { createHost, createParking } from "postern/host";
import { Block } from "postern/sallyport";

/** What a thread gets. */
export interface Part {
  readonly role: "count" | "ping" | "pong" | "sleep";
  readonly counter: Int32Array;
  readonly stop: Int32Array;
  /** Memory of the program: a lock, a count, and whose turn it is. */
  readonly words: Int32Array;
  readonly turns: number;
}

const FUTEX_WAIT = 0;
const FUTEX_WAKE = 1;
const { role, counter, stop, words, turns } = workerData as Part;

function keep(): Handler {
  const block = Block.ofWords(128);
  const host = createHost({ block, stop, services: { threads: createParking({ counter, stop }) } });
  return createHandler({ engine: createEngine({ block, sally: () => host.execute() }) });
}

const handler = keep();
const [lock, count, turn] = [0, 1, 2].map((at) => words.subarray(at, at + 1)) as [Int32Array, Int32Array, Int32Array];

/** A lock as programs make one of futex(2), around a count that is not atomic. */
function countUnderLock(): void {
  while (Atomics.exchange(lock, 0, 2) !== 0) handler.futex(lock, FUTEX_WAIT, 2, null, 0);
  count[0]! += 1;
  Atomics.store(lock, 0, 0);
  handler.futex(lock, FUTEX_WAKE, 1, null, 0);
}

function takeTurns(mine: number): void {
  while (Atomics.load(turn, 0) !== mine) handler.futex(turn, FUTEX_WAIT, 1 - mine, null, 0);
  count[0]! += 1;
  Atomics.store(turn, 0, 1 - mine);
  handler.futex(turn, FUTEX_WAKE, 1, null, 0);
}

let result = 0;
if (role === "sleep") {
  parentPort!.postMessage("waiting");
  result = handler.futex(turn, FUTEX_WAIT, 0, null, 0);
} else {
  for (let done = 0; done < turns; done++) {
    if (role === "count") countUnderLock();
    else takeTurns(role === "ping" ? 0 : 1);
  }
}
parentPort!.postMessage(result);
