/**
 * Runs a program on the calling thread: block, guest, shim and host put together, entered through the contract of
 * `enter/`. Both backends are this; they differ in whose thread it is.
 */
import { EENTER, EEXIT, ERESUME, type Registers } from "../../enter/contract.js";
import type { InlineCpu } from "../../enter/inline.js";
import { enterMerged } from "../../enter/merged.js";
import { EnclaveRun } from "../../enter/run.js";
import { PosternError } from "../../errors.js";
import { createEngine } from "../../guest/engine.js";
import { Ended } from "../../host/core.js";
import { DescriptorTable } from "../../host/descriptors.js";
import { createHost } from "../../host/host.js";
import type { Observer } from "../../host/policy.js";
import { SharedDescriptorTable } from "../../host/shared-descriptors.js";
import { callLine } from "../../observe/line.js";
import { createTracer } from "../../observe/tracer.js";
import { Block } from "../../sallyport/block.js";
import { BLOCK_BYTES, HEADER_BYTES } from "../../sallyport/constants.js";
import { createWasi } from "../../shim/wasi/index.js";
import {
  EXCEPTION_ENTRY,
  THREAD_SPAWN,
  THREAD_START,
  THREADS_MODULE,
  WebAssembly,
  type WebAssemblyImports,
  type WebAssemblyInstance,
  type WebAssemblyMemory,
} from "../../wasm/index.js";
import { createProgramCpu, ExceptionAnswers, type ExceptionEntry } from "./cpu.js";
import { exceptionOf, trapOf } from "./exception.js";
import { callWith, instantiationError, newMemory } from "./instantiate.js";
import { type CallOutcome, Control, type Exception, type Outcome, type Setup } from "./setup.js";
import { programWord, spawnThread } from "./shared.js";
import { Gate } from "./short-way.js";
import { ProgramWindow } from "./window.js";

/** What rdi says at an exit on purpose: the program is over, or it wants a block looked at. */
const FINISHED = 0;
const SALLY = 1;
/** Number of the one virtual TCS. */
const TCS = 4096;

/** A program that was instantiated. */
export interface Execution {
  /**
   * Runs `_start` or `_initialize`, or in a further thread of the program what it was started for, which may return.
   * @throws PosternError EBADPROGRAM when the program cannot be linked, ERESOURCE when there is no memory for it
   */
  start(): CallOutcome;
  /**
   * Calls an exported function of a reactor.
   * @throws PosternError EINVALIDARGUMENT when there is no such function or the arguments do not fit it
   */
  call(name: string, args: readonly unknown[]): CallOutcome;
  /** Closes what the program left open. */
  close(): void;
}

/**
 * Puts a keep together.
 * @param observers functions that see every call
 * @param spawn told when the program starts a thread
 * @throws PosternError EINVALIDARGUMENT for a policy that names an unknown call
 */
export function prepare(setup: Setup, observers: readonly Observer[] = [], spawn?: Spawn): Execution {
  return new ProgramExecution(setup, observers, spawn);
}

/** Asks for another thread of the program. */
type Spawn = (id: number, argument: number) => void;

class ProgramExecution implements Execution {
  private readonly setup: Setup;
  private readonly host;
  private readonly window = new ProgramWindow();
  private readonly registers: Registers<number> = { rdi: 0, rsi: 0, rdx: 0, r8: 0, r9: 0, rsp: 0 };
  private readonly wasi;
  private readonly imports: WebAssemblyImports;
  private readonly tracer;
  private readonly gate: Gate | undefined;
  private instance: WebAssemblyInstance | undefined;
  private memory: WebAssemblyMemory | undefined;
  private cpu: InlineCpu<number> | undefined;
  private exception: Exception | undefined;
  /** What a call of an exported function gave. */
  private value: unknown;

  constructor(setup: Setup, observers: readonly Observer[], spawn: Spawn | undefined) {
    this.setup = setup;
    const { threads } = setup;
    const windowed = setup.window !== false;
    const gate = setup.gate && Gate.over(setup.gate);
    this.gate = gate;
    const block = gate?.block ?? new Block(new ArrayBuffer(BLOCK_BYTES));
    this.tracer =
      setup.trace === undefined
        ? undefined
        : createTracer({ ...setup.trace, ...gate?.traceMemory, stop: setup.control });
    this.host = createHost({
      block,
      descriptors:
        threads === undefined ? new DescriptorTable(setup.rows) : new SharedDescriptorTable(setup.rows, threads.host),
      policy: setup.policy,
      limits: setup.limits,
      stop: setup.control,
      ...(gate === undefined ? {} : { held: gate.held }),
      ...(windowed ? { window: this.window } : {}),
      ...observerOf(this.tracer === undefined ? observers : [...observers, this.tracer.observer]),
    });
    const sally = this.createSally();
    const engine = createEngine({ block, sally, window: windowed });
    this.wasi = createWasi({
      engine,
      args: setup.args,
      env: setup.env,
      descriptors: setup.grants,
      maxDescriptors: setup.limits.descriptors,
      sharing: threads && { memory: threads.shim, thread: threads.place + 1 },
      functions: setup.program.importNames,
      shortWay: gate?.shortWay({
        host: this.host,
        sally,
        attack: engine.attack,
        tracer: this.tracer,
        immediate: setup.trace?.immediate === true,
      }),
      memoryChanged: (buffer) => this.changeWindow(buffer),
    });
    this.imports = { ...this.wasi.imports(setup.program.importModules) };
    if (threads !== undefined && spawn !== undefined) {
      this.imports[THREADS_MODULE] = { [THREAD_SPAWN]: (argument: number) => spawnThread(setup, argument, spawn) };
    }
  }

  /** Makes the memories that the program imports, with the keep's limit as their maximum. */
  private createMemories(): void {
    const { threads, program } = this.setup;
    for (const each of program.memories) {
      const { module, name } = each;
      const memory = threads?.memory ?? newMemory(each.descriptor);
      this.imports[module] = { ...this.imports[module], [name]: memory };
      this.bind(memory);
    }
  }

  /** Tells the host where the program's memory is now. Asking for the address is a foreign call. */
  private changeWindow(buffer: ArrayBufferLike): void {
    const { control } = this.setup;
    const word = programWord(this.setup);
    const inProgram = control[word]!;
    control[word] = 0;
    if (control[Control.STOP] === 0) {
      this.window.change(buffer);
      this.gate?.changeWindow(this.window.address(), buffer.byteLength);
    }
    control[word] = inProgram;
  }

  private bind(memory: WebAssemblyMemory): void {
    this.memory = memory;
    this.wasi.bind(memory);
  }

  /** What hands the block to the host: an exit of the virtual CPU. It does not return once the keep has ended. */
  private createSally(): () => number {
    const { registers } = this;
    return () => {
      registers.rdi = SALLY;
      try {
        this.cpu!.sally();
      } catch {
        // A real trap: the program can catch exceptions of JavaScript, and the keep is over.
        this.gate?.end();
        this.wasi.trap();
      }
      return registers.rdi;
    };
  }

  /** Enters the keep and runs `program` inside. */
  private enter(program: () => number): Outcome | undefined {
    const { host, registers } = this;
    const { control } = this.setup;
    const word = programWord(this.setup);
    const cpu = createProgramCpu({
      tcs: TCS,
      program,
      exceptionEntry: () => this.exceptionEntry(),
      trapOf: (error) => this.trapOf(error),
    });
    this.cpu = cpu;
    const exceptions = new ExceptionAnswers();
    const run = new EnclaveRun<number, null>(TCS, 0, null);
    let finished = false;
    run.userHandler = (rdi) => {
      if (rdi !== SALLY || run.function !== EEXIT) return ending(run.function, rdi);
      const flags = control;
      const inProgram = flags[word]!;
      flags[word] = 0;
      registers.rdi = host.execute();
      flags[word] = inProgram;
      return host.ended() === Ended.NO ? EENTER : 0;
    };
    // Apart, so that the handler is short enough to be compiled as a part of the loop.
    const ending = (leaf: number, rdi: number): number => {
      if (leaf !== EEXIT) return exceptions.answer(leaf, this.exceptionEntry());
      // The exception entry has returned: the frame below goes on, which says that it is dead.
      if (exceptions.entered) return ERESUME;
      finished = rdi === FINISHED;
      return 0;
    };
    const result = this.drive(cpu, run);
    if (result < 0) throw new PosternError("EATTACKED", `the keep could not be entered: ${result}`);
    return finished ? undefined : this.ended();
  }

  /** Enters. The engine's stack may end in the midst of a call to the host: that is the program's fault. */
  private drive(cpu: InlineCpu<number>, run: EnclaveRun<number, null>): number {
    try {
      return enterMerged(cpu, EENTER, this.registers, run);
    } catch (error) {
      if (this.instance === undefined || this.trapOf(error) === null) throw error;
      return 0;
    }
  }

  /** How the keep ended, when its program did not simply return. */
  private ended(): Outcome {
    const { host } = this;
    if (host.ended() === Ended.EXITED) {
      const code = host.status();
      return this.exception === undefined
        ? { kind: "exited", code }
        : { kind: "exited", code, handled: this.exception };
    }
    if (host.ended() === Ended.STOPPED || this.exception === undefined) return { kind: "stopped" };
    return { kind: "trapped", exception: this.exception };
  }

  private trapOf(error: unknown) {
    const bytes = this.memory?.buffer.byteLength ?? 0;
    const trap = trapOf(error, bytes);
    if (trap !== null) this.note(exceptionOf(error, trap, this.lastCall(), this.setup.program.changes));
    return trap;
  }

  /** Notes a fault for the report. A second one is that of the exception entry. */
  private note(exception: Exception): void {
    this.exception = this.exception === undefined ? exception : { ...this.exception, nested: exception };
  }

  /** What the program exports to be entered at a fault. */
  private exceptionEntry(): ExceptionEntry | undefined {
    const entry = this.instance?.exports[EXCEPTION_ENTRY] as ExceptionEntry | undefined;
    return entry && ((vector, code, address) => this.inProgram(() => entry(vector, code, address)));
  }

  /** Runs code of the program: there, outside of its calls, the thread may be ended. */
  private inProgram<T>(code: () => T): T {
    const { control } = this.setup;
    const word = programWord(this.setup);
    control[word] = 1;
    try {
      return code();
    } finally {
      control[word] = 0;
    }
  }

  /** The call the program made last, as a trace shows it. */
  private lastCall(): string {
    const { request } = this.host;
    if (this.gate !== undefined) this.host.recall();
    return request.data === 0 ? "" : callLine(request);
  }

  private instantiate(): WebAssemblyInstance {
    this.createMemories();
    try {
      // It may have a start section, which is code of the program.
      this.instance = this.inProgram(() => new WebAssembly.Instance(this.setup.program.module, this.imports));
    } catch (error) {
      throw instantiationError(error);
    }
    const { memory } = this.instance.exports;
    if (memory !== undefined) this.bind(memory as WebAssemblyMemory);
    // What the shim asked on its own account is not the program's last call.
    this.host.request.data = 0;
    this.gate?.block.halves.fill(0, 0, HEADER_BYTES / 4);
    return this.instance;
  }

  start(): CallOutcome {
    const { kind } = this.setup.program;
    const { id, argument } = this.setup.threads ?? { id: 0, argument: 0 };
    if (this.setup.control[Control.STOP] !== 0) return { kind: "stopped" };
    const outcome = this.enter(() => {
      const { exports } = this.instantiate();
      const name = kind === "command" ? "_start" : "_initialize";
      const entry = exports[id === 0 ? name : THREAD_START] as ((id: number, argument: number) => void) | undefined;
      if (typeof entry === "function") this.inProgram(() => (id === 0 ? entry(0, 0) : entry(id, argument)));
      return 0;
    });
    if (id !== 0) return outcome ?? { kind: "returned", value: undefined };
    return outcome ?? (kind === "command" ? { kind: "exited", code: 0 } : { kind: "ready" });
  }

  call(name: string, args: readonly unknown[]): CallOutcome {
    const entry = this.instance?.exports[name] as ((...args: unknown[]) => unknown) | undefined;
    if (typeof entry !== "function") {
      throw new PosternError("EINVALIDARGUMENT", `the program exports no function named ${name}`);
    }
    const outcome = this.enter(() => {
      this.value = this.inProgram(() => callWith(name, entry, args));
      return 0;
    });
    return outcome ?? { kind: "returned", value: this.value };
  }

  close(): void {
    this.gate?.end();
    this.host.close();
    this.tracer?.close();
  }
}

/** One observer for the host out of any number. */
function observerOf(observers: readonly Observer[]): { observer?: Observer } {
  if (observers.length === 0) return {};
  if (observers.length === 1) return { observer: observers[0]! };
  return {
    observer: {
      before: (request) => {
        for (const each of observers) each.before?.(request);
      },
      after: (request) => {
        for (const each of observers) each.after?.(request);
      },
    },
  };
}
