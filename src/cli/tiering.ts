import { statSync } from "node:fs";
import { createRequire } from "node:module";

/**
 * What a function of a large program has executed, in bytes of code or so, before the engine optimises it. The default of
 * the engine from version 12 on (Node 22); that of Node 20 is a seventh of it, and compiling then takes the processors
 * from the program: with two of them, a run of a compiler takes a third longer (docs/rationale.md).
 */
const BUDGET = 13_000_000;
const DEFAULT = 1_800_000;
const FIRST_VERSION_WITH_BUDGET = 12;
const FLAG = "--wasm-tiering-budget";
/** Smaller programs have too few functions for it to matter, and looking up the engine's module takes a millisecond. */
const LARGE_BYTES = 2 ** 18;

function isLarge(path: string): boolean {
  try {
    return statSync(path).size > LARGE_BYTES;
  } catch {
    // Whoever reads the program says so.
    return false;
  }
}

/**
 * Lets the engine optimise a program's functions later, if the program is large and the engine an old one.
 * @param path the program's file
 * @returns what to call when the program has been compiled: other modules are none of this function's business
 */
export function optimiseLater(path: string): () => void {
  const engine = Number.parseInt(process.versions.v8, 10);
  const chosen = process.execArgv.some((flag) => flag.startsWith(FLAG));
  if (engine >= FIRST_VERSION_WITH_BUDGET || chosen || !isLarge(path)) return () => {};
  // Loaded here, since few runs need it.
  const v8: typeof import("node:v8") = createRequire(import.meta.url)("node:v8");
  v8.setFlagsFromString(`${FLAG}=${BUDGET}`);
  return () => v8.setFlagsFromString(`${FLAG}=${DEFAULT}`);
}
