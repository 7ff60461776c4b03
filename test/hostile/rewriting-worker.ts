/** A thread that keeps rewriting a shared block, without regard for whose turn it is. */
import { workerData } from "node:worker_threads";
import { Random } from "./random.js";

const { buffer, control, seed } = workerData as { buffer: SharedArrayBuffer; control: SharedArrayBuffer; seed: number };
const words = new BigUint64Array(buffer);
const running = new Int32Array(control);
const random = new Random(seed);
const EDGES = [0n, 1n, 3n, 8n, 17n, 2n ** 31n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 64n - 4n, 2n ** 64n - 4096n];
/** The words where return values and lengths of the first item lie. */
const LIKELY = [0, 1, 2, 3, 4, 5, 7, 9, 11, 12, 13, 14];

Atomics.store(running, 1, 1);
Atomics.notify(running, 1);
while (Atomics.load(running, 0) === 1) {
  for (let i = 0; i < 256; i++) {
    const at = random.once(4) ? random.below(words.length) : random.pick(LIKELY);
    words[at] = random.once(5) ? random.word() : random.pick(EDGES);
  }
}
