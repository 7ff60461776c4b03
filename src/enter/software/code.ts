/** What runs inside of a software enclave: code that is asked at each arrival what happens next. */
import { PosternError } from "../../errors.js";
import { word64 } from "../bytes.js";
import { EENTER, ERESUME, type Leaf } from "../contract.js";
import type { EnclaveFault } from "./memory.js";
import type { EnclaveThread } from "./thread.js";

/** Values an enclave shows at an exit; what it does not name it clears. RSP stays where it is unless named. */
export interface ExitRegisters {
  readonly rdi?: bigint | undefined;
  readonly rsi?: bigint | undefined;
  readonly rdx?: bigint | undefined;
  readonly r8?: bigint | undefined;
  readonly r9?: bigint | undefined;
  readonly rsp?: bigint | undefined;
}

/** EEXIT. `target`: where to, the address found in RCX at entry unless the enclave is up to something. */
export interface EnclaveExit {
  readonly kind: "exit";
  readonly registers: ExitRegisters;
  readonly target?: bigint | undefined;
}

/** EEXIT of a program that is over: rdi 0, r8 its status. */
export interface EnclaveFinish {
  readonly kind: "finish";
  readonly status: bigint;
}

/** An interrupt arrives: the CPU leaves and comes back, and nobody hears of it. */
export interface EnclaveInterrupt {
  readonly kind: "interrupt";
}

/** What can happen inside. */
export type EnclaveEvent = EnclaveExit | EnclaveFinish | EnclaveInterrupt | EnclaveFault;

/** Leaves with these registers. */
export function exit(registers: ExitRegisters = {}, target?: bigint): EnclaveExit {
  return { kind: "exit", registers, target };
}

/** An interrupt at this point. */
export const interrupt: EnclaveInterrupt = { kind: "interrupt" };

/** Code inside, in its plainest form. */
export interface EnclaveCode {
  /** Execution arrives, by EENTER at the entry point or by ERESUME where frame `thread.cssa` was saved. */
  arrive(thread: EnclaveThread): EnclaveEvent;
  /** False if the state in `frame` is lost, so that ERESUME must fail. Absent: every frame can be resumed. */
  canResume?(thread: EnclaveThread, frame: number): boolean;
}

/**
 * Code as a generator: it yields its exits and goes on where it yielded. An exit goes on at the next EENTER at the same
 * depth, a fault at the ERESUME of its frame. Returning is the end of the program, with a status.
 */
// biome-ignore lint/suspicious/noConfusingVoidType: a generator without a return statement has this type
export type EnclaveGenerator = Generator<EnclaveEvent, bigint | number | undefined | void, void>;

/** What may be given as code. A function that returns an event is asked at every arrival. */
export type EnclaveProgram = EnclaveCode | ((thread: EnclaveThread) => EnclaveGenerator | EnclaveEvent);

/** A generator that waits, and for what. */
interface Suspended {
  readonly generator: EnclaveGenerator;
  readonly leaf: Leaf;
}

/** Makes code of whatever was given. */
export function toCode(program: EnclaveProgram): EnclaveCode {
  return typeof program === "function" ? new FunctionCode(program) : program;
}

class FunctionCode implements EnclaveCode {
  readonly #program: (thread: EnclaveThread) => EnclaveGenerator | EnclaveEvent;
  /** By thread: what waits at each depth. Also tells that an arrival at a depth is handled by a plain function. */
  readonly #waiting = new WeakMap<EnclaveThread, (Suspended | null)[]>();
  #plain = false;

  constructor(program: (thread: EnclaveThread) => EnclaveGenerator | EnclaveEvent) {
    this.#program = program;
  }

  canResume(thread: EnclaveThread, frame: number): boolean {
    return this.#plain || this.#slots(thread)[frame]?.leaf === ERESUME;
  }

  arrive(thread: EnclaveThread): EnclaveEvent {
    const slots = this.#slots(thread);
    const depth = thread.cssa;
    const waiting = slots[depth] ?? null;
    slots[depth] = null;
    const generator = waiting?.leaf === thread.leaf ? waiting.generator : this.#start(thread);
    if (!isGenerator(generator)) return generator;
    const { done, value } = generator.next();
    if (done) return { kind: "finish", status: word64(value ?? 0, "The exit status") };
    if (value?.kind !== "finish") slots[depth] = { generator, leaf: value?.kind === "exit" ? EENTER : ERESUME };
    return value;
  }

  #start(thread: EnclaveThread): EnclaveGenerator | EnclaveEvent {
    const started = this.#program(thread);
    if (!isGenerator(started)) this.#plain = true;
    return started;
  }

  #slots(thread: EnclaveThread): (Suspended | null)[] {
    let slots = this.#waiting.get(thread);
    if (slots === undefined) {
      slots = [];
      this.#waiting.set(thread, slots);
    }
    return slots;
  }
}

function isGenerator(value: EnclaveGenerator | EnclaveEvent): value is EnclaveGenerator {
  return typeof (value as EnclaveGenerator | undefined)?.next === "function";
}

const EXIT_REGISTERS = ["rdi", "rsi", "rdx", "r8", "r9", "rsp"] as const;

/** Refuses what is no event, before it changes anything. */
export function checkEvent(event: EnclaveEvent): EnclaveEvent {
  switch (event?.kind) {
    case "exit":
      if (typeof event.registers !== "object" || event.registers === null) {
        throw new PosternError("EBADPROGRAM", "The enclave's code left without registers.");
      }
      for (const name of EXIT_REGISTERS) checkWord(event.registers[name], name);
      checkWord(event.target, "target");
      return event;
    case "finish":
      checkWord(event.status, "status");
      return event;
    case "interrupt":
      return event;
    case "fault":
      checkInteger(event.vector, 0xff, "vector");
      checkInteger(event.errorCode, 0xffff_ffff, "error code");
      if (typeof event.address !== "bigint") throw noWord(event.address, "address");
      return event;
    default:
      throw new PosternError("EBADPROGRAM", "The enclave's code gave something that is no exit, fault or interrupt.");
  }
}

function checkWord(value: unknown, name: string): void {
  if (value !== undefined && typeof value !== "bigint") throw noWord(value, name);
}

function noWord(value: unknown, name: string): PosternError {
  const message = `The enclave's code gave ${value === undefined ? "nothing" : `a ${typeof value}`} as ${name}; it must be a BigInt.`;
  return new PosternError("EBADPROGRAM", message);
}

function checkInteger(value: number, largest: number, name: string): void {
  if (Number.isInteger(value) && value >= 0 && value <= largest) return;
  throw new PosternError("EBADPROGRAM", `The enclave's code gave ${String(value)} as ${name}; at most ${largest}.`);
}
