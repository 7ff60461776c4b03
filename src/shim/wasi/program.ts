/** What every function of the shim works on. */
import type { Engine } from "../../guest/engine.js";
import type { Descriptors } from "./descriptors.js";
import type { ProgramMemory } from "./memory.js";

/** A function as a program imports it, with 64-bit parameters as two halves, the low one first. */
export type WasiFunction = (...parameters: number[]) => number;
/** Functions by name. */
export type WasiFunctions = Record<string, WasiFunction>;

/** One program: its memory, its descriptors and the way out. */
export interface Program {
  readonly engine: Engine;
  readonly memory: ProgramMemory;
  readonly descriptors: Descriptors;
  readonly args: readonly Uint8Array[];
  readonly env: readonly Uint8Array[];
  /** The program is over: no call does anything afterwards. */
  readonly end: () => void;
  /** The code given to proc_exit; undefined before. */
  exitCode: number | undefined;
  /** Ends the program by a trap, which it cannot catch. */
  readonly trap: () => never;
}
