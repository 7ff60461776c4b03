/** A thread that keeps changing the words of a block while the host looks at it. */
import { workerData } from "node:worker_threads";
import { Random } from "./random.js";

const { buffer, offset, length, control, seed } = workerData as {
  buffer: SharedArrayBuffer;
  offset: number;
  length: number;
  control: SharedArrayBuffer;
  seed: number;
};
const words = new BigUint64Array(buffer, offset, length);
const running = new Int32Array(control);
const random = new Random(seed);
const VALUES = [0n, 1n, 2n, 3n, 8n, 16n, 72n, 80n, 512n, 4096n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 64n - 8n];
/** Header, number, arguments of the first item, and the start of its data. */
const LIKELY = [0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12];

Atomics.store(running, 1, 1);
while (Atomics.load(running, 0) === 1) {
  for (let i = 0; i < 256; i++) {
    const at = random.once(4) ? random.below(length) : random.pick(LIKELY);
    words[at] = random.once(6) ? random.word() : random.pick(VALUES);
  }
}
