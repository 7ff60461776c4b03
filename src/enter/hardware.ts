/**
 * A virtual CPU that is a real one: each entry is one call of the vDSO's function, without a handler of its own, so that
 * every exit comes back to the same loop as anywhere else.
 *
 * This file is pure. The call itself is a {@link NativeEntry}; `openEnclaveEntry` of `postern/enter/hardware` makes one.
 */
import { PosternError } from "../errors.js";
import { Structure, word64 } from "./bytes.js";
import {
  EENTER,
  EEXIT,
  type Entry,
  ERESUME,
  type Exit,
  ExitKind,
  ExitRecord,
  type Leaf,
  type VirtualCpu,
} from "./contract.js";
import { RUN_LAYOUT } from "./run.js";

/** A function with the merged contract in native memory. */
export interface NativeEntry {
  /** rdi, rsi, rdx, r8, r9: in before a call, out after it. */
  readonly registers: BigUint64Array;
  /** `struct sgx_enclave_run`, 256 bytes. */
  readonly run: Uint8Array;
  /** Enters with this leaf and returns what the function returns. */
  call(leaf: number): number;
}

const CROSSING = ["rdi", "rsi", "rdx", "r8", "r9"] as const;

/**
 * The processor behind the vDSO. It blocks its thread while the enclave runs, so it belongs into a worker. `rsp` is not
 * seen: the native function restores it. #DB and #BP are signals of the process and never arrive here.
 */
export class HardwareCpu implements VirtualCpu<bigint> {
  readonly #native: NativeEntry;
  readonly #run: Structure<typeof RUN_LAYOUT>;
  readonly #exit = new ExitRecord<bigint>(0n);

  constructor(native: NativeEntry) {
    this.#native = native;
    this.#run = new Structure(RUN_LAYOUT, native.run);
  }

  enter(leaf: Leaf, entry: Pick<Entry<bigint>, "tcs" | "registers">): Exit<bigint> {
    const { registers } = entry;
    const native = this.#native;
    native.run.fill(0);
    this.#run.set("tcs", entry.tcs);
    CROSSING.forEach((name, index) => {
      native.registers[index] = word64(registers[name], name);
    });
    const result = native.call(leaf);
    if (result !== 0) {
      throw new PosternError("ESYSTEM", `The kernel's enclave entry refused a correct call with ${result}.`, {
        errno: Math.abs(result),
      });
    }
    CROSSING.forEach((name, index) => {
      registers[name] = native.registers[index]!;
    });
    return this.#exitOf(registers);
  }

  #exitOf(registers: Entry<bigint>["registers"]): Exit<bigint> {
    const leaf = Number(this.#run.get("function"));
    if (leaf === EEXIT) return this.#exit.leave(ExitKind.Sally);
    if (leaf !== EENTER && leaf !== ERESUME) {
      throw new PosternError("ESYSTEM", `The kernel's enclave entry reports the unknown function ${leaf}.`);
    }
    // The kernel leaves these registers undefined after an exception; we give them the values of the v36 contract.
    registers.rdi = this.#run.get("exception_vector");
    registers.rsi = this.#run.get("exception_error_code");
    registers.rdx = this.#run.get("exception_addr");
    return this.#exit.except(leaf, Number(registers.rdi), Number(registers.rsi), registers.rdx);
  }
}
