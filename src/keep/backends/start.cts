/** What the thread of a keep begins with: loads its bundle, and keeps what was compiled once a program has left it idle. */
import threads = require("node:worker_threads");
import compiled = require("../../compiled.cjs");

const IDLE_MS = 100;

// Pages for system calls: a thread cannot take its own, since it does not see its end (kernel/executor.ts).
Object.assign(globalThis, { [Symbol.for("postern.executor")]: threads.workerData.pages });
compiled.loadBundle(compiled.bundleNamed("worker.cjs"), (store) => setTimeout(store, IDLE_MS).unref());
