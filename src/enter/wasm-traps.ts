/** V8's WebAssembly traps in the terms of the contract. The texts are those of Node 20 to 24. */
import { Trap } from "./contract.js";

/** Where memory 0 of a keep begins, as far as fault addresses go. */
export const WASM_WINDOW_BASE = 0x100_0000_0000;

const PAGE_BYTES = 4096;

/** Error codes of #PF: a read, or a write, by the user. */
const READ = 4;
const WRITE = 6;

/** A trap. All numbers are small enough for a JavaScript number. */
export interface WasmTrap {
  readonly trapnr: number;
  readonly errorCode: number;
  /** #PF only: the page of the first byte behind the memory, or of the guard below the window. */
  readonly address: number;
  /** Offset in the module where it happened, as far as the engine tells. */
  readonly moduleOffset: number | null;
}

/** Texts of `WebAssembly.RuntimeError`, and what ends in `out of bounds` otherwise. */
const VECTORS: ReadonlyMap<string, number> = new Map([
  ["unreachable", Trap.UD],
  ["divide by zero", Trap.DE],
  ["remainder by zero", Trap.DE],
  ["divide result unrepresentable", Trap.DE],
  ["float unrepresentable in integer range", Trap.XM],
  ["memory access out of bounds", Trap.PF],
  ["table index is out of bounds", Trap.BR],
  ["null function or function signature mismatch", Trap.GP],
  ["dereferencing a null pointer", Trap.PF],
  ["illegal cast", Trap.GP],
  ["operation does not support unaligned accesses", Trap.AC],
]);

const OUT_OF_MEMORY_BOUNDS = "memory access out of bounds";
const STACK_EXHAUSTED = "Maximum call stack size exceeded";

/**
 * What trap an error is that a call into a Wasm instance threw.
 *
 * @param error what was thrown
 * @param memoryBytes current length of the instance's memory
 * @returns the trap, or `null` if the error is none: one of the host, or an exception of the program. A trap whose text
 *   is not known here counts as #UD.
 */
export function wasmTrapOf(error: unknown, memoryBytes: number): WasmTrap | null {
  if (!(error instanceof Error)) return null;
  const moduleOffset = moduleOffsetOf(error);
  if (error instanceof RangeError && error.message === STACK_EXHAUSTED) {
    return { trapnr: Trap.PF, errorCode: WRITE, address: WASM_WINDOW_BASE - PAGE_BYTES, moduleOffset };
  }
  if (!isRuntimeError(error)) return null;
  const { message } = error;
  const trapnr = VECTORS.get(message) ?? (message.endsWith("out of bounds") ? Trap.BR : Trap.UD);
  if (trapnr !== Trap.PF) return { trapnr, errorCode: 0, address: 0, moduleOffset };
  const behind = WASM_WINDOW_BASE + memoryBytes;
  const address = message === OUT_OF_MEMORY_BOUNDS ? behind - (behind % PAGE_BYTES) : 0;
  return { trapnr, errorCode: READ, address, moduleOffset };
}

function isRuntimeError(error: Error): boolean {
  const { WebAssembly } = globalThis as { WebAssembly?: { RuntimeError: new () => Error } };
  return WebAssembly !== undefined && error instanceof WebAssembly.RuntimeError;
}

function moduleOffsetOf(error: Error): number | null {
  const found = /wasm:\/\/[^\n]*?:0x([0-9a-f]{1,8})\b/.exec(error.stack ?? "");
  return found === null ? null : Number.parseInt(found[1]!, 16);
}
