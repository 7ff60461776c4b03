/**
 * Reading and writing WebAssembly binaries: what a program imports and exports, whether it can run, and the small modules
 * Postern itself needs. Pure: no Node module, no engine. Start reading at `module.ts`.
 */
export { ADAPTER_IMPORTS, ADAPTER_OVER, ADAPTER_SHORT, ADAPTER_TRAP, adapterModule } from "./adapter.js";
export { type Changes, originalOffset, shifted } from "./changes.js";
export {
  type Classification,
  classify,
  EXCEPTION_ENTRY,
  examine,
  MEMORY_EXPORT,
  MEMORY_IMPORT,
  THREAD_SPAWN,
  THREAD_START,
  THREADS_MODULE,
  usesThreads,
} from "./classify.js";
export type { Producer, Producers, TargetFeature } from "./custom.js";
export * from "./engine.js";
export { type Format, type FormatName, identify } from "./identify.js";
export { makeInterruptible } from "./interruptible.js";
export { limitMemory, type MemoryToCreate, memoriesToCreate, PAGE_BYTES, PAGES_MAX } from "./limit-memory.js";
export { limitTables, TABLE_ELEMENTS_MAX } from "./limit-tables.js";
export {
  allMemories,
  type CustomSection,
  type ExternalKind,
  type ModuleExport,
  type ModuleImport,
  type ModuleInfo,
  type SectionPlace,
} from "./model.js";
export { readModule } from "./module.js";
export type { ModuleNames } from "./names.js";
export type { Problem, ProblemCode } from "./problem.js";
export {
  describeFunctionType,
  type FunctionType,
  type GlobalType,
  type Limits,
  type MemoryType,
  type TableType,
  type ValueType,
} from "./types.js";
export {
  functionsWithoutMemory,
  functionsWithoutResult,
  WASI_PREVIEW1,
  WASI_UNSTABLE,
  wasiSignature,
  wasiSignatures,
} from "./wasi-signatures.js";
