/**
 * The enclave entry of the vDSO, `__vdso_sgx_enter_enclave` (Linux 5.11 and later, x86-64), and anything that behaves
 * like it, made callable.
 *
 * That function breaks the C calling convention: after a fault inside, R12 to R15 are zero, and flags and floating-point
 * settings are the enclave's. A thunk of machine code in a page of our own saves them, loads the six registers from an
 * argument block, and stores them back. Only the vDSO's own ENCLU is covered by the kernel's exception table, so the
 * instruction itself is never executed from here.
 */
import koffi from "koffi";
import { PosternError } from "../errors.js";
import { architecture } from "./architecture.js";
import { sgx } from "./capabilities.js";
import "./libc.js";
import { mapCode } from "./machine-code.js";
import { allocate } from "./memory.js";
import { vdsoSymbol } from "./vdso.js";

/** The symbol, and the version node it must have. */
const SYMBOL = "__vdso_sgx_enter_enclave";
const SYMBOL_VERSION = "LINUX_2.6";

const PAGE_BYTES = 4096;

/** The argument block: where its words lie. The thunk knows these offsets. */
const ARGUMENTS = { registers: 0, function: 40, target: 48, run: 56 } as const;
const RUN_AT = 64;
const RUN_BYTES = 256;
const REGISTER_COUNT = 5;

/** `int thunk(block)`: 114 bytes. Exported for the test that looks at what it preserves. */
export const THUNK: readonly number[] = [
  [0xf3, 0x0f, 0x1e, 0xfa], // endbr64
  [0x53, 0x55, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57], // push rbx, rbp, r12, r13, r14, r15
  [0x9c], // pushfq: direction and alignment-check flags
  [0x57], // push rdi: the block
  [0x48, 0x83, 0xec, 0x08], // sub rsp, 8
  [0x0f, 0xae, 0x1c, 0x24], // stmxcsr [rsp]
  [0xd9, 0x7c, 0x24, 0x04], // fnstcw [rsp+4]
  [0x48, 0x89, 0xf8], // mov rax, rdi
  [0x48, 0x8b, 0x38], // mov rdi, [rax]
  [0x48, 0x8b, 0x70, 0x08], // mov rsi, [rax+8]
  [0x48, 0x8b, 0x50, 0x10], // mov rdx, [rax+16]
  [0x4c, 0x8b, 0x40, 0x18], // mov r8, [rax+24]
  [0x4c, 0x8b, 0x48, 0x20], // mov r9, [rax+32]
  [0x8b, 0x48, 0x28], // mov ecx, [rax+40]: function
  [0x48, 0x83, 0xec, 0x08], // sub rsp, 8: keeps the stack aligned at the call
  [0xff, 0x70, 0x38], // push [rax+56]: run, the seventh argument
  [0xff, 0x50, 0x30], // call [rax+48]: target
  [0x48, 0x83, 0xc4, 0x10], // add rsp, 16
  [0xdb, 0xe3], // fninit: empties the x87 stack
  [0x0f, 0xae, 0x14, 0x24], // ldmxcsr [rsp]
  [0xd9, 0x6c, 0x24, 0x04], // fldcw [rsp+4]
  [0x48, 0x83, 0xc4, 0x08], // add rsp, 8
  [0x41, 0x5b], // pop r11: the block
  [0x49, 0x89, 0x3b], // mov [r11], rdi
  [0x49, 0x89, 0x73, 0x08], // mov [r11+8], rsi
  [0x49, 0x89, 0x53, 0x10], // mov [r11+16], rdx
  [0x4d, 0x89, 0x43, 0x18], // mov [r11+24], r8
  [0x4d, 0x89, 0x4b, 0x20], // mov [r11+32], r9
  [0x9d], // popfq
  [0x41, 0x5f, 0x41, 0x5e, 0x41, 0x5d, 0x41, 0x5c, 0x5d, 0x5b], // pop r15, r14, r13, r12, rbp, rbx
  [0xc3], // ret; eax is the target's answer
].flat();

type Thunk = (block: bigint) => number;
let thunk: Thunk | undefined;

function getThunk(): Thunk {
  thunk ??= koffi.decode(BigInt(mapCode(THUNK)), koffi.proto("int", ["uint64_t"])) as Thunk;
  return thunk;
}

/** A function with the contract of `__vdso_sgx_enter_enclave`, ready to be called. */
export interface EnclaveEntry {
  /** rdi, rsi, rdx, r8, r9: in before a call, out after it. Not to be used after `release`. */
  readonly registers: BigUint64Array;
  /** `struct sgx_enclave_run`, 256 bytes in native memory. Not to be used after `release`. */
  readonly run: Uint8Array;
  /**
   * Enters. Blocks the thread until the enclave exits. @returns what the function returns
   * @param leaf 2 EENTER or 3 ERESUME
   */
  call(leaf: number): number;
  /** Gives the argument block back. More than once is harmless. */
  release(): void;
}

/**
 * Makes a function at an address callable through the thunk.
 *
 * @param target address of a function with the contract of `__vdso_sgx_enter_enclave`; anything else ends the process
 * @throws PosternError EUNSUPPORTED on other machines than x86-64
 */
export function createEnclaveEntry(target: number): EnclaveEntry {
  if (architecture !== "x86_64") {
    throw new PosternError("EUNSUPPORTED", `Enclaves are entered on x86-64 only; this machine is ${architecture}.`);
  }
  if (!Number.isSafeInteger(target) || target < PAGE_BYTES) {
    throw new PosternError("EINVALIDARGUMENT", `${target} is no address of a function.`);
  }
  const enter = getThunk();
  const memory = allocate(PAGE_BYTES);
  const view = new DataView(memory.buffer);
  const block = BigInt(memory.address);
  view.setBigUint64(ARGUMENTS.target, BigInt(target), true);
  view.setBigUint64(ARGUMENTS.run, block + BigInt(RUN_AT), true);
  let released = false;
  return {
    registers: new BigUint64Array(memory.buffer, ARGUMENTS.registers, REGISTER_COUNT),
    run: new Uint8Array(memory.buffer, RUN_AT, RUN_BYTES),
    call(leaf) {
      if (released) throw new PosternError("EINVALIDARGUMENT", "This enclave entry was released.");
      view.setUint32(ARGUMENTS.function, leaf, true);
      return enter(block);
    },
    release() {
      released = true;
      memory.release();
    },
  };
}

/**
 * The vDSO's own enclave entry.
 *
 * @throws PosternError EUNSUPPORTED that names what is missing: processor flag, device, or symbol
 */
export function openEnclaveEntry(): EnclaveEntry {
  const capability = sgx();
  const target = architecture === "x86_64" ? vdsoSymbol(SYMBOL, SYMBOL_VERSION) : null;
  if (capability.present && target !== null) return createEnclaveEntry(target);
  const found = capability.present ? `${SYMBOL} has not the version ${SYMBOL_VERSION}` : capability.detail;
  const advice = capability.fix === undefined ? "" : ` ${capability.fix}`;
  throw new PosternError("EUNSUPPORTED", `This machine cannot enter SGX enclaves: ${found}.${advice}`);
}
