import { closeSync, fstatSync, openSync, readSync, type Stats } from "node:fs";
import { Failure } from "./failure.js";

/** Largest program that is read, in bytes: what V8 compiles. */
const PROGRAM_BYTES_MAX = 2 ** 30;
const PIPE_CHUNK_BYTES = 65536;

const REASONS: ReadonlyMap<string, readonly [string, string]> = new Map([
  ["ENOENT", ["does not exist", "check the name; it is relative to the current directory"]],
  ["EACCES", ["may not be read by you", "check its permissions with ls -l"]],
  ["ENOTDIR", ["has a file where its path needs a directory", "check the name"]],
  ["ELOOP", ["is a symbolic link that leads to itself", "check the link with ls -l"]],
]);

/**
 * Reads a program from a file or a pipe.
 *
 * @param path as the user gave it
 * @throws Failure that names the file and the reason
 */
export function readProgramFile(path: string): Uint8Array {
  try {
    const descriptor = openSync(path, "r");
    try {
      return readAll(path, descriptor, fstatSync(descriptor));
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    if (error instanceof Failure) throw error;
    const { code = "", message } = error as NodeJS.ErrnoException;
    const [reason, advice] = REASONS.get(code) ?? [`cannot be read: ${message}`, ""];
    throw new Failure(`the program ${path} ${reason}`, advice);
  }
}

function readAll(path: string, descriptor: number, stats: Stats): Uint8Array {
  if (stats.isDirectory()) throw new Failure(`the program ${path} is a directory`, "give the .wasm file in it");
  if (stats.isFile()) return readSized(path, descriptor, stats.size);
  if (stats.isFIFO()) return readPipe(path, descriptor);
  throw new Failure(`the program ${path} is a device or a socket`, "give a .wasm file");
}

function readSized(path: string, descriptor: number, size: number): Uint8Array {
  checkSize(path, size);
  const bytes = new Uint8Array(size);
  let length = 0;
  while (length < size) {
    const count = readSync(descriptor, bytes, length, size - length, null);
    if (count === 0) break;
    length += count;
  }
  return bytes.subarray(0, length);
}

function readPipe(path: string, descriptor: number): Uint8Array {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const chunk = new Uint8Array(PIPE_CHUNK_BYTES);
    const count = readSync(descriptor, chunk, 0, chunk.length, null);
    if (count === 0) return new Uint8Array(Buffer.concat(chunks));
    length += count;
    checkSize(path, length);
    chunks.push(chunk.subarray(0, count));
  }
}

function checkSize(path: string, size: number): void {
  if (size <= PROGRAM_BYTES_MAX) return;
  throw new Failure(
    `the program ${path} is larger than ${PROGRAM_BYTES_MAX} bytes`,
    "no engine runs modules of that size",
  );
}
