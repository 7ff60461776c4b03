/**
 * The way into a keep and out of it: both versions of the SGX entry contract over a virtual CPU, and an enclave in
 * software that plays one. Start reading with `contract.ts`, then `merged.ts`. Explained in docs/enter.md.
 */
export { type Field, type Layout, Structure } from "./bytes.js";
export {
  createRegisters,
  EENTER,
  EEXIT,
  EFAULT,
  EINVAL,
  EnclaveSignal,
  type EnterOptions,
  Entry,
  EPERM,
  EPROTO,
  ERESUME,
  type Exit,
  ExitKind,
  ExitRecord,
  type Leaf,
  type Registers,
  type SignalHandler,
  Trap,
  type TrapSignal,
  type VirtualCpu,
  type Word,
} from "./contract.js";
export { createException, EnclaveException, EXCEPTION_BYTES, EXCEPTION_LAYOUT } from "./exception.js";
export { HANDLES_MAX, Handles } from "./handles.js";
export { HardwareCpu, type NativeEntry } from "./hardware.js";
export { InlineCpu, type InlineOptions, type InlineTrap } from "./inline.js";
export { EXCEPTIONS_MAX, FRAMES_DEFAULT, handleInside, type InsideOptions } from "./inside.js";
export { enterMerged, MergedEntry } from "./merged.js";
export { createRun, EnclaveRun, type MergedHandler, RUN_BYTES, RUN_LAYOUT } from "./run.js";
export * from "./software/index.js";
export { enterV36, V36Entry, type V36Handler } from "./v36.js";
export { WASM_WINDOW_BASE, type WasmTrap, wasmTrapOf } from "./wasm-traps.js";
