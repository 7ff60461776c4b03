/** The software enclave. Start with `build.ts` to use it, with `cpu.ts` to understand it. */
export { type BuildOptions, type BuiltEnclave, buildEnclave, type EnclaveData } from "./build.js";
export {
  type EnclaveCode,
  type EnclaveEvent,
  type EnclaveExit,
  type EnclaveFinish,
  type EnclaveGenerator,
  type EnclaveInterrupt,
  type EnclaveProgram,
  type ExitRegisters,
  exit,
  interrupt,
} from "./code.js";
export { ENCLU_BYTES, INTERRUPTS_MAX, SoftwareCpu, type SoftwareCpuOptions } from "./cpu.js";
export { type EnclaveOptions, SoftwareEnclave, type ThreadOptions } from "./enclave.js";
export {
  Attribute,
  DBGOPTIN,
  EXINFO_BYTES,
  EXINFO_LAYOUT,
  exitInfo,
  GPRSGX_BYTES,
  GPRSGX_LAYOUT,
  MiscSelect,
  PAGE_BYTES,
  PageType,
  Permission,
  SECS_LAYOUT,
  TCS_LAYOUT,
} from "./layout.js";
export { type Access, EnclaveFault, EnclaveMemory, PAGES_MAX, type Page, PageFault } from "./memory.js";
export { RegisterFile } from "./registers.js";
export { EnclaveThread, type SsaFrame } from "./thread.js";
