/** From what a call into WebAssembly threw to an exception a person can read. */
import { Trap } from "../../enter/contract.js";
import { wasmTrapOf } from "../../enter/wasm-traps.js";
import { type Changes, originalOffset } from "../../wasm/index.js";
import type { Exception, Frame } from "./setup.js";

/** Frames kept of a stack. */
const FRAMES_MAX = 32;
const FRAME = /^\s*at (?:(.*?) \()?wasm:\/\/[^\n]*?:wasm-function\[(\d+)\]:0x([0-9a-f]+)\)?$/;
/** Words for what the engine says in its own. */
const MESSAGES: Readonly<Record<string, string>> = {
  unreachable: "unreachable code was reached (abort, failed assertion or panic)",
  "Maximum call stack size exceeded": "call stack exhausted (endless recursion?)",
  "null function or function signature mismatch": "indirect call to a null function or one of another type",
};

/** What is told of an exception of the program's own that nobody in it caught. */
const UNCAUGHT = "an exception that nobody catches";

/** Whether an error is an exception that the program threw itself, by the instruction `throw`. */
function isOwnException(error: unknown): boolean {
  const { WebAssembly } = globalThis as { WebAssembly?: { Exception?: new () => object } };
  return WebAssembly?.Exception !== undefined && error instanceof WebAssembly.Exception;
}

/**
 * The trap an error stands for, null when it is none of the program's doing.
 * @param memoryBytes size of the program's memory
 */
export function trapOf(
  error: unknown,
  memoryBytes: number,
): Pick<Exception, "trapnr" | "errorCode" | "address"> | null {
  if (isOwnException(error)) return { trapnr: Trap.UD, errorCode: 0, address: 0 };
  return wasmTrapOf(error, memoryBytes);
}

/** The frames of an error's stack that are the program's own, with the places they have in its file. */
function framesOf(stack: string, changes: Changes | undefined): Frame[] {
  const frames: Frame[] = [];
  for (const line of stack.split("\n")) {
    const [, name, index, offset] = FRAME.exec(line) ?? [];
    if (index === undefined || (changes !== undefined && Number(index) >= changes.functions)) continue;
    const plain = name === undefined || name === "" ? `function ${index}` : name.replace(/^[^.]*\.(?=.)/, "");
    const place = Number.parseInt(offset!, 16);
    frames.push({ function: plain, offset: changes === undefined ? place : originalOffset(changes, place) });
    if (frames.length === FRAMES_MAX) break;
  }
  return frames;
}

/**
 * The exception for the report of a trap.
 * @param error what was thrown
 * @param trap what {@link trapOf} said of it
 * @param lastCall the last call made at the boundary
 * @param changes how the module differs from the program's file
 */
export function exceptionOf(
  error: unknown,
  trap: NonNullable<ReturnType<typeof trapOf>>,
  lastCall: string,
  changes: Changes | undefined,
): Exception {
  const { message, stack } = error instanceof Error ? error : { message: UNCAUGHT, stack: "" };
  return {
    message: MESSAGES[message] ?? message,
    trapnr: trap.trapnr,
    errorCode: trap.errorCode,
    address: trap.address,
    frames: framesOf(stack ?? "", changes),
    lastCall,
  };
}

/** The report of a fault, in lines. */
export function describeException(exception: Exception): string {
  const lines = [`the program trapped: ${exception.message}`];
  for (const frame of exception.frames) {
    lines.push(`  at ${frame.function} (offset 0x${frame.offset.toString(16)})`);
  }
  if (exception.lastCall !== "") lines.push(`  last call: ${exception.lastCall}`);
  if (exception.nested !== undefined) lines.push(`its exception entry trapped too: ${exception.nested.message}`);
  return lines.join("\n");
}
