/**
 * The entry loop's turn for a keep whose only handler is its host: the keep was left on purpose, which the run structure says;
 * the handler executes the block; it always wants the keep entered again. Where a keep ends, or somebody else's handler is to
 * be asked, the loop in JavaScript takes the turn (`enter/merged.ts`).
 */
import { CONTROL, RUN } from "../layout.js";
import { execute } from "./host/index.js";
import { IN_THREAD } from "./thread.js";

/** Leaf of the exit, as the contract counts it, and where the run structure has it. */
const EEXIT = 4;
const RUN_FUNCTION: usize = RUN + 8;
/** Whether the thread runs code of the program, and may be ended: `Control.IN_PROGRAM`. */
const IN_PROGRAM: usize = CONTROL + 4;

/** The guest hands the block over. @returns 0, or what the host in JavaScript answers */
export function sally(): i32 {
  store<i32>(RUN_FUNCTION, EEXIT);
  if (!IN_THREAD) return execute();
  const inProgram = load<i32>(IN_PROGRAM);
  store<i32>(IN_PROGRAM, 0);
  const answer = execute();
  store<i32>(IN_PROGRAM, inProgram);
  return answer;
}
