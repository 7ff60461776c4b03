/**
 * The host's short way: a block with one call of a common kind is carried out here, with the host's own checks. Every other
 * block, and every call that is not simply granted, is left as it is to the host in JavaScript, which has all of them.
 *
 * Arguments are copied once, into local variables; nothing else of the block decides.
 */
import { CLOSED, OWNED } from "../../../host/descriptors.js";
import { Right } from "../../../sallyport/call.js";
import { BLOCK_BYTES, HEADER_BYTES, Kind, SYSCALL_PAYLOAD_BYTES } from "../../../sallyport/constants.js";
import { CLOCK_PROCESS_CPUTIME_ID, Errno } from "../../../sallyport/linux.js";
import { BLOCK, CALL, CLOCK, HELD, HERE, OVER, PLAN_COUNT, PLANS, RANDOM, Way } from "../../layout.js";
import {
  argument,
  bufferAddress,
  callLinux,
  DATA,
  FEW_CALLS,
  granted,
  isExclusive,
  LEFT,
  lowestFree,
  nativeOf,
  RESULT,
  rightsOf,
  rowOf,
  runFunction,
  runFunctionOften,
  setCall,
  setRights,
  systemCall,
} from "./core.js";
import { open, status } from "./paths.js";
import { isTraced, traceLine } from "./trace.js";

/** The host in JavaScript executes the block. @returns what the guest gets for a hand-over */
declare function other(): i32;
/** Looks for a source of random bytes that needs no system call, and writes where it is. */
declare function findRandom(): void;

const SIZE_MAX: u64 = BLOCK_BYTES - HEADER_BYTES - 16;
const PAYLOAD_BYTES: u64 = SYSCALL_PAYLOAD_BYTES;
const CLOCK_MAX: u64 = 11;
const TIMESPEC_BYTES: u64 = 16;
/** Longer requests go to the kernel, which a signal can interrupt. */
const RANDOM_BYTES_MAX: u64 = 256;
const RANDOM_CALLS_BEFORE = 16;

let randomCalls = 0;
let clockCalls = 0;

export function transfer(plan: u32, dataBytes: u64): i64 {
  const length = argument(2);
  const address = bufferAddress(argument(1), length, dataBytes);
  const native = granted(argument(0), (plan >> 8) & 0xff);
  if (address === 0 || native < 0) return LEFT;
  store<u64>(CALL, nativeOf(plan));
  store<u64>(CALL + 8, native);
  store<u64>(CALL + 16, address);
  store<u64>(CALL + 24, length);
  store<u64>(CALL + 32, argument(3));
  const result = callLinux();
  // Interrupted, or a description that somebody else made nonblocking.
  return result === -Errno.EINTR || result === -Errno.EAGAIN ? LEFT : result;
}

export function fill(plan: u32, dataBytes: u64): i64 {
  const length = argument(1);
  const address = bufferAddress(argument(0), length, dataBytes);
  if (address === 0 || argument(2) !== 0) return LEFT;
  if (length > RANDOM_BYTES_MAX || load<u64>(RANDOM) === 0) {
    if (randomCalls < RANDOM_CALLS_BEFORE && ++randomCalls === RANDOM_CALLS_BEFORE) findRandom();
    const given = systemCall(nativeOf(plan), address, length, 0, 0);
    return given < 0 ? LEFT : given;
  }
  setCall(load<u64>(RANDOM), address, length, 0, load<u64>(RANDOM + 8));
  store<u64>(CALL + 40, load<u64>(RANDOM + 16));
  runFunction();
  const result = load<i64>(CALL + 56);
  return result < 0 ? LEFT : result;
}

export function seek(plan: u32): i64 {
  const row = rowOf(argument(0));
  const whence = argument(2);
  // The position of a shared description belongs to every process that has it.
  if (row === 0 || load<i32>(row) < 0 || !isExclusive(row) || whence > 2) return LEFT;
  store<u64>(CALL, nativeOf(plan));
  store<u64>(CALL + 8, load<i32>(row));
  store<u64>(CALL + 16, argument(1));
  store<u64>(CALL + 24, whence);
  return callLinux();
}

function clock(dataBytes: u64): i64 {
  const id = argument(0);
  const other = id > CLOCK_MAX || id === CLOCK_PROCESS_CPUTIME_ID;
  if (other || argument(1) !== 0 || dataBytes < TIMESPEC_BYTES) return LEFT;
  // Only what the function takes: this call is the one that has no time to lose.
  store<u64>(CALL, load<u64>(CLOCK));
  store<u64>(CALL + 8, id);
  store<u64>(CALL + 16, load<u64>(HERE) + DATA);
  if (clockCalls < FEW_CALLS) {
    clockCalls++;
    runFunction();
  } else runFunctionOften();
  return load<i64>(CALL + 56) === 0 ? 0 : LEFT;
}

export function close(plan: u32): i64 {
  const row = rowOf(argument(0));
  if (row === 0) return LEFT;
  const native = load<i32>(row);
  if (native < 0) return LEFT;
  const owned = (rightsOf(row) & OWNED) !== 0;
  // Noted in the statement that takes it out: a stack that ends here loses no descriptor.
  if (owned) store<i32>(HELD, native);
  store<i32>(row, CLOSED);
  setRights(row, 0);
  const number = <i32>argument(0);
  if (number < load<i32>(lowestFree())) store<i32>(lowestFree(), number);
  if (!owned) return 0;
  const result = systemCall(nativeOf(plan), native, 0, 0, 0);
  store<i32>(HELD, CLOSED);
  return result === -Errno.EINTR ? 0 : result;
}

function carryOut(plan: u32, dataBytes: u64): i64 {
  switch (plan & 0xff) {
    case Way.TRANSFER:
      return transfer(plan, dataBytes);
    case Way.CLOCK:
      return clock(dataBytes);
    case Way.SEEK:
      return seek(plan);
    case Way.FILL:
      return fill(plan, dataBytes);
    case Way.OPEN:
      return open(plan, dataBytes);
    case Way.CLOSE:
      return close(plan);
    case Way.STATUS:
      return status(plan, dataBytes);
    default:
      return LEFT;
  }
}

/** Executes the block. @returns 0, or what the host in JavaScript answers */
export function execute(): i32 {
  const size = load<u64>(BLOCK);
  const number = load<u64>(BLOCK + HEADER_BYTES);
  const known = load<u64>(BLOCK + 8) === Kind.SYSCALL && number < <u64>PLAN_COUNT;
  if (!known || size < PAYLOAD_BYTES || size > SIZE_MAX || (size & 7) !== 0) {
    return other();
  }
  const end = BLOCK + HEADER_BYTES + <usize>size;
  if ((load<u64>(end) | load<u64>(end + 8)) !== 0 || load<u64>(OVER) !== 0) return other();
  const plan = load<u32>(PLANS + ((<usize>number) << 2));
  const result = carryOut(plan, size - PAYLOAD_BYTES);
  if (result === LEFT) return other();
  store<i64>(RESULT, result);
  if (isTraced()) traceLine(plan, result, ((plan >> 8) & Right.READ) !== 0);
  return 0;
}
