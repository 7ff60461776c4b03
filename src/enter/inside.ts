/**
 * Exceptions handled inside, as a handler of the merged contract: a fault enters the keep again on the next frame, where
 * its own exception handler repairs the saved state; its exit there resumes what was interrupted.
 */
import { EENTER, EEXIT, EPROTO, ERESUME, type Word } from "./contract.js";
import type { MergedHandler } from "./run.js";

/** Frames of a thread unless the caller says otherwise: the program, its handler, and one more. */
export const FRAMES_DEFAULT = 3;

/** Exceptions in a row without a sally of the program, after which nobody believes in a repair any more. */
export const EXCEPTIONS_MAX = 1000;

/** How exceptions are handled. */
export interface InsideOptions<W extends Word, Data> {
  /** Frames (NSSA) of the thread; 3. */
  readonly frames?: number;
  /** Exceptions in a row without a sally; {@link EXCEPTIONS_MAX}. */
  readonly exceptionsMax?: number;
  /** Asked at each exit of the program itself: a sally, or its end. */
  readonly sally: MergedHandler<W, Data>;
}

/**
 * Makes a handler that lets the keep handle its own exceptions. It counts frames for one thread: make one for each.
 *
 * The call returns -71 (EPROTO) where the keep is not to be saved: ENCLU itself faulted, no frame is left, or exceptions
 * come without end.
 */
export function handleInside<W extends Word = bigint, Data = unknown>(
  options: InsideOptions<W, Data>,
): MergedHandler<W, Data> {
  const { frames = FRAMES_DEFAULT, exceptionsMax = EXCEPTIONS_MAX, sally } = options;
  let depth = 0;
  let exceptions = 0;
  return (rdi, rsi, rdx, rsp, r8, r9, run, registers) => {
    if (run.function !== EEXIT) {
      if (run.function !== ERESUME || depth + 1 >= frames || ++exceptions > exceptionsMax) return -EPROTO;
      depth++;
      return EENTER;
    }
    if (depth > 0) {
      depth--;
      return ERESUME;
    }
    exceptions = 0;
    return sally(rdi, rsi, rdx, rsp, r8, r9, run, registers);
  };
}
