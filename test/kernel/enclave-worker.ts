/** Runs in a worker of the enclave test: one call through the thunk, refused for a reserved byte. */
import { parentPort, workerData } from "node:worker_threads";
import { createEnclaveEntry } from "#src/kernel/enclave.js";

const entry = createEnclaveEntry(workerData);
entry.run[255] = 1;
parentPort!.postMessage(entry.call(2));
entry.release();
