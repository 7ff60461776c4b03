/** Arguments and environment. */
import { Errno } from "./errno.js";
import type { Program, WasiFunctions } from "./program.js";

export function createStrings(program: Program): WasiFunctions {
  const { memory, args, env } = program;

  function sizes(strings: readonly Uint8Array[], count: number, size: number): number {
    if (!memory.holds(count, 4) || !memory.holds(size, 4)) return Errno.FAULT;
    memory.view.setUint32(count, strings.length, true);
    memory.view.setUint32(size, sizeOf(strings), true);
    return Errno.SUCCESS;
  }

  function get(strings: readonly Uint8Array[], pointers: number, buffer: number): number {
    if (!memory.holds(pointers, 4 * strings.length) || !memory.holds(buffer, sizeOf(strings))) return Errno.FAULT;
    let at = buffer;
    for (const [index, string] of strings.entries()) {
      memory.view.setUint32(pointers + 4 * index, at, true);
      memory.bytes.set(string, at);
      memory.bytes[at + string.length] = 0;
      at += string.length + 1;
    }
    return Errno.SUCCESS;
  }

  return {
    args_sizes_get: (count, size) => sizes(args, count! >>> 0, size! >>> 0),
    args_get: (pointers, buffer) => get(args, pointers! >>> 0, buffer! >>> 0),
    environ_sizes_get: (count, size) => sizes(env, count! >>> 0, size! >>> 0),
    environ_get: (pointers, buffer) => get(env, pointers! >>> 0, buffer! >>> 0),
  };
}

/** Bytes of strings with a zero byte behind each. */
function sizeOf(strings: readonly Uint8Array[]): number {
  return strings.reduce((sum, string) => sum + string.length + 1, 0);
}
