/**
 * `wasi_unstable`, the generation before preview 1: the same functions, some of them with another layout, one missing.
 */
import { UNSTABLE } from "./abi.js";
import { createFileStatus } from "./file-status.js";
import { createSeeking } from "./files.js";
import { createPoll } from "./poll.js";
import type { Program, WasiFunctions } from "./program.js";

/** The functions of `wasi_unstable` that differ, over the same program. */
export function createUnstable(program: Program): WasiFunctions {
  return {
    ...createSeeking(program, UNSTABLE),
    ...createFileStatus(program, UNSTABLE),
    ...createPoll(program, UNSTABLE),
  };
}

/** Functions that are new in preview 1. */
export const NOT_IN_UNSTABLE: ReadonlySet<string> = new Set(["sock_accept"]);
