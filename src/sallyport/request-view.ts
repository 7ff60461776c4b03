/** A request as those see it who watch the boundary: policies, traces, recorders. The host makes and reuses one record. */
import type { Plan } from "./call.js";

/** Bytes in memory, by their place. */
export interface Span {
  readonly memory: Uint8Array;
  readonly start: number;
  readonly length: number;
}

/** One request. Valid during the call it is passed to; whoever wants to keep something copies it. */
export interface RequestView {
  /** The description the request is read by. */
  readonly plan: Plan;
  /** Name of the call. */
  readonly name: string;
  /** Halves of the arguments as the host copied them: slot i is at 2 * i (low) and 2 * i + 1 (high). */
  readonly words: Uint32Array;
  /** What the call answered: >= 0, or -errno. Only after the call. */
  readonly result: number;
  /** Value of a number argument. @param parameter index of the parameter */
  number(parameter: number): number;
  /** Whether an argument that may be left out was. */
  absent(parameter: number): boolean;
  /** The bytes an argument refers to, as they are now; empty when absent or out of bounds. */
  bytes(parameter: number, most?: number): Uint8Array;
  /** Where those bytes lie; one record, used again for the next. */
  span(parameter: number): Span;
}
