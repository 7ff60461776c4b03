/**
 * `postern/guest`: the inside of a keep. The engine carries out described calls over a block; it trusts nothing that
 * comes back. The handler offers a method for every call. Imports the wire format only, so that it runs in a jail, an
 * enclave or a browser.
 */
export type { AnswerArguments, AnswerName } from "./answers.js";
export { type Batch, type BatchResults, Request, type RequestArguments, type RequestName, request } from "./batch.js";
export {
  attackedError,
  type BatchEntry,
  type BatchResult,
  createEngine,
  type Engine,
  type EngineOptions,
  type EngineState,
  type TransferMemory,
} from "./engine.js";
export type { FutexWord } from "./futex.js";
export { createHandler, type Handler, type HandlerOptions } from "./handler.js";
export { MemoryPlatform, type MemoryPlatformOptions } from "./memory-platform.js";
export type { MremapFlags } from "./mremap.js";
export {
  type Platform,
  validate,
  validateIovecs,
  validateMut,
  validateSocketAddress,
  type Word,
} from "./platform.js";
export { type RandomSource, secureRandom } from "./random.js";
export type { Registers } from "./registers.js";
export { type Address, plainShim, type Shim } from "./shim.js";
export { type SignalActionSlot, ThreadStorage } from "./thread.js";
