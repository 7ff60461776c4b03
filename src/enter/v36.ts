/**
 * The contract as posted in "[PATCH v36 21/24] x86/vdso: Implement a vDSO for Intel SGX enclave call" (August 2020):
 * handler of nine parameters, optional exception structure, no pointer for the caller.
 */
import {
  checkAnswer,
  drive,
  EFAULT,
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
import type { EnclaveException } from "./exception.js";

/**
 * A handler of the v36 contract: nine parameters, then the registers, which are what it leaves behind for the next
 * entry. After an exception rdi, rsi, rdx are trap number, error code and address, and `ret` is -14.
 *
 * @param ursp untrusted stack pointer at the exit
 * @param ret 0 after EEXIT, -EFAULT (-14) after an exception: the only sign of one
 * @param exception the caller's structure or null
 * @returns > 0: enter again with that leaf, which is checked; 0: return 0, also after an exception; < 0: return that
 */
export type V36Handler<W extends Word = bigint> = (
  rdi: W,
  rsi: W,
  rdx: W,
  ursp: W,
  r8: W,
  r9: W,
  tcs: W,
  ret: number,
  exception: EnclaveException<W> | null,
  registers: Registers<W>,
) => number;

/** One v36 call in progress. */
export class V36Entry<W extends Word = bigint> extends Entry<W> {
  readonly tcs: W;
  readonly #exception: EnclaveException<W> | null;
  readonly #handler: V36Handler<W> | null;

  constructor(
    registers: Registers<W>,
    tcs: W,
    exception: EnclaveException<W> | null,
    handler: V36Handler<W> | null,
    options: EnterOptions = {},
  ) {
    super(registers, options);
    this.tcs = tcs;
    this.#exception = exception;
    this.#handler = handler;
  }

  begin(leaf: number): Leaf | 0 {
    return isLeaf(leaf) ? leaf : this.finish(-EINVAL);
  }

  turn(exit: Exit<W>): Leaf | 0 {
    const exception = this.#exception;
    let ret = 0;
    if (exit.kind === ExitKind.Exception) {
      if (isSignal(exit.trapnr)) return this.deliver(exit);
      ret = -EFAULT;
      if (exception !== null) record(exception, exit);
    }
    const handler = this.#handler;
    if (handler === null) return this.finish(ret);
    const registers = this.registers;
    const { rdi, rsi, rdx, rsp, r8, r9 } = registers;
    const answer = checkAnswer(handler(rdi, rsi, rdx, rsp, r8, r9, this.tcs, ret, exception, registers));
    registers.rsp = rsp;
    return answer > 0 ? this.begin(answer) : this.finish(answer);
  }
}

function record<W extends Word>(exception: EnclaveException<W>, exit: Exit<W>): void {
  exception.leaf = exit.leaf;
  exception.trapnr = exit.trapnr & 0xffff;
  exception.errorCode = exit.errorCode & 0xffff;
  exception.address = exit.address;
}

/**
 * `__vdso_sgx_enter_enclave` of the v36 posting.
 *
 * @param leaf 2 EENTER or 3 ERESUME; its low 32 bits count
 * @param registers passed to the keep as they are, and filled at each exit
 * @param tcs address of the TCS; not checked here, the CPU does that
 * @param exception filled at an exception, never cleared; null: not wanted
 * @param handler asked at each exit; null: the first exit ends the call
 * @returns 0, -22 (EINVAL) for a leaf outside of 2..3, -14 (EFAULT) for an exception nobody handled, or the handler's
 *   own answer <= 0
 * @throws EnclaveSignal for #DB and #BP without `options.onSignal`; whatever the handler throws, with the TCS idle and
 *   the saved frames kept
 */
export function enterV36<W extends Word>(
  cpu: VirtualCpu<W>,
  leaf: number,
  registers: Registers<W>,
  tcs: W,
  exception: EnclaveException<W> | null = null,
  handler: V36Handler<W> | null = null,
  options: EnterOptions = {},
): number {
  return drive(cpu, new V36Entry(registers, tcs, exception, handler, options), leaf);
}
