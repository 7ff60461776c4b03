/** The bytes of a path: what is refused before Linux sees it. Nothing is resolved or normalised here. */
import { Errno } from "./errno.js";
import type { ProgramMemory } from "./memory.js";

/** Paths of this many bytes and more are too long for Linux, which counts the zero byte. */
export const PATH_BYTES_MAX = 4096;
const SLASH = 0x2f;

/**
 * Copies a path out of memory, once, and checks the copy.
 * @param start a range that lies in memory
 * @returns its bytes, or ILSEQ (not UTF-8), INVAL (holds a zero byte), NOENT (empty), PERM (absolute), NAMETOOLONG
 */
export function readPath(memory: ProgramMemory, start: number, length: number): Uint8Array | number {
  if (length === 0) return Errno.NOENT;
  // What is too long is looked at where it lies: the first thing wrong decides, and copying could take gigabytes.
  const tooLong = length >= PATH_BYTES_MAX;
  const path = tooLong ? memory.bytes.subarray(start, start + length) : memory.bytes.slice(start, start + length);
  const error = checkText(path, path.length);
  if (error !== 0) return error;
  if (path[0] === SLASH) return Errno.PERM;
  return tooLong ? Errno.NAMETOOLONG : path;
}

/**
 * Copies the contents of a symbolic link out of memory. They are stored unread, save that links to absolute paths are
 * refused: they would lead programs outside astray.
 * @returns bytes, or INVAL (holds a zero byte), NOENT (empty), PERM (absolute), NAMETOOLONG
 */
export function readLinkContents(memory: ProgramMemory, start: number, length: number): Uint8Array | number {
  if (length === 0) return Errno.NOENT;
  if (length >= PATH_BYTES_MAX) return Errno.NAMETOOLONG;
  const contents = memory.bytes.slice(start, start + length);
  if (contents.includes(0)) return Errno.INVAL;
  return contents[0] === SLASH ? Errno.PERM : contents;
}

/**
 * The same as {@link readPath}, into a buffer that is used again: opening a file should not allocate.
 * @param target receives the path; at least PATH_BYTES_MAX bytes
 * @returns SUCCESS, or an error as readPath
 */
export function copyPath(memory: ProgramMemory, start: number, length: number, target: Uint8Array): number {
  if (length === 0 || length >= PATH_BYTES_MAX) return readPath(memory, start, length) as number;
  const { bytes } = memory;
  // Most paths are ASCII, and need no second look.
  let plain = true;
  for (let i = 0; i < length; i++) {
    const byte = bytes[start + i]!;
    target[i] = byte;
    if (byte === 0 || byte > 0x7f) plain = false;
  }
  const error = plain ? Errno.SUCCESS : checkText(target, length);
  if (error !== 0) return error;
  return target[0] === SLASH ? Errno.PERM : Errno.SUCCESS;
}

/** SUCCESS; ILSEQ for bytes that are not UTF-8, which wins; INVAL for a zero byte. */
function checkText(text: Uint8Array, end: number): number {
  let zero = false;
  for (let at = 0; at < end; ) {
    const first = text[at]!;
    if (first < 0x80) {
      if (first === 0) zero = true;
      at += 1;
      continue;
    }
    const length = sequenceLength(text, at, first, end);
    if (length === 0) return Errno.ILSEQ;
    at += length;
  }
  return zero ? Errno.INVAL : Errno.SUCCESS;
}

/**
 * For lead bytes: the range of the byte behind them, which keeps out overlong forms, surrogates and what is above U+10FFFF.
 * Source: The Unicode Standard, table 3-7.
 */
function sequenceLength(text: Uint8Array, at: number, first: number, end: number): number {
  let length: number;
  let low = 0x80;
  let high = 0xbf;
  if (first >= 0xc2 && first <= 0xdf) length = 2;
  else if (first >= 0xe0 && first <= 0xef) {
    length = 3;
    if (first === 0xe0) low = 0xa0;
    if (first === 0xed) high = 0x9f;
  } else if (first >= 0xf0 && first <= 0xf4) {
    length = 4;
    if (first === 0xf0) low = 0x90;
    if (first === 0xf4) high = 0x8f;
  } else return 0;
  if (at + length > end) return 0;
  const second = text[at + 1]!;
  if (second < low || second > high) return 0;
  for (let i = at + 2; i < at + length; i++) if ((text[i]! & 0xc0) !== 0x80) return 0;
  return length;
}
