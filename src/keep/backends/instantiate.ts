/** What can go wrong between a compiled module and its functions, in words of Postern. */
import { PosternError } from "../../errors.js";
import { WebAssembly } from "../../wasm/index.js";

/** Makes a memory that the program imports. @throws PosternError ERESOURCE */
export function newMemory(descriptor: {
  readonly initial: number;
  readonly maximum: number;
  readonly shared: boolean;
}) {
  try {
    return new WebAssembly.Memory(descriptor);
  } catch (error) {
    throw new PosternError(
      "ERESOURCE",
      `cannot get ${descriptor.initial} pages of memory for the program; check ulimit -v`,
      {
        cause: error,
      },
    );
  }
}

/** Link errors are the program's fault; a start section's traps are its own; anything else passes. */
export function instantiationError(error: unknown): unknown {
  if (error instanceof WebAssembly.LinkError) {
    return new PosternError("EBADPROGRAM", `the program cannot be linked: ${error.message}`, { cause: error });
  }
  if (error instanceof RangeError && !/call stack/.test(error.message)) {
    const message = `the memory the program asks for cannot be had: ${error.message}; check ulimit -v`;
    return new PosternError("ERESOURCE", message, { cause: error });
  }
  return error;
}

/** Calls a function of the program. The engine refuses arguments of a wrong type before it enters the program. */
export function callWith(name: string, entry: (...args: unknown[]) => unknown, args: readonly unknown[]): unknown {
  try {
    return entry(...args);
  } catch (error) {
    if (!(error instanceof TypeError) && !(error instanceof SyntaxError)) throw error;
    const advice = "give a bigint for each i64 and a number for everything else";
    throw new PosternError("EINVALIDARGUMENT", `the arguments of ${name} do not fit: ${error.message}; ${advice}`, {
      cause: error,
    });
  }
}
