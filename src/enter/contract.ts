/**
 * What every way into a keep has in common: leaves, registers, exits, the virtual CPU, and the loop that drives it.
 *
 * Both versions of the contract (`v36.ts`, `merged.ts`) are an {@link Entry}: one call in progress, which says after
 * each exit what comes next. A CPU that can leave the keep and come back later returns its exit and lets {@link drive}
 * ask. A CPU whose exit is a function call that has to return (a Wasm import) asks the entry itself, from inside.
 * Either way an exit costs a call, and nothing is allocated for it.
 */
import { PosternError } from "../errors.js";

/** ENCLU leaves that matter to a caller (SDM volume 3D). */
export const EENTER = 2;
export const ERESUME = 3;
export const EEXIT = 4;

/** Linux error numbers the contract answers with, negated. */
export const EPERM = 1;
export const EFAULT = 14;
export const EINVAL = 22;
export const EPROTO = 71;

/** Trap numbers this part names. */
export const Trap = {
  DE: 0,
  DB: 1,
  BP: 3,
  BR: 5,
  UD: 6,
  DF: 8,
  GP: 13,
  PF: 14,
  MF: 16,
  AC: 17,
  MC: 18,
  XM: 19,
  CP: 21,
};

/** The leaves by which a keep can be entered. */
export type Leaf = typeof EENTER | typeof ERESUME;

/** A 64-bit register value: BigInt where all 64 bits matter, a number where a backend needs no more than 53. */
export type Word = bigint | number;

/**
 * The registers that cross the gate. One object for a whole call: the CPU fills it at an exit and reads it at the next
 * entry, so a handler answers by writing into it.
 */
export interface Registers<W extends Word = bigint> {
  rdi: W;
  rsi: W;
  rdx: W;
  r8: W;
  r9: W;
  /** Untrusted stack pointer. The enclave may move it; a handler cannot (it is put back when the handler returns). */
  rsp: W;
}

/** Registers for an entry; what is not given is 0. */
export function createRegisters(values: Partial<Registers> = {}): Registers {
  const { rdi = 0n, rsi = 0n, rdx = 0n, r8 = 0n, r9 = 0n, rsp = 0n } = values;
  return { rdi, rsi, rdx, r8, r9, rsp };
}

/** Why control came out. */
export const ExitKind = {
  /** On purpose (EEXIT): the keep wants something; the registers say what. */
  Sally: 0,
  /** On purpose (EEXIT), and the program is over: rdi is 0 and r8 its status. To the contract the same as a sally. */
  Finish: 1,
  /** By a fault, inside (leaf 3) or on the entering instruction itself (leaf 2, or 3 for a failed ERESUME). */
  Exception: 2,
} as const;

/** One of {@link ExitKind}. */
export type ExitKind = (typeof ExitKind)[keyof typeof ExitKind];

/** One exit. A CPU owns one record and uses it again and again: read it before you enter again. */
export interface Exit<W extends Word = bigint> {
  readonly kind: ExitKind;
  /** Exceptions: EAX at the trap. */
  readonly leaf: number;
  /** Exceptions: trap number. */
  readonly trapnr: number;
  /** Exceptions: error code, 32 bits. */
  readonly errorCode: number;
  /** Exceptions: fault address as the kernel reports it (#PF only, else 0). */
  readonly address: W;
}

/** The reusable exit record of a CPU. */
export class ExitRecord<W extends Word = bigint> implements Exit<W> {
  kind: ExitKind = ExitKind.Sally;
  leaf = 0;
  trapnr = 0;
  errorCode = 0;
  address: W;

  /** @param zero the CPU's zero: `0n` or `0` */
  constructor(zero: W) {
    this.address = zero;
  }

  /** An exit on purpose. */
  leave(kind: typeof ExitKind.Sally | typeof ExitKind.Finish): this {
    this.kind = kind;
    return this;
  }

  /** An exit by a fault. */
  except(leaf: number, trapnr: number, errorCode: number, address: W): this {
    this.kind = ExitKind.Exception;
    this.leaf = leaf;
    this.trapnr = trapnr;
    this.errorCode = errorCode;
    this.address = address;
    return this;
  }
}

/**
 * What can run a keep: hardware behind the vDSO, the software enclave, a Wasm instance.
 *
 * `enter` performs one ENCLU with `leaf` on `entry.tcs` and runs until the next exit that the caller may see. It leaves
 * in `entry.registers` what the contract promises: at EEXIT the keep's values; at an exception trap number, error code
 * and address in rdi, rsi, rdx, and 0 in r8, r9 if the keep was running (unchanged if it was never entered). Interrupts
 * stay inside of the CPU. #DB and #BP are reported as exceptions: the entry makes signals of them.
 *
 * A CPU whose exits are calls on its own stack passes each to `entry.turn(exit)` itself, goes on as that answers, and
 * returns `null` once it answered 0.
 */
export interface VirtualCpu<W extends Word = bigint> {
  enter(leaf: Leaf, entry: Entry<W>): Exit<W> | null;
}

/** What a SIGTRAP handler hears about #DB and #BP. */
export interface TrapSignal {
  readonly signal: "SIGTRAP";
  readonly trapnr: number;
}

/** Disposition of SIGTRAP. If it returns, the keep is resumed where it stopped; it may throw. */
export type SignalHandler = (signal: TrapSignal) => void;

/** Settings of a call that are no part of the contract itself. */
export interface EnterOptions {
  /** What happens on #DB and #BP. Absent: the call ends with an {@link EnclaveSignal}. */
  readonly onSignal?: SignalHandler | undefined;
}

/** Thrown out of a call in which #DB or #BP was raised and nobody handles SIGTRAP. The frame stays saved. */
export class EnclaveSignal extends PosternError implements TrapSignal {
  readonly signal = "SIGTRAP";
  readonly trapnr: number;

  constructor(trapnr: number) {
    const name = trapnr === Trap.DB ? "#DB" : "#BP";
    super("ESTOPPED", `The keep raised ${name}, which is SIGTRAP and no exception; pass onSignal to go on after it.`);
    this.trapnr = trapnr;
  }
}

/** One call of the contract in progress. */
export abstract class Entry<W extends Word = bigint> {
  /** TCS of the entry that is under way (RBX); changes only where a handler asked for a new entry. */
  abstract readonly tcs: W;
  readonly registers: Registers<W>;
  /** What the call returns, once it is over. */
  result = 0;
  /** True once {@link turn} or {@link begin} answered 0. */
  over = false;
  readonly #onSignal: SignalHandler | undefined;

  constructor(registers: Registers<W>, options: EnterOptions) {
    this.registers = registers;
    this.#onSignal = options.onSignal;
  }

  /** The checks before ENCLU. @returns the leaf to perform, or 0: over */
  abstract begin(leaf: number): Leaf | 0;

  /** Takes one exit. @returns the leaf to perform next, or 0: over. Throws what the handler throws. */
  abstract turn(exit: Exit<W>): Leaf | 0;

  /** Ends the call. */
  protected finish(result: number): 0 {
    this.result = result;
    this.over = true;
    return 0;
  }

  /** #DB or #BP: returns the leaf with which execution goes on at the AEP, where no check is made again. */
  protected deliver(exit: Exit<W>): Leaf {
    const { trapnr, leaf } = exit;
    if (this.#onSignal === undefined) {
      this.over = true;
      throw new EnclaveSignal(trapnr);
    }
    this.#onSignal({ signal: "SIGTRAP", trapnr });
    return leaf === EENTER ? EENTER : ERESUME;
  }
}

/** The unsigned 32-bit compare of the contract: the upper half of RCX is ignored, 0xffffffff is too big. */
export function isLeaf(leaf: number): leaf is Leaf {
  return leaf === EENTER || leaf === ERESUME;
}

/** A leaf argument as ECX. */
export function leafArgument(leaf: number): number {
  if (!Number.isSafeInteger(leaf)) {
    throw new PosternError("EINVALIDARGUMENT", "The leaf must be an integer: 2 to enter, 3 to resume.");
  }
  return leaf >>> 0;
}

/** A handler's answer as the contract sees it: a signed 32-bit integer. A handler cannot be asynchronous. */
export function checkAnswer(answer: number): number {
  const integer = answer | 0;
  if (integer !== answer) {
    throw new PosternError(
      "EINVALIDARGUMENT",
      "The exit handler must answer at once with a 32-bit integer: a leaf (> 0), 0 to return, or a negative error.",
    );
  }
  return integer;
}

/** True for the two traps which are signals and never come back as exceptions. */
export function isSignal(trapnr: number): boolean {
  return trapnr === Trap.DB || trapnr === Trap.BP;
}

/** The loop: enters, lets the entry take the exit, and again, until it is over. */
export function drive<W extends Word>(cpu: VirtualCpu<W>, entry: Entry<W>, leaf: number): number {
  const { registers } = entry;
  const rsp = registers.rsp;
  try {
    let next = entry.begin(leafArgument(leaf));
    while (next !== 0) {
      const exit = cpu.enter(next, entry);
      if (exit === null) break;
      next = entry.turn(exit);
    }
  } finally {
    registers.rsp = rsp;
  }
  if (!entry.over) throw new PosternError("EBADPROGRAM", "The virtual CPU gave up a call that was not over.");
  return entry.result;
}
