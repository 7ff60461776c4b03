/**
 * Runs many programs at once, each on a thread of its own: many KIND=COUNT PREOPEN PROGRAM ARGS...
 * Prints the milliseconds from the first start to the last end as nanoseconds, and the most memory the process had.
 */
import { openSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { Keep } from "postern";
import { request } from "./measure.js";

const [text = "", directory = "", program = "", ...args] = process.argv.slice(2);
const { name, calls: count } = request(text);
const sink = openSync("/dev/null", "w");

async function runKeep(): Promise<void> {
  const keep = await Keep.launch({
    program,
    args,
    dirs: [{ host: directory, guest: "/", access: "read-write" }],
    stdio: { stdin: "ignore", stdout: sink, stderr: "ignore" },
  });
  const exit = await keep.exit;
  if (exit.kind !== "exited" || exit.code !== 0) throw new Error(`a keep ended as ${JSON.stringify(exit)}`);
}

function runWorker(): Promise<void> {
  const worker = new Worker(new URL("./node-wasi-worker.js", import.meta.url), {
    workerData: { directory, program, args, sink },
  });
  return new Promise((resolve, reject) => {
    worker.once("error", reject);
    worker.once("exit", (code) => (code === 0 ? resolve() : reject(new Error(`a worker ended with ${code}`))));
  });
}

const run = name === "keep" ? runKeep : runWorker;
const start = performance.now();
const cpuBefore = process.cpuUsage();
await Promise.all(Array.from({ length: count }, run));
const wall = performance.now() - start;
const { user, system } = process.cpuUsage(cpuBefore);
const lines = [
  { subject: "time", calls: 1, wall: wall * 1e6, cpu: (user + system) * 1e3 },
  { subject: "memory", calls: 1, wall: process.resourceUsage().maxRSS * 1024, cpu: null },
];
for (const line of lines) process.stderr.write(`${JSON.stringify(line)}\n`);
process.exit(0);
