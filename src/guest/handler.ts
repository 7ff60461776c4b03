/**
 * The handler: a method for every call there is, over an engine.
 *
 * Methods give a value >= 0, or -errno; `errno` tells success (0) from failure where a value may itself be negative
 * (`park`). Words of 64 bits come as bigint. An impossible reply of the host ends the keep: the host is asked once to
 * end it, the call throws PosternError EATTACKED, and so does every call after it.
 */
import { PosternError } from "../errors.js";
import { Route } from "../sallyport/call.js";
import type { CallArguments, CallName } from "../sallyport/calls.js";
import { plans } from "../sallyport/calls.js";
import { type AnswerArguments, type AnswerContext, type AnswerName, answers } from "./answers.js";
import { type Batch, type BatchResults, entryOf, runBatch } from "./batch.js";
import type { Engine } from "./engine.js";
import { type FutexWord, futex } from "./futex.js";
import { gates } from "./gates.js";
import { type MremapFlags, mremap } from "./mremap.js";
import { type Registers, systemCall } from "./opaque.js";
import type { Platform } from "./platform.js";
import { type RandomSource, secureRandom } from "./random.js";
import { type Address, plainShim, type Shim } from "./shim.js";
import { ThreadStorage } from "./thread.js";

/** Calls whose value is a full 64-bit word. */
const WIDE = ["mem_info", "balloon_memory", "get_sgx_quote_size", "lseek"] as const satisfies readonly CallName[];
type WideName = (typeof WIDE)[number];
type PlainName = Exclude<CallName, WideName | AnswerName | "open">;

/** Calls of the table, by name: >= 0 or -errno. */
type PlainMethods = { readonly [N in PlainName]: (...args: CallArguments<N>) => number };
type WideMethods = { readonly [N in WideName]: (...args: CallArguments<N>) => bigint };
type AnswerMethods = { readonly [N in AnswerName]: (...args: AnswerArguments<N>) => number };

/** Methods that are not of the table. */
interface OwnMethods {
  /** Errno of the last call, 0 when it succeeded. */
  readonly errno: number;
  /** Whether the host gave an impossible reply; nothing is possible any more. */
  readonly attacked: boolean;
  /** What the handler is made over. */
  readonly engine: Engine;
  readonly shim: Shim;
  /**
   * open(2), for /etc/resolv.conf alone; everything else gives EACCES in the guest. `openat2` opens other files.
   * @param pathname with its zero byte
   */
  open(pathname: Uint8Array, flags: number, mode?: number | null): number;
  /** futex(2) through `park` and `unpark`; see {@link futex}. */
  futex(word: FutexWord, operation: number, value: number, timeout: Uint8Array | null, bits: number): number;
  /** mremap(2) through the shim; see {@link mremap}. */
  mremap(platform: Platform, addr: Address, oldSize: Address, newSize: Address, flags: MremapFlags | null): number;
  /**
   * Stages calls together and hands them over once; lists may be nested.
   * @returns results in the shape of the batch (null where the reply was impossible), or -errno when staging failed
   */
  batch(batch: Batch): BatchResults | number;
  /**
   * A system call as six registers and a number, with x86-64's numbers and structures.
   * @param platform checks the pointers among them
   * @param registers number, then arguments
   * @returns the first return register (the second is always 0), or -errno
   */
  syscall(platform: Platform, registers: Registers): number;
}

/** A method for each call. */
export type Handler = PlainMethods & WideMethods & AnswerMethods & OwnMethods;

/** What a handler is made of. */
export interface HandlerOptions {
  readonly engine: Engine;
  /** Storage of the calling thread. Default: a new one. */
  readonly thread?: ThreadStorage;
  /** What only a shim can do. Default: {@link plainShim}, ENOSYS for all of it. */
  readonly shim?: Shim;
  /** Where getrandom takes its bytes from, never the host. Default: {@link secureRandom}. */
  readonly random?: RandomSource;
}

type Method = (...args: never[]) => unknown;

/** The methods of the table: numbers go the engine's short way, a gate stands in front of some. */
function tableMethod(engine: Engine, name: CallName): Method {
  const plan = plans[name];
  const gate = gates[name];
  if (gate !== undefined) {
    return (...args: unknown[]) => {
      const refused = engine.ready();
      if (refused !== 0) return refused;
      const answer = gate.answer(...args);
      return answer === undefined ? engine.call(plan, ...entryOf(name, args).args) : engine.settle(answer);
    };
  }
  if ((WIDE as readonly string[]).includes(name)) return (...args: unknown[]) => engine.callWide(plan, ...args);
  if (plan.route === Route.NUMBERS) {
    return (a?: number, b?: number, c?: number, d?: number, e?: number, f?: number) =>
      engine.numbers(plan, a, b, c, d, e, f);
  }
  return (...args: unknown[]) => engine.call(plan, ...args);
}

/** Methods of calls that the guest answers itself. */
function answerMethod(engine: Engine, context: AnswerContext, name: AnswerName): Method {
  const answer = answers[name] as (context: AnswerContext, ...args: readonly unknown[]) => number;
  return (...args: unknown[]) => {
    const refused = engine.ready();
    return refused !== 0 ? refused : engine.settle(answer(context, ...args));
  };
}

function ownMethods(engine: Engine, context: AnswerContext, shim: Shim): Omit<OwnMethods, "open" | "syscall"> {
  const begun = (run: () => number): number => {
    if (engine.state.attacked) engine.attack();
    return engine.settle(run());
  };
  const { compatible } = engine;
  return {
    engine,
    shim,
    get errno() {
      return engine.state.errno;
    },
    get attacked() {
      return engine.state.attacked;
    },
    futex: (...args) => begun(() => futex(engine, ...args)),
    mremap: (platform, ...args) => begun(() => mremap({ platform, shim, compatible }, ...args)),
    batch: (batch) => runBatch(engine, context, batch),
  };
}

/**
 * Makes a handler.
 * @throws PosternError EINVALIDARGUMENT without an engine
 */
export function createHandler(options: HandlerOptions): Handler {
  const { engine, thread = new ThreadStorage(), shim = plainShim, random = secureRandom } = options;
  if (engine === undefined) throw new PosternError("EINVALIDARGUMENT", "a handler needs an engine: pass `engine`");
  const context: AnswerContext = { compatible: engine.compatible, thread, random };
  const handler = ownMethods(engine, context, shim) as unknown as Record<string, unknown>;
  for (const name of Object.keys(plans) as CallName[]) handler[name] = tableMethod(engine, name);
  for (const name of Object.keys(answers) as AnswerName[]) handler[name] = answerMethod(engine, context, name);
  const complete = handler as unknown as Handler & { syscall: OwnMethods["syscall"] };
  complete.syscall = (platform, registers) => systemCall(complete, platform, registers);
  return Object.freeze(complete);
}
