/** Where the calls of a keep are written. */
import { closeSync, fstatSync, openSync } from "node:fs";
import { PosternError } from "../errors.js";
import { TRACER_BYTES } from "../observe/tracer.js";
import type { TraceSetup } from "./backends/setup.js";
import type { TraceOptions } from "./options.js";
import { fileReason } from "./program.js";

/** An open trace. */
export interface Trace {
  /** Undefined: nothing is traced. */
  readonly setup: TraceSetup | undefined;
  /** Closes what was opened for it. */
  close(): void;
}

/** Opens the trace. @throws PosternError ENOTFOUND, EINVALIDARGUMENT */
export function openTrace(options: TraceOptions | undefined): Trace {
  if (options === undefined) return { setup: undefined, close: () => {} };
  const { to, format = "text" } = options;
  if (format !== "text" && format !== "json") {
    throw new PosternError("EINVALIDARGUMENT", `the trace's format is ${format}; it can be "text" or "json"`);
  }
  const descriptor = typeof to === "number" ? to : open(to);
  let isOpen = typeof to !== "number";
  return {
    // Only in a file can lines wait: on a terminal or in a pipe somebody watches them come.
    setup: { descriptor, format, immediate: !isFile(descriptor), memory: new SharedArrayBuffer(TRACER_BYTES) },
    close: () => {
      if (isOpen) closeSync(descriptor);
      isOpen = false;
    },
  };
}

function open(path: string): number {
  try {
    return openSync(path, "w");
  } catch (error) {
    throw new PosternError("ENOTFOUND", `cannot write the trace to ${path}: ${fileReason(error)}`, { cause: error });
  }
}

function isFile(descriptor: number): boolean {
  try {
    return fstatSync(descriptor).isFile();
  } catch (error) {
    const message = `the trace's descriptor ${descriptor} is not open; give an open one, or a path`;
    throw new PosternError("EINVALIDARGUMENT", message, { cause: error });
  }
}
