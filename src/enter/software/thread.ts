/** A thread of a software enclave: its TCS, its frames, and what its code may do. */
import type { Structure } from "../bytes.js";
import { EENTER, type Leaf } from "../contract.js";
import type { EnclaveEvent } from "./code.js";
import type { SoftwareEnclave } from "./enclave.js";
import type { EXINFO_LAYOUT, GPRSGX_LAYOUT, TCS_LAYOUT } from "./layout.js";
import { EnclaveFault } from "./memory.js";
import type { RegisterFile } from "./registers.js";

/** One saved state. */
export interface SsaFrame {
  readonly gpr: Structure<typeof GPRSGX_LAYOUT>;
  readonly exinfo: Structure<typeof EXINFO_LAYOUT>;
}

/** What code inside sees of the thread it runs on. The same object at each arrival on one TCS. */
export class EnclaveThread {
  readonly enclave: SoftwareEnclave;
  /** Address of the TCS. */
  readonly address: bigint;
  readonly tcs: Structure<typeof TCS_LAYOUT>;
  /** How execution arrived last. */
  leaf: Leaf = EENTER;
  /** The processor's registers. Valid while code runs; what they hold at an exit goes out. */
  registers: RegisterFile;

  constructor(enclave: SoftwareEnclave, address: bigint, tcs: Structure<typeof TCS_LAYOUT>, registers: RegisterFile) {
    this.enclave = enclave;
    this.address = address;
    this.tcs = tcs;
    this.registers = registers;
  }

  /** Depth: how many frames of this thread are saved. */
  get cssa(): number {
    return Number(this.tcs.get("cssa"));
  }

  /** True while a processor is inside on this TCS. */
  get busy(): boolean {
    return this.tcs.get("state") !== 0n;
  }

  /** A saved frame. The one an exception handler inside looks at is `cssa - 1`. @throws EnclaveFault if not there */
  frame(index: number): SsaFrame {
    return this.enclave.frame(this, index);
  }

  /** Reads enclave memory with the enclave's own rights. @throws EnclaveFault, which is an exception of this thread */
  read(address: bigint, length: number): Uint8Array {
    return this.enclave.memory.read(address, length);
  }

  /** Writes enclave memory. @throws EnclaveFault */
  write(address: bigint, bytes: Uint8Array): void {
    this.enclave.memory.write(address, bytes);
  }

  /**
   * Does something that may fault, the way an instruction does: a fault leaves the enclave, and once this thread is
   * resumed the access is tried again, unless whoever repaired it moved the saved rip: then it is skipped.
   *
   * @returns what `access` returned, or `undefined` if it was skipped
   */
  *attempt<Result>(access: () => Result): Generator<EnclaveEvent, Result | undefined, void> {
    for (;;) {
      try {
        return access();
      } catch (error) {
        if (!(error instanceof EnclaveFault)) throw error;
        const { rip } = this.registers;
        yield error;
        if (this.registers.rip !== rip) return undefined;
      }
    }
  }
}
