/**
 * The entry loop's turn for a keep whose only handler is its host: the keep was left on purpose, which the run structure says;
 * the handler executes the block; it always wants the keep entered again. Where a keep ends, or somebody else's handler is to
 * be asked, the loop in JavaScript takes the turn (`enter/merged.ts`).
 */
import { RUN } from "../layout.js";
import { execute } from "./host/index.js";

/** Leaf of the exit, as the contract counts it, and where the run structure has it. */
const EEXIT = 4;
const RUN_FUNCTION: usize = RUN + 8;

/** The guest hands the block over. @returns 0, or what the host in JavaScript answers */
export function sally(): i32 {
  store<i32>(RUN_FUNCTION, EEXIT);
  return execute();
}
