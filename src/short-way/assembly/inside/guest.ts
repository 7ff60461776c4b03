/**
 * The guest's short way: common calls, one item at the start of the block, staged word for word as `guest/fast.ts` does, and
 * the reply checked by the same rules. What the guest wrote it never reads back, and each word of a reply is read once.
 */
import { plans } from "../../../sallyport/calls.js";
import {
  BLOCK_BYTES,
  HEADER_BYTES,
  Kind,
  LARGEST_ITEM_BYTES,
  SYSCALL_PAYLOAD_BYTES,
} from "../../../sallyport/constants.js";
import { Errno, STATX_BASIC_STATS } from "../../../sallyport/linux.js";
import { BLOCK } from "../../layout.js";
import { sally } from "../sally.js";

/** Ends the keep: the host gave an impossible reply. Does not return. */
declare function attack(): void;

/** Where the data of the item lies. */
export const DATA: usize = BLOCK + LARGEST_ITEM_BYTES;
/** Most bytes of data, with room for an end item. */
export const CAPACITY: usize = BLOCK_BYTES - LARGEST_ITEM_BYTES - 16;
const NUMBER: usize = BLOCK + HEADER_BYTES;
const ARGUMENTS: usize = NUMBER + 8;
const RESULT: usize = ARGUMENTS + 48;
const NULL: u64 = u64.MAX_VALUE;
const ERRNO_MAX: u32 = 4095;
const FIRST_ERRNO: u64 = u64.MAX_VALUE - 4094;
/** High half of a reference into the program's memory. */
const WINDOWED: u64 = 1 << 32;
const INT_MAX: u64 = 0x7fffffff;
/** Where the data of openat2 lies: struct open_how at 0, then the mode that comes back, then the path. */
const OPEN_MODE = 24;
export const OPEN_PATH: usize = 28;
const WORD_BYTES: usize = 8;
/** struct statx, which the path follows. */
export const STATUS_BYTES: usize = 256;
const BILLION: u64 = 1_000_000_000;
/** Whole seconds in 2^63 nanoseconds. */
const SECONDS_MAX: u64 = 9_223_372_036;

export function attacked(): void {
  attack();
  unreachable();
}

/** Writes the item but for its arguments, and the end behind its data. */
function begin(number: u64, dataBytes: usize): void {
  store<u64>(BLOCK, SYSCALL_PAYLOAD_BYTES + dataBytes);
  store<u64>(BLOCK + 8, Kind.SYSCALL);
  store<u64>(NUMBER, number);
  store<u64>(ARGUMENTS + 32, NULL);
  store<u64>(ARGUMENTS + 40, NULL);
  store<i64>(RESULT, -Errno.ENOSYS);
  store<u64>(RESULT + 8, 0);
  store<u64>(DATA + dataBytes, 0);
  store<u64>(DATA + dataBytes + 8, 0);
}

function setArguments(a: u64, b: u64, c: u64, d: u64): void {
  store<u64>(ARGUMENTS, a);
  store<u64>(ARGUMENTS + 8, b);
  store<u64>(ARGUMENTS + 16, c);
  store<u64>(ARGUMENTS + 24, d);
}

/** Hands over. @returns the return word, or -errno: then its bit 63 is set */
function exchange(): i64 {
  const error = sally();
  if (error === 0) return load<i64>(RESULT);
  return <u32>error > ERRNO_MAX ? -Errno.EIO : -error;
}

function failed(result: i64): bool {
  return <u64>result >= FIRST_ERRNO;
}

/** Hands over for a size. @param max its largest possible value */
function exchangeSize(max: u64): i64 {
  const result = exchange();
  if (!failed(result) && <u64>result > max) attacked();
  return result;
}

/** Moves bytes between a descriptor and the program's memory, at the descriptor's position. @returns count, or -errno */
export function transfer(number: u64, descriptor: i32, start: u32, length: u32): i64 {
  return transferAt(number, descriptor, start, length, NULL);
}

/** The same at a position, where the call has one. */
export function transferAt(number: u64, descriptor: i32, start: u32, length: u32, position: u64): i64 {
  begin(number, 0);
  setArguments(descriptor, WINDOWED | start, length, position);
  return exchangeSize(length);
}

/** Reads through the block: the bytes are in its data then. @returns count, or -errno */
export function readData(number: u64, descriptor: i32, length: usize): i64 {
  begin(number, length);
  setArguments(descriptor, 0, length, NULL);
  return exchangeSize(length);
}

/** Random bytes into the program's memory. @returns count, or -errno */
export function fill(start: u32, length: u32): i64 {
  begin(plans.getrandom.number, 0);
  setArguments(WINDOWED | start, length, 0, NULL);
  return exchangeSize(length);
}

/** @returns the position, or -errno */
export function seek(descriptor: i32, offset: i64, whence: i32): i64 {
  begin(plans.lseek.number, 0);
  setArguments(descriptor, offset, whence, NULL);
  return exchange();
}

export function isError(result: i64): bool {
  return failed(result);
}

/** Reads a clock. @returns nanoseconds; negative: it cannot be told here, and asking again does no harm */
export function clock(id: i32): i64 {
  begin(plans.clock_gettime.number, 16);
  setArguments(id, 0, NULL, NULL);
  store<u64>(DATA, 0);
  store<u64>(DATA + 8, 0);
  if (failed(exchange())) return -1;
  const seconds = load<u64>(DATA);
  const nanoseconds = load<u64>(DATA + 8) & 0xffffffff;
  if (nanoseconds >= BILLION) attacked();
  return seconds < SECONDS_MAX ? seconds * BILLION + nanoseconds : -1;
}

/** The mode of what was opened last. */
export let openedMode: u32 = 0;

/** Where the path that is put begins. */
let pathAt: usize = 0;

/** Whether a path of so many bytes fits into the block, at an offset of the data; then {@link putPath} is called for its words. */
export function beginPath(offset: usize, length: usize): bool {
  pathAt = DATA + offset;
  return offset + length + WORD_BYTES + WORD_BYTES <= CAPACITY;
}

/** Writes eight bytes of the path; those behind its end are zero. */
export function putPath(index: usize, bytes: u64): void {
  store<u64>(pathAt + (index << 3), bytes);
}

/** Ends the path that was put with zeros, up to a whole word. @returns bytes of data up to there */
function endPath(offset: usize, length: usize): usize {
  const dataBytes = (offset + length + WORD_BYTES) & ~7;
  for (let at = offset + length; at < dataBytes; at++) store<u8>(DATA + at, 0);
  return dataBytes;
}

/** Opens the path that was put, of `length` bytes. @returns the host's number, or -errno */
export function open(directory: i32, length: usize, flags: i32): i64 {
  const dataBytes = endPath(OPEN_PATH, length);
  begin(plans.openat2.number, dataBytes);
  setArguments(directory, OPEN_PATH, 0, OPEN_MODE);
  store<u64>(DATA, <u32>flags);
  store<u64>(DATA + 8, 0);
  store<u64>(DATA + 16, 0);
  store<u32>(DATA + OPEN_MODE, 0);
  const result = exchange();
  if (failed(result)) return result;
  if (<u64>result > INT_MAX) return -Errno.EOVERFLOW;
  openedMode = load<u32>(DATA + OPEN_MODE);
  return result;
}

/** @returns 0, or -errno */
export function close(descriptor: i32): i64 {
  begin(plans.close.number, 0);
  setArguments(descriptor, NULL, NULL, NULL);
  const result = exchange();
  return failed(result) ? result : 0;
}

/** Asks what a file is: the descriptor itself, or the path that was put. struct statx is in the data then. @returns 0, or -errno */
export function status(descriptor: i32, length: usize, flags: i32): i64 {
  const named = length > 0;
  const dataBytes = named ? endPath(STATUS_BYTES, length) : STATUS_BYTES;
  for (let at: usize = 0; at < STATUS_BYTES; at += WORD_BYTES) store<u64>(DATA + at, 0);
  begin(plans.statx.number, dataBytes);
  setArguments(descriptor, named ? STATUS_BYTES : NULL, flags, STATX_BASIC_STATS);
  store<u64>(ARGUMENTS + 32, 0);
  const result = exchange();
  return failed(result) ? result : 0;
}
