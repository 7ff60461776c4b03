/** The thread of a keep: prepares it, runs it, answers how it ended. Serves one keep after another. */
import { parentPort } from "node:worker_threads";
import { PosternError } from "../../errors.js";
import { gettid } from "../../kernel/threads.js";
import { type Execution, prepare } from "./execute.js";
import { postedError, type Reply, type Request } from "./messages.js";
import type { CallOutcome, Setup } from "./setup.js";

const port = parentPort!;
/** The keep that is served, and its number; 0: none. */
let execution: Execution | undefined;
let current = 0;

function reply(message: Reply): void {
  port.postMessage(message);
}

function close(): void {
  execution?.close();
  execution = undefined;
  current = 0;
}

/** Runs a step of the keep and tells how it ended; after its end everything is closed before anybody hears of it. */
function perform(keep: number, id: number, step: () => CallOutcome): void {
  try {
    const outcome = step();
    // A call that returns leaves its keep ready for the next; a thread of the program that returns is over.
    if (outcome.kind !== "ready" && (outcome.kind !== "returned" || id === 0)) close();
    reply({ type: "outcome", keep, id, outcome });
  } catch (error) {
    const ended = id === 0 || !(error instanceof PosternError) || error.code !== "EINVALIDARGUMENT";
    if (ended) close();
    reply({ type: "failed", keep, id, error: postedError(error), ended });
  }
}

function start(keep: number, setup: Setup): void {
  current = keep;
  perform(keep, 0, () => {
    execution = prepare(setup, [], (thread, argument) => reply({ type: "spawn", keep, thread, argument }));
    reply({ type: "started", keep });
    return execution.start();
  });
}

port.on("message", (request: Request) => {
  const { keep } = request;
  if (request.type === "start") start(keep, request.setup);
  // The keep has ended meanwhile; whoever asked has heard of it.
  else if (keep !== current) return;
  else if (request.type === "call") perform(keep, request.id, () => execution!.call(request.name, request.args));
  else perform(keep, 0, () => ({ kind: "stopped" }));
});
reply({ type: "online", tid: gettid() });
