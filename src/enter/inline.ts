/**
 * A virtual CPU for programs whose way out is a function call that has to return: a Wasm instance and its imports.
 *
 * The program keeps its stack at a sally, so the CPU cannot return its exit to the loop. It hands the exit to the entry
 * itself and goes on, or unwinds, as that answers. A sally costs two calls and allocates nothing.
 */
import { PosternError } from "../errors.js";
import {
  EENTER,
  type Entry,
  ERESUME,
  type Exit,
  ExitKind,
  ExitRecord,
  type Leaf,
  type Registers,
  Trap,
  type VirtualCpu,
  type Word,
} from "./contract.js";

/** #PF of ENCLU for what is no TCS: present, user, refused by the enclave's rules. */
const NOT_A_TCS = 0x8005;

/** A trap of the program, in the terms of the contract. */
export interface InlineTrap<W extends Word> {
  readonly trapnr: number;
  readonly errorCode: number;
  /** For #PF only, rounded down to a page. */
  readonly address: W;
}

/** What makes a program an inline CPU. */
export interface InlineOptions<W extends Word> {
  /** The number of its one virtual TCS. */
  readonly tcs: W;
  /** Makes a word of a small number. */
  readonly word: (value: number) => W;
  /** Runs the program to its end, with {@link InlineCpu.sally} as its way out. @returns its exit status */
  readonly program: (cpu: InlineCpu<W>) => W;
  /** What trap an error of the program is; null: none, it passes through to the caller. */
  readonly trapOf: (error: unknown) => InlineTrap<W> | null;
  /** Runs at an EENTER after a trap, on the second frame. Absent: there is no second frame. */
  readonly crash?: (cpu: InlineCpu<W>, trap: InlineTrap<W>) => void;
}

/** Thrown through the program's frames once the call is over. */
class Unwind extends Error {
  override readonly name = "Unwind";
}

/** A program on the caller's own stack as a virtual CPU. A trap is final: its frame cannot be resumed. */
export class InlineCpu<W extends Word> implements VirtualCpu<W> {
  /** Registers of the entry under way: the program writes them before a sally and reads the answer after it. */
  registers!: Registers<W>;
  readonly tcs: W;
  private readonly options: InlineOptions<W>;
  private readonly zero: W;
  private readonly record: ExitRecord<W>;
  private readonly sallied: Exit<W>;
  private readonly unwind = new Unwind("the keep is stopped");
  /** The call under way; null while nobody is inside, and once the call is over. */
  private entry: Entry<W> | null = null;
  private inside = false;
  /** What a handler threw: it reaches the caller even if the program catches it on its way. */
  private failure: { readonly error: unknown } | null = null;
  private lastTrap: InlineTrap<W> | null = null;
  private traps = 0;

  constructor(options: InlineOptions<W>) {
    this.options = options;
    this.tcs = options.tcs;
    this.zero = options.word(0);
    this.record = new ExitRecord(this.zero);
    this.sallied = new ExitRecord(this.zero).leave(ExitKind.Sally);
  }

  /** Number of traps that were not resumed: CSSA. */
  get depth(): number {
    return this.traps;
  }

  /**
   * The program's way out: the registers say what it wants, and hold the answer when this returns. Does not return once
   * the call is over, and never again after that.
   */
  sally(): void {
    const { entry } = this;
    if (entry === null) throw this.unwind;
    try {
      const leaf = entry.turn(this.sallied);
      if (leaf !== EENTER || entry.tcs !== this.tcs) this.refuse(entry, leaf);
    } catch (error) {
      throw this.end(error);
    }
  }

  /** The call is over: a handler ended it, or threw. @returns what unwinds the program's frames */
  private end(error: unknown): unknown {
    this.entry = null;
    if (error !== this.unwind) this.failure = { error };
    return error;
  }

  /**
   * A handler asked for what this CPU cannot do at a sally: ENCLU faults until it asks for something else.
   * @throws Unwind once it asked for nothing more
   */
  private refuse(entry: Entry<W>, asked: Leaf | 0): void {
    let leaf = asked;
    while (leaf !== EENTER || entry.tcs !== this.tcs) {
      if (leaf === 0) throw this.unwind;
      leaf = entry.turn(this.entryFault(leaf, entry));
    }
  }

  /** ENCLU itself faults: the keep was not entered; r8 and r9 keep their values. */
  private entryFault(leaf: Leaf, entry: Pick<Entry<W>, "tcs" | "registers">): Exit<W> {
    const isTcs = entry.tcs === this.tcs;
    return this.except(
      entry.registers,
      leaf,
      isTcs
        ? { trapnr: Trap.GP, errorCode: 0, address: this.zero }
        : { trapnr: Trap.PF, errorCode: NOT_A_TCS, address: entry.tcs },
    );
  }

  private except(registers: Registers<W>, leaf: Leaf, trap: InlineTrap<W>): Exit<W> {
    const { word } = this.options;
    registers.rdi = word(trap.trapnr);
    registers.rsi = word(trap.errorCode);
    registers.rdx = trap.address;
    return this.record.except(leaf, trap.trapnr, trap.errorCode, trap.address);
  }

  enter(leaf: Leaf, entry: Entry<W>): Exit<W> | null {
    const frames = this.options.crash === undefined ? 1 : 2;
    // Nothing can be resumed: a trap unwinds the program's stack, so its frame is dead.
    if (entry.tcs !== this.tcs || this.inside || leaf === ERESUME || this.traps >= frames) {
      return this.entryFault(leaf, entry);
    }
    this.inside = true;
    this.entry = entry;
    this.failure = null;
    this.registers = entry.registers;
    const ended = this.run();
    this.inside = false;
    this.entry = null;
    // How the call ended at a sally counts, whatever the program made of it since.
    this.rethrow();
    if (entry.over) return null;
    return "error" in ended ? this.trapped(entry.registers, ended.error) : this.finish(entry.registers, ended.status);
  }

  private rethrow(): void {
    if (this.failure !== null) throw this.failure.error;
  }

  private run(): { readonly status: W } | { readonly error: unknown } {
    try {
      if (this.traps === 0) return { status: this.options.program(this) };
      this.options.crash!(this, this.lastTrap!);
      return { status: this.zero };
    } catch (error) {
      return { error };
    }
  }

  private finish(registers: Registers<W>, status: W): Exit<W> {
    registers.rdi = this.zero;
    registers.rsi = this.zero;
    registers.rdx = this.zero;
    registers.r8 = status;
    registers.r9 = this.zero;
    return this.record.leave(this.traps === 0 ? ExitKind.Finish : ExitKind.Sally);
  }

  private trapped(registers: Registers<W>, error: unknown): Exit<W> {
    const trap = this.options.trapOf(error);
    if (trap === null) throw error;
    if (!Number.isInteger(trap.trapnr) || trap.trapnr < 0 || trap.trapnr > 0xff) {
      throw new PosternError("EBADPROGRAM", `The program's trap has no vector: ${String(trap.trapnr)}.`, {
        cause: error,
      });
    }
    this.lastTrap = trap;
    this.traps++;
    registers.r8 = this.zero;
    registers.r9 = this.zero;
    return this.except(registers, ERESUME, trap);
  }
}
