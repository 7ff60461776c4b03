/** What the host's ways of executing a call share: the executor, the copied arguments, and the keep's descriptors. */
import { CLOSED, SHARED } from "../../../host/descriptors.js";
import { HEADER_BYTES, LARGEST_ITEM_BYTES } from "../../../sallyport/constants.js";
import { BLOCK, CALL, HERE, ROWS, WINDOW, WINDOW_BYTES } from "../../layout.js";

/** The executor, over the words at CALL. */
declare function run(): void;
export declare function runThen(): void;
export declare function runFunction(): void;
/** The same through functions of JavaScript: slower at first, and faster once the engine has optimised them. */
declare function runOften(): void;
export declare function runFunctionOften(): void;
/** Pages of the program's memory at this moment. */
declare function windowPages(): u32;
/** Most descriptors. */
declare const LIMIT: i32;

/** Where the data of the item lies. */
export const DATA: usize = BLOCK + LARGEST_ITEM_BYTES;
const ARGUMENTS: usize = BLOCK + HEADER_BYTES + 8;
export const RESULT: usize = ARGUMENTS + 48;
export const NULL: u64 = u64.MAX_VALUE;
/** After so many calls a program is one that makes many. */
export const FEW_CALLS = 30_000;
let calls = 0;

/** Makes the system call. @returns what Linux answers */
export function callLinux(): i64 {
  if (calls < FEW_CALLS) {
    calls++;
    run();
  } else runOften();
  return load<i64>(CALL + 56);
}

/** No result of Linux: the call is left to JavaScript. */
export const LEFT: i64 = i64.MIN_VALUE;

/** An argument as the guest wrote it. Ask once, and keep it. */
export function argument(index: i32): u64 {
  return load<u64>(ARGUMENTS + ((<usize>index) << 3));
}

/** Prepares a call with up to four arguments. */
export function setCall(number: u64, a: u64, b: u64, c: u64, d: u64): void {
  store<u64>(CALL, number);
  store<u64>(CALL + 8, a);
  store<u64>(CALL + 16, b);
  store<u64>(CALL + 24, c);
  store<u64>(CALL + 32, d);
}

/** @returns what Linux answers */
export function systemCall(number: u64, a: u64, b: u64, c: u64, d: u64): i64 {
  setCall(number, a, b, c, d);
  return callLinux();
}

/** Address of a buffer in the data or in the program's memory; 0: not inside. */
export function bufferAddress(reference: u64, length: u64, dataBytes: u64): u64 {
  if (reference >> 32 === 1) {
    const start = reference & 0xffffffff;
    const room = load<u64>(WINDOW_BYTES);
    // It has grown since the host looked, and may lie elsewhere: the host in JavaScript looks again.
    if ((<u64>windowPages()) << 16 !== room) return 0;
    return length > room || start > room - length ? 0 : load<u64>(WINDOW) + start;
  }
  return length > dataBytes || reference > dataBytes - length ? 0 : load<u64>(HERE) + DATA + reference;
}

/** Where the native descriptor of a number stands; 0 for a number above the limit. */
export function rowOf(number: u64): usize {
  return number < <u64>LIMIT ? ROWS + ((<usize>number) << 2) : 0;
}

/** Rights that a row gives. */
export function rightsOf(row: usize): i32 {
  return load<i32>(row + ((<usize>LIMIT) << 2));
}

export function setRights(row: usize, rights: i32): void {
  store<i32>(row + ((<usize>LIMIT) << 2), rights);
}

/** Lowest number that may be free. */
export function lowestFree(): usize {
  return ROWS + ((<usize>LIMIT) << 3);
}

/** Native descriptor of a number that has the right; negative: there is none. */
export function granted(number: u64, right: i32): i32 {
  const row = rowOf(number);
  return row === 0 || (rightsOf(row) & right) !== right ? CLOSED : load<i32>(row);
}

/** The lowest free number, or -1. */
export function freeNumber(): i32 {
  let number = load<i32>(lowestFree());
  while (number < LIMIT && load<i32>(ROWS + ((<usize>number) << 2)) >= 0) number++;
  store<i32>(lowestFree(), number);
  return number < LIMIT ? number : -1;
}

/** Whether the description of a row is the keep's alone. */
export function isExclusive(row: usize): bool {
  return (rightsOf(row) & SHARED) === 0;
}

/** This machine's number of a call. */
export function nativeOf(plan: u32): u64 {
  return (plan >> 16) & 0x3ff;
}
