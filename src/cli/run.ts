import { readFileSync, writeSync } from "node:fs";
import { describeException } from "../keep/backends/exception.js";
import { Keep, type KeepExit } from "../keep/keep.js";
import type { BackendChoice, BackendName, KeepOptions } from "../keep/options.js";
import { fileReason } from "../keep/program.js";
import { exitStatus } from "../keep/run.js";
import { Failure, failureText } from "./failure.js";
import { resolveEnvironment } from "./options.js";
import { parseRunCommand, type RunOptions } from "./run-options.js";
import { optimiseLater } from "./tiering.js";

export { runDeclaration as declaration } from "./run-options.js";

/** Signals that ask the program to end. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new Failure(`cannot read the variables in ${path}: ${fileReason(error)}`);
  }
}

/** How long a message waits for a reader of standard error that somebody made nonblocking. */
const COMPLAIN_MS_MAX = 5000;
const COMPLAIN_PAUSE_MS = 10;

/** Standard error without Node's stream, whose making would change the descriptor for the program. */
function complain(text: string): void {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  let bytes = Buffer.from(text);
  for (let waited = 0; bytes.length > 0 && waited < COMPLAIN_MS_MAX; ) {
    try {
      bytes = bytes.subarray(writeSync(2, bytes));
    } catch (error) {
      // Whatever else it is, nobody reads it.
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return;
      Atomics.wait(pause, 0, 0, COMPLAIN_PAUSE_MS);
      waited += COMPLAIN_PAUSE_MS;
    }
  }
}

/** The backend: what was asked for, else the calling thread, unless the program or its timeout needs another. */
function backendOf(options: RunOptions): BackendChoice {
  if (options.backend !== undefined) {
    if (options.backend === "inline" && options.timeoutMs !== undefined) {
      throw new Failure("--timeout needs a backend that can be stopped", "use --backend thread, or leave it out");
    }
    return options.backend;
  }
  return "auto";
}

function keepOptions(options: RunOptions): KeepOptions {
  const { program, args, argv0, dirs, listen, connect, timeoutMs, memoryBytes, trace } = options;
  return {
    program,
    command: true,
    args,
    dirs,
    env: resolveEnvironment(options.env, process.env, readText),
    net: { listen, connect },
    stdio: "inherit",
    backend: backendOf(options),
    limits: {
      ...(memoryBytes === undefined ? {} : { memory: memoryBytes }),
      ...(options.maxDescriptors === undefined ? {} : { descriptors: options.maxDescriptors }),
      ...(options.maxOutputBytes === undefined ? {} : { output: options.maxOutputBytes }),
    },
    ...(argv0 === undefined ? {} : { argv0 }),
    ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
    ...(trace === undefined
      ? {}
      : { trace: { to: trace.to === "stderr" ? 2 : trace.path, format: options.traceFormat ?? "text" } }),
  };
}

/**
 * Passes the first signal on as a stop; a second one ends everything at once, with the status of a stopped program. From
 * the program's start to the end of the process, so that no signal finds nobody. With the inline backend nothing could
 * run meanwhile: there a signal ends the process as it always does.
 */
class Signals {
  private asked = false;
  private keep: Keep | undefined;

  private readonly forward = () => {
    // Not by process.exit, which waits for threads.
    if (this.asked) process.kill(process.pid, "SIGKILL");
    this.asked = true;
    void this.keep?.stop();
  };

  install(backend: BackendName): void {
    if (backend !== "inline") for (const signal of SIGNALS) process.on(signal, this.forward);
  }

  /** The keep to stop, which may have been asked for already. */
  attach(keep: Keep): void {
    this.keep = keep;
    if (this.asked) void keep.stop();
  }
}

/** What a user is told about how the program ended, where it did not simply end. */
function explain(exit: KeepExit, options: RunOptions): void {
  if (exit.kind === "trapped") complain(`postern: ${describeException(exit.exception)}\n`);
  else if (exit.kind === "stopped" && exit.reason === "timeout") {
    complain(failureText(`the program was stopped after ${options.timeoutMs} ms`, "--timeout sets the time it gets"));
  }
}

export async function execute(argv: readonly string[]): Promise<number> {
  const options = parseRunCommand(argv);
  const signals = new Signals();
  const compiled = optimiseLater(options.program);
  const onStart = (backend: BackendName) => {
    compiled();
    signals.install(backend);
  };
  const keep = await Keep.launch({ ...keepOptions(options), onStart });
  signals.attach(keep);
  const exit = await keep.exit;
  explain(exit, options);
  return exitStatus(exit) & 0xff;
}
