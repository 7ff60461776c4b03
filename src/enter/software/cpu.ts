/** A logical processor in software: EENTER, EEXIT, AEX, ERESUME, and the kernel's fix-up of a fault on ENCLU. */
import { PosternError } from "../../errors.js";
import { word64 } from "../bytes.js";
import {
  EENTER,
  type Entry,
  ERESUME,
  type Exit,
  ExitKind,
  ExitRecord,
  isSignal,
  type Leaf,
  Trap,
  type VirtualCpu,
} from "../contract.js";
import { checkEvent, type EnclaveEvent, type EnclaveExit } from "./code.js";
import type { SoftwareEnclave } from "./enclave.js";
import { Attribute, DBGOPTIN, exitInfo, MiscSelect, PAGE_BYTES } from "./layout.js";
import { EnclaveFault, PageFault } from "./memory.js";
import { RegisterFile } from "./registers.js";
import type { EnclaveThread, SsaFrame } from "./thread.js";

/** Length of the ENCLU instruction, 0F 01 D7. */
export const ENCLU_BYTES = 3n;

/** Where ENCLU stands unless the caller says otherwise: any address outside of the enclave. */
const AEP_DEFAULT = 0x7fff_f7fc_91f7n;

/** Interrupts within one entry before we take the code for one that never gets on. */
export const INTERRUPTS_MAX = 1_000_000;

/** Settings of a processor. */
export interface SoftwareCpuOptions {
  /** Address of the ENCLU instruction, which is also where asynchronous exits return to. */
  readonly aep?: bigint;
  /** Extended state the processor has; 7, which is x87, SSE and AVX. */
  readonly xcr0?: bigint;
  /** Interrupts in one entry before it is given up with ERESOURCE; {@link INTERRUPTS_MAX}. */
  readonly interruptsMax?: number;
}

const CROSSING = ["rdi", "rsi", "rdx", "r8", "r9", "rsp"] as const;

/** One logical processor. It runs one enclave; several may run the same. */
export class SoftwareCpu implements VirtualCpu<bigint> {
  readonly enclave: SoftwareEnclave;
  readonly aep: bigint;
  readonly xcr0: bigint;
  /** All registers, those included which the contract does not name (R10 to R15, RBP, flags). */
  readonly state = new RegisterFile();
  readonly #exit = new ExitRecord<bigint>(0n);
  readonly #interruptsMax: number;
  #inside = false;
  /** FS and GS base of the host while inside. */
  #hostBases = { fsbase: 0n, gsbase: 0n };

  constructor(enclave: SoftwareEnclave, options: SoftwareCpuOptions = {}) {
    this.enclave = enclave;
    this.aep = word64(options.aep ?? AEP_DEFAULT, "The AEP");
    this.xcr0 = options.xcr0 ?? 7n;
    this.#interruptsMax = options.interruptsMax ?? INTERRUPTS_MAX;
  }

  /** One ENCLU, and everything until the next exit that is not an interrupt. */
  enter(leaf: Leaf, entry: Pick<Entry<bigint>, "tcs" | "registers">): Exit<bigint> {
    const { registers } = entry;
    const tcs = checkBigInt(entry.tcs, "The TCS address");
    if (this.#inside) {
      const exit = this.#exit.except(leaf, Trap.GP, 0, 0n);
      [registers.rdi, registers.rsi, registers.rdx] = [BigInt(Trap.GP), 0n, 0n];
      return exit;
    }
    const { state } = this;
    for (const name of CROSSING) state[name] = checkBigInt(registers[name], name);
    state.rax = BigInt(leaf);
    state.rbx = tcs;
    state.rcx = this.aep;
    state.rip = this.aep;
    try {
      return this.#enclu(leaf, tcs);
    } finally {
      for (const name of CROSSING) registers[name] = state[name];
    }
  }

  #enclu(leaf: Leaf, tcs: bigint): Exit<bigint> {
    let asked = leaf;
    for (let interrupts = 1; ; interrupts++) {
      const thread = this.#arrive(asked, tcs);
      if (thread instanceof EnclaveFault) return this.#fixUp(asked, thread, thread.address);
      const event = this.#runInside(thread);
      if (event.kind === "exit") return this.#eexit(thread, event);
      if (event.kind === "finish") {
        return this.#eexit(thread, { kind: "exit", registers: { r8: event.status } }, ExitKind.Finish);
      }
      if (event.kind === "fault") return this.#exception(thread, event);
      this.#aex(thread, null);
      if (interrupts > this.#interruptsMax) {
        throw new PosternError(
          "ERESOURCE",
          `The enclave was interrupted more than ${this.#interruptsMax} times in one entry.`,
        );
      }
      asked = ERESUME;
    }
  }

  /** EENTER or ERESUME: the checks, then the state inside. @returns the thread, or the fault of ENCLU itself */
  #arrive(leaf: Leaf, tcs: bigint): EnclaveThread | EnclaveFault {
    try {
      const thread = this.#checkThread(tcs);
      if (leaf === EENTER) this.#eenter(thread);
      else this.#eresume(thread);
      thread.leaf = leaf;
      thread.registers = this.state;
      thread.tcs.set("state", 1n);
      thread.tcs.set("aep", this.aep);
      return thread;
    } catch (error) {
      if (error instanceof EnclaveFault) return error;
      throw error;
    }
  }

  /** What EENTER and ERESUME check alike, in the order of the manual. */
  #checkThread(tcs: bigint): EnclaveThread {
    const { enclave, xcr0 } = this;
    if (tcs % BigInt(PAGE_BYTES) !== 0n) throw new EnclaveFault(Trap.GP);
    const thread = enclave.thread(tcs);
    if (thread === undefined) {
      throw new EnclaveFault(Trap.PF, PageFault.SGX | PageFault.P | PageFault.U, tcs);
    }
    const refused =
      !enclave.initialised ||
      (enclave.attributes & Attribute.MODE64BIT) === 0n ||
      (enclave.xfrm & ~xcr0) !== 0n ||
      thread.busy ||
      (thread.tcs.get("flags") & ~DBGOPTIN) !== 0n;
    if (refused) throw new EnclaveFault(Trap.GP);
    return thread;
  }

  #eenter(thread: EnclaveThread): void {
    const { state } = this;
    const { cssa, tcs } = thread;
    if (cssa >= Number(tcs.get("nssa"))) throw new EnclaveFault(Trap.GP);
    const { gpr } = thread.frame(cssa);
    gpr.set("ursp", state.rsp);
    gpr.set("urbp", state.rbp);
    state.rax = BigInt(cssa);
    state.rcx = this.aep + ENCLU_BYTES;
    state.rip = this.enclave.base + tcs.get("oentry");
    this.#swapBases(this.enclave.base + tcs.get("ofsbase"), this.enclave.base + tcs.get("ogsbase"));
  }

  #eresume(thread: EnclaveThread): void {
    const frame = thread.cssa - 1;
    if (frame < 0) throw new EnclaveFault(Trap.GP);
    if (this.enclave.code.canResume?.(thread, frame) === false) throw new EnclaveFault(Trap.GP);
    const { gpr } = thread.frame(frame);
    this.#swapBases(0n, 0n);
    this.state.restore(gpr);
    thread.tcs.set("cssa", frame);
  }

  #swapBases(fsbase: bigint, gsbase: bigint): void {
    const { state } = this;
    this.#hostBases = { fsbase: state.fsbase, gsbase: state.gsbase };
    state.fsbase = BigInt.asUintN(64, fsbase);
    state.gsbase = BigInt.asUintN(64, gsbase);
  }

  /** Lets the code inside run until something happens. An error of the code itself leaves the TCS idle and passes. */
  #runInside(thread: EnclaveThread): EnclaveEvent {
    this.#inside = true;
    try {
      return checkEvent(this.#arriveInside(thread));
    } catch (error) {
      this.#leave(thread);
      throw error;
    } finally {
      this.#inside = false;
    }
  }

  #arriveInside(thread: EnclaveThread): EnclaveEvent {
    try {
      return this.enclave.code.arrive(thread);
    } catch (error) {
      if (error instanceof EnclaveFault) return error;
      throw error;
    }
  }

  #leave(thread: EnclaveThread): void {
    thread.tcs.set("state", 0n);
    this.state.fsbase = this.#hostBases.fsbase;
    this.state.gsbase = this.#hostBases.gsbase;
  }

  #eexit(thread: EnclaveThread, event: EnclaveExit, kind: 0 | 1 = ExitKind.Sally): Exit<bigint> {
    const { state } = this;
    const back = this.aep + ENCLU_BYTES;
    const target = event.target ?? back;
    this.#leave(thread);
    for (const name of CROSSING) {
      const value = event.registers[name] ?? (name === "rsp" ? state.rsp : 0n);
      state[name] = BigInt.asUintN(64, value);
    }
    state.rax = 4n;
    state.rbx = target;
    state.rcx = this.aep;
    state.rip = target;
    if (target !== back) {
      throw new PosternError(
        "EBADPROGRAM",
        `The enclave left to 0x${target.toString(16)} and not to the address it was given; the call cannot go on.`,
      );
    }
    return this.#exit.leave(kind);
  }

  /** Asynchronous exit: state to frame CSSA, CSSA + 1, TCS idle, synthetic registers outside. */
  #aex(thread: EnclaveThread, fault: EnclaveFault | null): void {
    const { state, enclave } = this;
    const { cssa } = thread;
    const { gpr, exinfo } = this.#frameForExit(thread, cssa);
    const info = exitInfo(fault?.vector ?? null, enclave.miscselect);
    state.save(gpr);
    gpr.set("exitinfo", info);
    if (fault !== null && info !== 0n && (enclave.miscselect & MiscSelect.EXINFO) !== 0) {
      exinfo.set("maddr", fault.vector === Trap.PF ? fault.address : 0n);
      exinfo.set("errcd", fault.errorCode);
    }
    thread.tcs.set("cssa", cssa + 1);
    this.#leave(thread);
    state.synthesize(thread.address, this.aep, gpr.get("ursp"), gpr.get("urbp"));
  }

  /** EENTER and ERESUME have seen to it that the frame is there; only code that tampers with its TCS can lose it. */
  #frameForExit(thread: EnclaveThread, cssa: number): SsaFrame {
    try {
      return thread.frame(cssa);
    } catch (cause) {
      this.#leave(thread);
      throw new PosternError("EBADPROGRAM", "The enclave has no frame for its state; it cannot go on.", { cause });
    }
  }

  #exception(thread: EnclaveThread, fault: EnclaveFault): Exit<bigint> {
    this.#aex(thread, fault);
    const page = BigInt.asUintN(64, fault.address) & ~BigInt(PAGE_BYTES - 1);
    return this.#fixUp(ERESUME, fault, page);
  }

  /** What the kernel makes of the trap: registers for the exception table's code, unless it is a signal. */
  #fixUp(leaf: Leaf, fault: EnclaveFault, pageFaultAddress: bigint): Exit<bigint> {
    const { state } = this;
    const address = fault.vector === Trap.PF ? pageFaultAddress : 0n;
    if (!isSignal(fault.vector)) {
      state.rdi = BigInt(fault.vector);
      state.rsi = BigInt(fault.errorCode);
      state.rdx = address;
    }
    return this.#exit.except(leaf, fault.vector, fault.errorCode, address);
  }
}

function checkBigInt(value: bigint, what: string): bigint {
  if (typeof value === "bigint") return BigInt.asUintN(64, value);
  throw new PosternError(
    "EINVALIDARGUMENT",
    `${what} must be a BigInt for the software enclave; got a ${typeof value}.`,
  );
}
