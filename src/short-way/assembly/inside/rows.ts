/** The rows that `shim/wasi/rows.ts` keeps. They lie beside the block and are the inside's own. */
import { Head, Row } from "../../../shim/wasi/rows.js";
import { ERROR_COUNT, ERRORS } from "../../layout.js";
import { isError } from "./guest.js";

/** Where the table lies, how many rows it has. */
declare const TABLE: i32;
declare const CAPACITY: i32;

const HEAD_BYTES = Head.WORDS << 2;
const ROW_BYTES = Row.WORDS << 2;
export const IO = 29;

/** An error number, negative. @param result -errno of Linux */
export function errorOf(result: i64): i32 {
  const errno = -result;
  return errno < <i64>ERROR_COUNT ? -(<i32>load<u8>(ERRORS + <usize>errno)) : -IO;
}

/** A count, or an error number, negative. */
export function told(result: i64): i32 {
  return isError(result) ? errorOf(result) : <i32>result;
}

export function rowOf(fd: i32): usize {
  return TABLE + HEAD_BYTES + <usize>fd * ROW_BYTES;
}

export function get(row: usize, word: i32): i32 {
  return load<i32>(row + ((<usize>word) << 2));
}

export function set(row: usize, word: i32, value: i32): void {
  store<i32>(row + ((<usize>word) << 2), value);
}

/** The row of an open number that may do this the short way; 0: there is none. */
export function allowed(fd: i32, way: i32): usize {
  if (<u32>fd >= <u32>CAPACITY) return 0;
  const row = rowOf(fd);
  return get(row, Row.GENERATION) !== 0 && (get(row, Row.SHORT) & way) !== 0 ? row : 0;
}

export function lowestFree(): i32 {
  let number = load<i32>(TABLE + (Head.LOWEST_FREE << 2));
  while (number < CAPACITY && get(rowOf(number), Row.GENERATION) !== 0) number++;
  store<i32>(TABLE + (Head.LOWEST_FREE << 2), number);
  return number;
}

/** Where the byte stands that tells whether a number of the host is in use. */
export function useOf(descriptor: i32): usize {
  return TABLE + HEAD_BYTES + <usize>CAPACITY * ROW_BYTES + <usize>descriptor;
}

/** Gives a row that was filled a generation of its own: from now on it is open. */
export function openRow(row: usize): void {
  const last = load<i32>(TABLE + (Head.GENERATIONS << 2)) + 1;
  const generation = last === 0 ? 1 : last;
  store<i32>(TABLE + (Head.GENERATIONS << 2), generation);
  set(row, Row.GENERATION, generation);
}

/** Frees a number. */
export function freeRow(fd: i32): void {
  const row = rowOf(fd);
  store<u8>(useOf(get(row, Row.DESCRIPTOR)), 0);
  set(row, Row.GENERATION, 0);
  const lowest: usize = TABLE + (Head.LOWEST_FREE << 2);
  if (fd < load<i32>(lowest)) store<i32>(lowest, fd);
}
