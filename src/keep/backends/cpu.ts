/**
 * The virtual CPU of a WebAssembly program. Frame 0 is the program itself; frame 1 is its exception entry, if it exports
 * one. A trap unwinds the program's stack, so what was on frame 0 is dead: ERESUME there is #GP.
 */
import { EENTER, ERESUME } from "../../enter/contract.js";
import { InlineCpu, type InlineTrap } from "../../enter/inline.js";

/** A program's exception entry. The address has 64 bits: that of a memory fault lies above 2^32. */
export type ExceptionEntry = (vector: number, code: number, address: bigint) => unknown;

/** What makes a program a virtual CPU. */
export interface ProgramCpuOptions {
  /** Number of its virtual TCS. */
  readonly tcs: number;
  /** Runs the program to its end. @returns its status */
  readonly program: (cpu: InlineCpu<number>) => number;
  /** The program's exception entry; undefined when it has none, or is not there yet. */
  readonly exceptionEntry: () => ExceptionEntry | undefined;
  /** What trap an error is, or null. Asked once for each trap. */
  readonly trapOf: (error: unknown) => InlineTrap<number> | null;
}

/** Makes the virtual CPU of a program. Its words are numbers. */
export function createProgramCpu(options: ProgramCpuOptions): InlineCpu<number> {
  const { tcs, program, exceptionEntry, trapOf } = options;
  return new InlineCpu<number>({
    tcs,
    word: (value) => value,
    program,
    trapOf,
    crash: (_cpu, { trapnr, errorCode, address }) => void exceptionEntry()?.(trapnr, errorCode, BigInt(address)),
  });
}

/** What a handler answers to the exceptions of one call: the program's exception entry is run once, at the first. */
export class ExceptionAnswers {
  /** The exception entry was entered: an exit on purpose that is no sally is its return. */
  entered = false;

  /** @param leaf `function` of the run structure @returns what the handler answers */
  answer(leaf: number, entry: ExceptionEntry | undefined): number {
    // Leaf 3 is also what resuming the dead frame gives, after the entry has returned.
    if (leaf !== ERESUME || this.entered || entry === undefined) return 0;
    this.entered = true;
    return EENTER;
  }
}
