/** The register file of a logical processor, and how it is saved to a frame and restored. */
import type { Structure } from "../bytes.js";
import type { GPRSGX_LAYOUT } from "./layout.js";

/** Flags that an asynchronous exit clears: CF, PF, AF, ZF, SF, OF, RF. */
const AEX_CLEARED_FLAGS = 0x1_08d5n;

/** RFLAGS after reset: only the bit that is always set. */
const RFLAGS_INITIAL = 2n;

const SAVED = [
  "rax",
  "rcx",
  "rdx",
  "rbx",
  "rsp",
  "rbp",
  "rsi",
  "rdi",
  "r8",
  "r9",
  "r10",
  "r11",
  "r12",
  "r13",
  "r14",
  "r15",
  "rflags",
  "rip",
  "fsbase",
  "gsbase",
] as const;

const CLEARED_BY_AEX = ["rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"] as const;

/** All registers a program sees. Values are unsigned, 64 bits. */
export class RegisterFile {
  rax = 0n;
  rbx = 0n;
  rcx = 0n;
  rdx = 0n;
  rsi = 0n;
  rdi = 0n;
  rsp = 0n;
  rbp = 0n;
  r8 = 0n;
  r9 = 0n;
  r10 = 0n;
  r11 = 0n;
  r12 = 0n;
  r13 = 0n;
  r14 = 0n;
  r15 = 0n;
  rflags = RFLAGS_INITIAL;
  rip = 0n;
  fsbase = 0n;
  gsbase = 0n;

  save(frame: Structure<typeof GPRSGX_LAYOUT>): void {
    for (const name of SAVED) frame.set(name, this[name]);
  }

  restore(frame: Structure<typeof GPRSGX_LAYOUT>): void {
    for (const name of SAVED) this[name] = frame.get(name);
  }

  /** The synthetic state after an asynchronous exit: nothing of the enclave is left. */
  synthesize(tcs: bigint, aep: bigint, ursp: bigint, urbp: bigint): void {
    for (const name of CLEARED_BY_AEX) this[name] = 0n;
    this.rax = 3n;
    this.rbx = tcs;
    this.rcx = aep;
    this.rip = aep;
    this.rsp = ursp;
    this.rbp = urbp;
    this.rflags &= ~AEX_CLEARED_FLAGS;
  }
}
