/** Reading what the user names: a file, or `-` for standard input. */
import { closeSync, createReadStream, fstatSync, openSync, readSync, rmSync, writeFileSync, writeSync } from "node:fs";
import type { ByteSource } from "../../measure/elf.js";
import { MeasureError } from "../../measure/error.js";
import { Failure } from "../failure.js";

const CHUNK_BYTES = 1 << 20;

/** What a file is called in messages. */
export const nameOf = (path: string): string => (path === "-" ? "standard input" : path);

/**
 * Runs `action` on a file; whatever is wrong with the file is told with its name.
 * @throws Failure, MeasureError
 */
export async function onFile<Result>(path: string, action: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await action();
  } catch (error) {
    throw withName(path, error);
  }
}

function withName(path: string, error: unknown): unknown {
  if (error instanceof MeasureError) {
    const facts = { cause: error, ...(error.offset === undefined ? {} : { offset: error.offset }) };
    return new MeasureError(error.reason, `${nameOf(path)}: ${error.message}`, facts);
  }
  const code = (error as NodeJS.ErrnoException)?.code;
  if (typeof code !== "string" || !/^E[A-Z0-9]+$/.test(code) || !("syscall" in (error as object))) return error;
  if (code === "ENOENT") return new Failure(`${nameOf(path)} does not exist`, "check the name");
  if (code === "EACCES")
    return new Failure(`${nameOf(path)} may not be used by you`, "check its permissions with ls -l");
  if (code === "EISDIR") return new Failure(`${nameOf(path)} is a directory`, "give a file");
  return new Failure(`${nameOf(path)} cannot be used: ${(error as Error).message}`);
}

/**
 * All bytes of a file.
 * @param most bytes that are accepted
 * @throws MeasureError `limit`; Failure
 */
export async function readFile(path: string, most: number): Promise<Buffer> {
  return await onFile(path, async () => {
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of open(path).pieces) {
      length += chunk.length;
      if (length > most) throw new MeasureError("limit", `more than ${most} bytes`, { offset: most });
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  });
}

/** The text of a small file, which must be UTF-8. */
export async function readText(path: string, most: number): Promise<string> {
  const bytes = await readFile(path, most);
  const text = bytes.toString("utf8");
  if (!Buffer.from(text, "utf8").equals(bytes)) throw new Failure(`${nameOf(path)} is not text in UTF-8`);
  return text;
}

/** A file in pieces, and its size where that is known. */
export function open(path: string): { readonly pieces: AsyncIterable<Uint8Array>; readonly total: number | undefined } {
  if (path === "-") return { pieces: process.stdin, total: undefined };
  const descriptor = openSync(path, "r");
  const stats = fstatSync(descriptor);
  const pieces = createReadStream("", { fd: descriptor, highWaterMark: CHUNK_BYTES });
  return { pieces, total: stats.isFile() ? stats.size : undefined };
}

/**
 * Runs `action` on a regular file that can be read anywhere, without holding it in memory.
 * @throws Failure
 */
export async function withSource<Result>(path: string, action: (source: ByteSource) => Result): Promise<Result> {
  return await onFile(path, () => {
    const descriptor = openSync(path, "r");
    try {
      const stats = fstatSync(descriptor);
      if (!stats.isFile()) throw new Failure(`${path} is not a regular file`, "copy it to a file first");
      return action({ size: stats.size, read: (offset, length) => readAt(descriptor, offset, length) });
    } finally {
      closeSync(descriptor);
    }
  });
}

function readAt(descriptor: number, offset: number, length: number): Uint8Array {
  const bytes = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const count = readSync(descriptor, bytes, filled, length - filled, offset + filled);
    if (count === 0) break;
    filled += count;
  }
  return bytes.subarray(0, filled);
}

/** Writes a whole file. */
export async function writeFile(path: string, bytes: Uint8Array): Promise<void> {
  await onFile(path, () => writeFileSync(path, bytes));
}

/** Runs `action` with a place for a stream: a file where `path` is given. A file that is not finished is removed. */
export async function withSink<Result>(
  path: string | undefined,
  action: (options: { readonly sink?: (bytes: Uint8Array) => void }) => Result | Promise<Result>,
): Promise<Result> {
  if (path === undefined) return await action({});
  const descriptor = await onFile(path, () => openSync(path, "w"));
  const sink = (bytes: Uint8Array): void => {
    try {
      for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written);
    } catch (error) {
      throw withName(path, error);
    }
  };
  try {
    return await action({ sink });
  } catch (error) {
    if (fstatSync(descriptor).isFile()) rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
}

/** Tells the progress of long work on a terminal, and nothing in a pipe. */
export function progressOn(stream: NodeJS.WriteStream): {
  readonly progress?: (done: number, total: number | undefined) => void;
  readonly finish: () => void;
} {
  if (!stream.isTTY) return { finish: () => {} };
  let shown = false;
  const mebibytes = (bytes: number) => Math.floor(bytes / 2 ** 20);
  return {
    progress: (done, total) => {
      shown = true;
      stream.write(`\r${mebibytes(done)}${total === undefined ? "" : ` of ${mebibytes(total)}`} MiB`);
    },
    finish: () => {
      if (shown) stream.write("\r\u001b[K");
    },
  };
}
