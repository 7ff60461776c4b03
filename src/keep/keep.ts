/** A keep: one program, isolated, with what it was granted and nothing else. */
import type { Readable, Writable } from "node:stream";
import { PosternError } from "../errors.js";
import { descriptorRows } from "../host/descriptors.js";
import { DEFAULT_LIMITS, type Policy } from "../host/policy.js";
import { SHORT_FUNCTIONS } from "../shim/wasi/index.js";
import { InlineBackend } from "./backends/inline.js";
import { type Backend, Control, type Exception, type Outcome, type Setup } from "./backends/setup.js";
import { Gate } from "./backends/short-way.js";
import { Grants } from "./grants.js";
import { type BackendName, type CheckedOptions, checkOptions, type KeepOptions } from "./options.js";
import { loadProgram, type Program, refuseReactor } from "./program.js";
import { plainStreams, type Streams } from "./stdio.js";
import { openTrace, type Trace } from "./trace.js";

/** Why a keep was stopped. */
export type StopReason =
  /** `stop()` was called, or the signal aborted. */
  | "request"
  /** The time was up. */
  | "timeout";

/** How a keep ended. */
export type KeepExit =
  /**
   * By proc_exit, or by returning from `_start`; the code has 32 bits. `handled`: the fault after which the program's own
   * exception entry chose the code.
   */
  | { readonly kind: "exited"; readonly code: number; readonly handled?: Exception }
  /** By a fault of the program. */
  | { readonly kind: "trapped"; readonly exception: Exception }
  /** From outside. */
  | { readonly kind: "stopped"; readonly reason: StopReason };

/** A program in its keep. Made by {@link Keep.launch}. */
export class Keep {
  /** What the program reads from; null unless stdin is a pipe. */
  readonly stdin: Writable | null;
  /** What the program writes; null unless it is a pipe. Read it, or the program waits once the pipe is full. */
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /**
   * How the program ended. Rejected with a PosternError when the program could not be linked (EBADPROGRAM), when the
   * host gave an impossible reply (EATTACKED), or when the thread was lost (ERESOURCE).
   */
  readonly exit: Promise<KeepExit>;
  /** Names of the functions that {@link call} can call. */
  readonly exports: readonly string[];
  private readonly backend: Backend;
  private reason: StopReason = "request";
  private stopped = false;

  private constructor(backend: Backend, streams: Streams, program: Program, options: CheckedOptions, trace: Trace) {
    this.backend = backend;
    this.stdin = streams.stdin;
    this.stdout = streams.stdout;
    this.stderr = streams.stderr;
    this.exports = program.exports;
    const abort = () => void this.stop();
    options.signal?.addEventListener("abort", abort, { once: true });
    if (options.signal?.aborted === true) abort();
    const stopTimer = this.startTimer(options.timeoutMs);
    this.exit = backend.outcome
      .then((outcome) => this.exitOf(outcome))
      .finally(() => {
        stopTimer();
        options.signal?.removeEventListener("abort", abort);
        streams.finish();
        trace.close();
      });
    // An application may never look at how the keep ended.
    this.exit.catch(() => {});
  }

  /**
   * Starts a program. A command runs when this resolves (with the inline backend: it has ended). A reactor is
   * initialised and waits for {@link call}.
   * @throws PosternError EINVALIDARGUMENT, ENOTFOUND, EBADPROGRAM, ERESOURCE, ESYSTEM; then nothing is left open
   */
  static async launch(options: KeepOptions): Promise<Keep> {
    const asked = checkOptions(options);
    const program = await loadProgram(options.program, asked.limits.memoryBytes, isStoppable(asked));
    const checked = { ...asked, backend: chooseBackend(asked, program) };
    if (options.command === true) refuseReactor(options.program, program);
    const gate = gateFor(checked, program);
    const rows = gate?.rows ?? descriptorRows(checked.limits.descriptors, checked.backend === "thread");
    const grants = new Grants(rows);
    const trace = openTrace(checked.trace);
    let streams: Streams | undefined;
    try {
      streams = await grantStreams(grants, checked);
      for (const directory of checked.dirs) grants.directory(directory);
      if (checked.listen.length + checked.connect.length > 0) await grantSockets(grants, checked);
      const setup = { ...setupOf(program, checked, grants, trace), ...shortWayOf(gate) };
      checked.onStart?.(checked.backend);
      const backend = await enter(setup, checked);
      const keep = new Keep(backend, streams, program, checked, trace);
      await backend.started;
      return keep;
    } catch (error) {
      grants.close();
      streams?.abandon();
      trace.close();
      throw error;
    }
  }

  private exitOf(outcome: Outcome): KeepExit {
    if (outcome.kind === "exited" || outcome.kind === "trapped") return outcome;
    return { kind: "stopped", reason: this.reason };
  }

  /** Stops the program when its time is up, counted from when it begins to run. @returns ends the count */
  private startTimer(timeoutMs: number | undefined): () => void {
    if (timeoutMs === undefined) return () => {};
    let timer: NodeJS.Timeout | undefined;
    let wanted = true;
    void this.backend.entered.then(() => {
      if (wanted) timer = setTimeout(() => this.expire(), timeoutMs);
    });
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }

  private expire(): void {
    if (!this.stopped) this.reason = "timeout";
    this.backend.stop();
  }

  /**
   * Calls an exported function of a reactor.
   * @param name its name
   * @param args numbers and bigints, as its parameters are
   * @returns what it returns
   * @throws PosternError ESTOPPED when the keep ended before or in the call: `exit` says how; EINVALIDARGUMENT when
   *   there is no such function or the arguments do not fit
   */
  async call(name: string, ...args: readonly (number | bigint)[]): Promise<number | bigint | undefined> {
    const outcome = await this.backend.call(name, args);
    if (outcome.kind === "returned") return outcome.value as number | bigint | undefined;
    throw new PosternError("ESTOPPED", `the keep has ended, before ${name} was called or in the call`);
  }

  /** Ends the program, whatever it does. @returns how it ended, which may be by itself */
  stop(): Promise<KeepExit> {
    this.stopped = true;
    this.backend.stop();
    return this.exit;
  }

  /** Stops the keep at the end of `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop().catch(() => {});
  }
}

/** Grants the standard streams. What a plain run does not need is loaded by those keeps that do. */
async function grantStreams(grants: Grants, options: CheckedOptions): Promise<Streams> {
  const { stdin, stdout, stderr } = options;
  if (stdin !== "pipe" && stdout !== "pipe" && stderr !== "pipe") return plainStreams(grants, options);
  const { collectStreams, connectStreams } = await import("./streams.js");
  return options.backend === "inline" ? collectStreams(grants, options) : connectStreams(grants, options);
}

async function grantSockets(grants: Grants, { listen, connect }: CheckedOptions): Promise<void> {
  const { grantConnected, grantListening } = await import("./sockets.js");
  for (const socket of listen) await grantListening(grants, socket);
  for (const socket of connect) await grantConnected(grants, socket);
}

function setupOf(program: Program, options: CheckedOptions, grants: Grants, trace: Trace): Setup {
  const { descriptors, outputBytes } = options.limits;
  const policy: Policy = options.policy;
  return {
    program,
    args: options.args,
    env: [...options.env, ...grants.environment()],
    rows: grants.table.rows,
    grants: grants.list,
    limits: { ...DEFAULT_LIMITS, descriptors, outputBytes },
    policy,
    trace: trace.setup,
    control: new Int32Array(new SharedArrayBuffer(Control.WORDS * Int32Array.BYTES_PER_ELEMENT)),
  };
}

/** Where nobody looks at the calls of a program, they can go the short way. */
function gateFor(options: CheckedOptions, program: Program): Gate | undefined {
  const { backend, observers, policy, trace, limits } = options;
  const inThread = backend === "thread";
  // A trace of text is written on the short way as well, but not where another thread may have to write its end.
  const traced = trace !== undefined;
  const watched = observers.length > 0 || (traced && (inThread || trace.format === "json"));
  if (watched || Object.keys(policy).length > 0 || Number.isFinite(limits.outputBytes)) return undefined;
  const several = program.threads || program.memories.some((each) => each.descriptor.shared);
  if (several || !program.importNames.some((name) => SHORT_FUNCTIONS.includes(name))) return undefined;
  return Gate.make(limits.descriptors, traced, inThread);
}

function shortWayOf(gate: Gate | undefined): Partial<Setup> {
  return gate === undefined ? {} : { gate: gate.shared, control: gate.control };
}

/** Whether another thread may stop the program, as far as can be told before it was read. */
function isStoppable({ backend, timeoutMs }: CheckedOptions): boolean {
  return backend === "thread" || (backend === "auto" && timeoutMs !== undefined);
}

/** The backend that was asked for, or the one that fits. @throws PosternError EINVALIDARGUMENT */
function chooseBackend(options: CheckedOptions, program: Program): BackendName {
  const { backend, timeoutMs, policy, observers } = options;
  if (backend !== "auto" && (backend === "thread" || !program.threads)) return backend;
  const needed = program.threads ? "the program uses threads" : "a timeout was set";
  if (backend === "auto" && !program.threads && timeoutMs === undefined) return "inline";
  if (backend === "auto" && observers.length === 0 && policy.decide === undefined) return "thread";
  throw new PosternError(
    "EINVALIDARGUMENT",
    `${needed}, which needs the thread backend; leave out the inline backend, observers and policy.decide`,
  );
}

async function enter(setup: Setup, options: CheckedOptions): Promise<Backend> {
  if (options.backend === "thread") {
    const [{ ThreadBackend }, { shareSetup }] = await Promise.all([
      import("./backends/thread.js"),
      import("./backends/shared.js"),
    ]);
    return new ThreadBackend(setup.program.threads ? shareSetup(setup, options.limits.threads) : setup);
  }
  // The program runs before anybody can hold the keep, so an abort sets the flag itself.
  const { signal } = options;
  const abort = () => {
    setup.control[Control.STOP] = 1;
  };
  if (signal?.aborted === true) abort();
  signal?.addEventListener("abort", abort, { once: true });
  try {
    return new InlineBackend(setup, options.observers);
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}
