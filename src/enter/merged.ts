/** The contract that was merged (Linux 5.11 and later): one run structure, with a pointer for the caller. */
import {
  checkAnswer,
  drive,
  EENTER,
  EEXIT,
  EINVAL,
  type EnterOptions,
  Entry,
  type Exit,
  ExitKind,
  isLeaf,
  isSignal,
  type Leaf,
  type Registers,
  type VirtualCpu,
  type Word,
} from "./contract.js";
import type { EnclaveRun } from "./run.js";

/** One merged call in progress. */
export class MergedEntry<W extends Word = bigint, Data = unknown> extends Entry<W> {
  tcs: W;
  readonly run: EnclaveRun<W, Data>;

  constructor(registers: Registers<W>, run: EnclaveRun<W, Data>, options: EnterOptions = {}) {
    super(registers, options);
    this.tcs = run.tcs;
    this.run = run;
  }

  /** The function first, then the reserved bytes; then the TCS is read. */
  begin(leaf: number): Leaf | 0 {
    const run = this.run;
    if (!isLeaf(leaf) || run.hasReservedBits()) return this.finish(-EINVAL);
    this.tcs = run.tcs;
    return leaf;
  }

  turn(exit: Exit<W>): Leaf | 0 {
    const { run, registers } = this;
    if (exit.kind === ExitKind.Exception) {
      const leaf = this.raise(exit);
      if (leaf !== 0) return leaf;
    } else run.function = EEXIT;
    const handler = run.userHandler;
    if (handler === null) return this.finish(0);
    const { rsp } = registers;
    const answer = handler(
      registers.rdi,
      registers.rsi,
      registers.rdx,
      rsp,
      registers.r8,
      registers.r9,
      run,
      registers,
    );
    registers.rsp = rsp;
    // The usual answer, for which nothing else needs to be looked at.
    if (answer !== EENTER || run.hasReservedBits()) return this.next(answer);
    this.tcs = run.tcs;
    return EENTER;
  }

  private next(answer: number): Leaf | 0 {
    const checked = checkAnswer(answer);
    return checked > 0 ? this.begin(checked) : this.finish(checked);
  }

  /** Notes an exception for the handler; a signal is delivered instead. @returns the leaf after a signal, else 0 */
  private raise(exit: Exit<W>): Leaf | 0 {
    if (isSignal(exit.trapnr)) return this.deliver(exit);
    const { run } = this;
    run.function = exit.leaf;
    run.exceptionVector = exit.trapnr & 0xffff;
    run.exceptionErrorCode = exit.errorCode & 0xffff;
    run.exceptionAddress = exit.address;
    return 0;
  }
}

/**
 * `__vdso_sgx_enter_enclave` as merged.
 *
 * Returns 0 also after an exception that no handler saw: test `run.function === 4`. Nothing in `run` is ever cleared.
 *
 * @param leaf 2 EENTER or 3 ERESUME; its low 32 bits count
 * @param registers passed to the keep as they are, and filled at each exit
 * @param run TCS, handler and user data in; function and exception out
 * @returns 0, -22 (EINVAL) for a leaf outside of 2..3 or a reserved byte that is not zero (checked before each entry),
 *   or the handler's own answer <= 0
 * @throws EnclaveSignal for #DB and #BP without `options.onSignal`; whatever the handler throws, with the TCS idle and
 *   the saved frames kept
 */
export function enterMerged<W extends Word, Data>(
  cpu: VirtualCpu<W>,
  leaf: number,
  registers: Registers<W>,
  run: EnclaveRun<W, Data>,
  options: EnterOptions = {},
): number {
  return drive(cpu, new MergedEntry(registers, run, options), leaf);
}
