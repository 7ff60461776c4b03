/**
 * Functions of WASI on the short way: what is common and simply granted. Everything else, every error of the program's own
 * included, is left to the shim in JavaScript, before anything has happened.
 *
 * The memory here is the program's. Each range in it is checked against its size of this moment.
 */
import { O_DIRECTORY, O_NOFOLLOW } from "../../sallyport/linux.js";
import { Clock, IOVEC_BYTES, Lookupflags, Oflags, PREVIEW1, Right } from "../../shim/wasi/abi.js";
import { NOT_HERE } from "../layout.js";

declare function read(fd: i32, start: i32, length: i32): i32;
declare function write(fd: i32, start: i32, length: i32): i32;
declare function readAt(fd: i32, start: i32, length: i32, position: i64): i32;
declare function writeAt(fd: i32, start: i32, length: i32, position: i64): i32;
declare function seek(fd: i32, offset: i64, whence: i32): i32;
declare function soughtPosition(): i64;
declare function random(start: i32, length: i32): i32;
declare function clock(id: i32): i64;
declare function beginPath(fd: i32, length: i32): i32;
declare function putPath(index: i32, bytes: u64): void;
declare function open(fd: i32, length: i32, flags: i32): i32;
declare function close(fd: i32): i32;
declare function statusOf(fd: i32): i32;
declare function beginStatus(fd: i32, length: i32): i32;
declare function statusAt(fd: i32, length: i32, follow: i32): i32;
declare function filestatWord(at: u32): u64;
declare function list(fd: i32, cookie: u64, room: u32): i32;
declare function listedWord(at: u32): u64;
/** Most bytes that one call moves here. */
declare const TRANSFER_MAX: i32;

const SEEK_CUR = 1;
const SEEK_END: u32 = 2;
/** Clocks above are counted from the start of the program. */
const CLOCK_MAX: u32 = Clock.MONOTONIC;
const SLASH = 0x2f;
/** Longer paths are left to JavaScript. */
const SHORT_PATH = 255;
const WORD_BYTES = 8;
const FILESTAT_BYTES: u32 = PREVIEW1.filestat.bytes;

/** Whether a range lies in the program's memory. */
function holds(start: u32, length: u32): bool {
  return <u64>start + length <= (<u64>memory.size()) << 16;
}

/** The one buffer of a call, checked; its length is 0 where this is not a call for the short way. */
let start: u32 = 0;
let length: u32 = 0;

function oneBuffer(array: u32, count: i32, result: u32): bool {
  if (count !== 1 || !holds(array, IOVEC_BYTES) || !holds(result, 4)) return false;
  start = load<u32>(array);
  length = load<u32>(array + 4);
  return length !== 0 && length <= <u32>TRANSFER_MAX && holds(start, length);
}

/** Stores a count, or gives the error it stands for. */
function finish(moved: i32, result: u32): i32 {
  if (moved < 0) return moved === NOT_HERE ? NOT_HERE : -moved;
  store<u32>(result, moved);
  return 0;
}

function error(answer: i32): i32 {
  return answer === NOT_HERE ? NOT_HERE : -answer;
}

export function fd_read(fd: i32, array: i32, count: i32, result: i32): i32 {
  if (!oneBuffer(array, count, result)) return NOT_HERE;
  return finish(read(fd, start, length), result);
}

export function fd_write(fd: i32, array: i32, count: i32, result: i32): i32 {
  if (!oneBuffer(array, count, result)) return NOT_HERE;
  return finish(write(fd, start, length), result);
}

/** Whether an offset and the end behind it are offsets that a file can have. */
function isPosition(offset: i64): bool {
  return offset >= 0 && offset <= i64.MAX_VALUE - length;
}

export function fd_pread(fd: i32, array: i32, count: i32, offset: i64, result: i32): i32 {
  if (!oneBuffer(array, count, result) || !isPosition(offset)) return NOT_HERE;
  return finish(readAt(fd, start, length, offset), result);
}

export function fd_pwrite(fd: i32, array: i32, count: i32, offset: i64, result: i32): i32 {
  if (!oneBuffer(array, count, result) || !isPosition(offset)) return NOT_HERE;
  return finish(writeAt(fd, start, length, offset), result);
}

export function fd_seek(fd: i32, offset: i64, whence: i32, result: i32): i32 {
  if (<u32>whence > SEEK_END || !holds(result, 8)) return NOT_HERE;
  const answer = seek(fd, offset, whence);
  if (answer !== 0) return error(answer);
  store<i64>(result, soughtPosition());
  return 0;
}

export function fd_tell(fd: i32, result: i32): i32 {
  return fd_seek(fd, 0, SEEK_CUR, result);
}

export function clock_time_get(id: i32, _precision: i64, result: i32): i32 {
  if (<u32>id > CLOCK_MAX || !holds(result, 8)) return NOT_HERE;
  const time = clock(id);
  if (time < 0) return NOT_HERE;
  store<i64>(result, time);
  return 0;
}

export function random_get(buffer: i32, count: i32): i32 {
  if (count <= 0 || !holds(buffer, count)) return NOT_HERE;
  return error(random(buffer, count));
}

/** Whether eight bytes are ASCII and none of them zero. */
function isPlain(bytes: u64): bool {
  return ((bytes | (bytes - 0x0101010101010101)) & 0x8080808080808080) === 0;
}

/** Hands a path over, if it is plain and relative. */
function passPath(path: u32, count: u32): bool {
  if (load<u8>(path) === SLASH) return false;
  const whole = count >> 3;
  for (let index: u32 = 0; index < whole; index++) {
    const bytes = load<u64>(path + index * WORD_BYTES);
    if (!isPlain(bytes)) return false;
    putPath(index, bytes);
  }
  let rest: u64 = 0;
  // A byte that is plain stands for each that is missing.
  let checked: u64 = 0x2020202020202020;
  for (let at: u32 = whole * WORD_BYTES; at < count; at++) {
    const shift: u64 = (at & 7) << 3;
    const byte: u64 = load<u8>(path + at);
    rest |= byte << shift;
    checked = (checked & ~((<u64>0xff) << shift)) | (byte << shift);
  }
  if (!isPlain(checked)) return false;
  if (whole * WORD_BYTES < count) putPath(whole, rest);
  return true;
}

export function path_open(
  fd: i32,
  lookup: i32,
  path: i32,
  count: i32,
  oflags: i32,
  base: i64,
  _inheriting: i64,
  fdflags: i32,
  result: i32,
): i32 {
  const reads = (base & Right.FD_WRITE) === 0 && (oflags & ~Oflags.DIRECTORY) === 0 && fdflags === 0;
  if (!reads || (lookup & ~Lookupflags.ALL) !== 0 || count <= 0 || count > SHORT_PATH) return NOT_HERE;
  if (!holds(path, count) || !holds(result, 4)) return NOT_HERE;
  if (beginPath(fd, count) !== 0 || !passPath(path, count)) return NOT_HERE;
  const follow = (lookup & Lookupflags.SYMLINK_FOLLOW) === 0 ? O_NOFOLLOW : 0;
  const flags = follow | ((oflags & Oflags.DIRECTORY) === 0 ? 0 : O_DIRECTORY);
  return finish(open(fd, count, flags), result);
}

export function fd_close(fd: i32): i32 {
  return error(close(fd));
}

export function fd_readdir(fd: i32, buffer: i32, room: i32, cookie: i64, result: i32): i32 {
  if (!holds(buffer, room) || !holds(result, 4)) return NOT_HERE;
  const used = list(fd, cookie, room);
  if (used < 0) return error(used);
  const whole: u32 = used & ~7;
  for (let at: u32 = 0; at < whole; at += WORD_BYTES) store<u64>(<u32>buffer + at, listedWord(at));
  if (whole < <u32>used) {
    let rest = listedWord(whole);
    for (let at = whole; at < <u32>used; at++) {
      store<u8>(<u32>buffer + at, <u8>rest);
      rest >>= 8;
    }
  }
  store<u32>(result, used);
  return 0;
}

/** Stores a filestat, or gives the error it stands for. */
function finishStatus(answer: i32, result: u32): i32 {
  if (answer !== 0) return error(answer);
  for (let at: u32 = 0; at < FILESTAT_BYTES; at += WORD_BYTES) store<u64>(result + at, filestatWord(at));
  return 0;
}

export function fd_filestat_get(fd: i32, result: i32): i32 {
  if (!holds(result, FILESTAT_BYTES)) return NOT_HERE;
  return finishStatus(statusOf(fd), result);
}

export function path_filestat_get(fd: i32, lookup: i32, path: i32, count: i32, result: i32): i32 {
  if ((lookup & ~Lookupflags.ALL) !== 0 || count <= 0 || count > SHORT_PATH) return NOT_HERE;
  if (!holds(path, count) || !holds(result, FILESTAT_BYTES)) return NOT_HERE;
  if (beginStatus(fd, count) !== 0 || !passPath(path, count)) return NOT_HERE;
  return finishStatus(statusAt(fd, count, lookup & Lookupflags.SYMLINK_FOLLOW), result);
}
