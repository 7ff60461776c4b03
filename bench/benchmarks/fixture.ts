/** Files that the measured calls work on, and the compiled counterpart in C. */
import { mkdirSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Missing } from "../model.js";
import { execute, inRepository } from "../processes.js";

const DATA_BYTES = 4 * 2 ** 20;
const FILES = 10;

/** A directory with `data.bin` and `list`, as programs/micro.c wants it. */
export function callFiles(directory: string): string {
  const path = join(directory, "calls");
  mkdirSync(join(path, "list"), { recursive: true });
  writeFileSync(join(path, "data.bin"), new Uint8Array(DATA_BYTES).fill(1));
  for (let i = 0; i < FILES; i++) writeFileSync(join(path, "list", `file-${i}`), "");
  return path;
}

/** Standard streams of a measuring process: nothing to read, output into a sink, figures through a pipe. */
export function measuringStreams(): ["ignore", number, "pipe"] {
  return ["ignore", openSync("/dev/null", "w"), "pipe"];
}

/** Compiles programs/raw.c. @returns its path, or why it cannot be had */
export function rawProgram(directory: string): { readonly path: string; readonly missing?: Missing } {
  const path = join(directory, "raw");
  try {
    execute(process.env.CC ?? "cc", ["-O2", "-o", path, inRepository("bench/programs/raw.c")]);
    return { path };
  } catch (error) {
    const reason = `needs a C compiler: ${(error as Error).message.split("\n")[0]}`;
    return { path, missing: { name: "raw C", reason } };
  }
}

/** A number of calls, `scale` of the usual one, at least one. */
export const scaled = (calls: number, scale: number): number => Math.max(1, Math.round(calls * scale));
