/**
 * The host's short way: a block with one call of a common kind is carried out here, with the host's own checks. Every other
 * block, and every call that is not simply granted, is left as it is to the host in JavaScript, which has all of them.
 *
 * Arguments are copied once, into local variables; nothing else of the block decides.
 */
import { CLOSED, OWNED, SHARED } from "../../host/descriptors.js";
import { Right } from "../../sallyport/call.js";
import {
  BLOCK_BYTES,
  HEADER_BYTES,
  Kind,
  LARGEST_ITEM_BYTES,
  SYSCALL_PAYLOAD_BYTES,
} from "../../sallyport/constants.js";
import {
  CLOCK_PROCESS_CPUTIME_ID,
  Errno,
  O_CLOEXEC,
  O_DIRECTORY,
  O_LARGEFILE,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
} from "../../sallyport/linux.js";
import {
  BLOCK,
  CALL,
  CLOCK,
  CONTROL,
  HELD,
  HERE,
  HOW,
  OVER,
  PATH,
  PATH_BYTES,
  PLAN_COUNT,
  PLANS,
  RANDOM,
  ROWS,
  RUN,
  STATUS,
  Way,
  WINDOW,
  WINDOW_BYTES,
} from "../layout.js";

/** The executor, over the words at CALL. */
declare function run(): void;
declare function runThen(): void;
declare function runFunction(): void;
/** The host in JavaScript executes the block. @returns what the guest gets for a hand-over */
declare function other(): i32;
/** Enters what was opened and is neither a file nor a directory. @returns the number, or -errno */
declare function adopt(native: i32, flags: i32, rights: i32, mode: i32): i32;
/** Looks for a source of random bytes that needs no system call, and writes where it is. */
declare function findRandom(): void;
/** Most descriptors. */
declare const LIMIT: i32;
/** This machine's number of fstat, and where st_mode stands in its answer. */
declare const FSTAT: i32;
declare const MODE_OFFSET: i32;

const DATA: usize = BLOCK + LARGEST_ITEM_BYTES;
const ARGUMENTS: usize = BLOCK + HEADER_BYTES + 8;
const RESULT: usize = ARGUMENTS + 48;
const SIZE_MAX: u64 = BLOCK_BYTES - HEADER_BYTES - 16;
const PAYLOAD_BYTES: u64 = SYSCALL_PAYLOAD_BYTES;
const NULL: u64 = u64.MAX_VALUE;
const EEXIT = 4;
const RUN_FUNCTION: usize = RUN + 8;
const SECOND: usize = CALL + 64;
const CLOCK_MAX: u64 = 11;
const TIMESPEC_BYTES: u64 = 16;
/** Longer requests go to the kernel, which a signal can interrupt. */
const RANDOM_BYTES_MAX: u64 = 256;
const RANDOM_CALLS_BEFORE = 16;
const HOW_BYTES: u64 = 24;
/** Flags that a file or a directory is read with; permissions mean nothing to these. */
const READING: u64 = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_LARGEFILE;
/** No result of Linux: the call is left to JavaScript. */
const LEFT: i64 = i64.MIN_VALUE;

let randomCalls = 0;

function argument(index: i32): u64 {
  return load<u64>(ARGUMENTS + ((<usize>index) << 3));
}

function setCall(number: u64, a: u64, b: u64, c: u64, d: u64): void {
  store<u64>(CALL, number);
  store<u64>(CALL + 8, a);
  store<u64>(CALL + 16, b);
  store<u64>(CALL + 24, c);
  store<u64>(CALL + 32, d);
}

function systemCall(number: u64, a: u64, b: u64, c: u64, d: u64): i64 {
  setCall(number, a, b, c, d);
  run();
  return load<i64>(CALL + 56);
}

/** Address of a buffer in the data or in the program's memory; 0: not inside. */
function bufferAddress(reference: u64, length: u64, dataBytes: u64): u64 {
  if (reference >> 32 === 1) {
    const start = reference & 0xffffffff;
    // It may have grown since: then the host in JavaScript looks again.
    const room = load<u64>(WINDOW_BYTES);
    return length > room || start > room - length ? 0 : load<u64>(WINDOW) + start;
  }
  return length > dataBytes || reference > dataBytes - length ? 0 : load<u64>(HERE) + DATA + reference;
}

/** Where the native descriptor of a number stands; 0 for a number above the limit. */
function rowOf(number: u64): usize {
  return number < <u64>LIMIT ? ROWS + ((<usize>number) << 2) : 0;
}

function rightsOf(row: usize): i32 {
  return load<i32>(row + ((<usize>LIMIT) << 2));
}

function setRights(row: usize, rights: i32): void {
  store<i32>(row + ((<usize>LIMIT) << 2), rights);
}

/** Lowest number that may be free. */
function lowestFree(): usize {
  return ROWS + ((<usize>LIMIT) << 3);
}

/** Native descriptor of a number that has the right; negative: there is none. */
function granted(number: u64, right: i32): i32 {
  const row = rowOf(number);
  return row === 0 || (rightsOf(row) & right) !== right ? CLOSED : load<i32>(row);
}

function transfer(plan: u32, dataBytes: u64): i64 {
  const length = argument(2);
  const address = bufferAddress(argument(1), length, dataBytes);
  const native = granted(argument(0), (plan >> 8) & 0xff);
  if (address === 0 || native < 0) return LEFT;
  store<u64>(CALL, plan >> 16);
  store<u64>(CALL + 8, native);
  store<u64>(CALL + 16, address);
  store<u64>(CALL + 24, length);
  store<u64>(CALL + 32, argument(3));
  run();
  const result = load<i64>(CALL + 56);
  // Interrupted, or a description that somebody else made nonblocking.
  return result === -Errno.EINTR || result === -Errno.EAGAIN ? LEFT : result;
}

function fill(plan: u32, dataBytes: u64): i64 {
  const length = argument(1);
  const address = bufferAddress(argument(0), length, dataBytes);
  if (address === 0 || argument(2) !== 0) return LEFT;
  if (length > RANDOM_BYTES_MAX || load<u64>(RANDOM) === 0) {
    if (randomCalls < RANDOM_CALLS_BEFORE && ++randomCalls === RANDOM_CALLS_BEFORE) findRandom();
    const given = systemCall(plan >> 16, address, length, 0, 0);
    return given < 0 ? LEFT : given;
  }
  setCall(load<u64>(RANDOM), address, length, 0, load<u64>(RANDOM + 8));
  store<u64>(CALL + 40, load<u64>(RANDOM + 16));
  runFunction();
  const result = load<i64>(CALL + 56);
  return result < 0 ? LEFT : result;
}

function seek(plan: u32): i64 {
  const row = rowOf(argument(0));
  const whence = argument(2);
  // The position of a shared description belongs to every process that has it.
  if (row === 0 || load<i32>(row) < 0 || (rightsOf(row) & SHARED) !== 0 || whence > 2) return LEFT;
  store<u64>(CALL, plan >> 16);
  store<u64>(CALL + 8, load<i32>(row));
  store<u64>(CALL + 16, argument(1));
  store<u64>(CALL + 24, whence);
  run();
  return load<i64>(CALL + 56);
}

function clock(dataBytes: u64): i64 {
  const id = argument(0);
  const other = id > CLOCK_MAX || id === CLOCK_PROCESS_CPUTIME_ID;
  if (other || argument(1) !== 0 || dataBytes < TIMESPEC_BYTES) return LEFT;
  // Only what the function takes: this call is the one that has no time to lose.
  store<u64>(CALL, load<u64>(CLOCK));
  store<u64>(CALL + 8, id);
  store<u64>(CALL + 16, load<u64>(HERE) + DATA);
  runFunction();
  return load<i64>(CALL + 56) === 0 ? 0 : LEFT;
}

/** Copies a path into memory of the host's own. @returns whether it ends inside the data and is not too long */
function copyPath(offset: u64, dataBytes: u64): bool {
  for (let i: usize = 0; i < <usize>PATH_BYTES; i++) {
    const at = offset + i;
    if (at >= dataBytes) return false;
    const byte = load<u8>(DATA + <usize>at);
    store<u8>(PATH + i, byte);
    if (byte === 0) return true;
  }
  return false;
}

/** Opens beneath a directory for reading. */
function open(plan: u32, dataBytes: u64): i64 {
  const path = argument(1);
  const how = argument(2);
  const mode = argument(3);
  if (dataBytes < HOW_BYTES || how > dataBytes - HOW_BYTES || (how & 7) !== 0 || path > dataBytes) return LEFT;
  if (mode !== NULL && (mode > dataBytes - 4 || (mode & 3) !== 0)) return LEFT;
  const flags = load<u64>(DATA + <usize>how);
  if ((flags & ~READING) !== 0 || load<u64>(DATA + <usize>how + 8) !== 0) return LEFT;
  if (!copyPath(path, dataBytes)) return LEFT;
  const directory = granted(argument(0), Right.LOOKUP);
  const number = freeNumber();
  if (directory < 0 || number < 0) return LEFT;
  const parent = rightsOf(rowOf(argument(0)));
  const looks = (flags & O_DIRECTORY) === 0;
  const result = openBeneath(plan >> 16, directory, flags, looks);
  if (result < 0) {
    if (result === -Errno.EINTR || result === -Errno.EAGAIN) return LEFT;
    return result === -Errno.EXDEV ? -Errno.EPERM : result;
  }
  const found = looks ? load<u32>(STATUS + <usize>MODE_OFFSET) : S_IFDIR;
  const type = found & S_IFMT;
  if (type !== S_IFREG && type !== S_IFDIR) {
    store<i32>(HELD, <i32>result);
    return adopt(<i32>result, <i32>flags, parent, mode === NULL ? 0 : <i32>(DATA - BLOCK) + <i32>mode);
  }
  const row = ROWS + ((<usize>number) << 2);
  const lookup = type === S_IFDIR ? Right.LOOKUP : 0;
  setRights(row, (parent & Right.CHANGE) | Right.READ | lookup | OWNED);
  store<i32>(row, <i32>result);
  if (mode !== NULL) store<u32>(DATA + <usize>mode, found);
  return number;
}

/** The lowest free number, or -1. */
function freeNumber(): i32 {
  let number = load<i32>(lowestFree());
  while (number < LIMIT && load<i32>(ROWS + ((<usize>number) << 2)) >= 0) number++;
  store<i32>(lowestFree(), number);
  return number < LIMIT ? number : -1;
}

/** @param looks whether to ask what was opened @returns native descriptor, or -errno */
function openBeneath(number: u64, directory: i32, flags: u64, looks: bool): i64 {
  // Never waits, neither for the other end of a fifo nor for a device.
  const quiet: u64 = looks ? O_NOCTTY | O_NONBLOCK : 0;
  store<u64>(HOW, (flags & ~(<u64>O_LARGEFILE)) | quiet | O_CLOEXEC);
  store<u64>(HOW + 8, 0);
  store<u64>(HOW + 16, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
  const here = load<u64>(HERE);
  setCall(number, directory, here + PATH, here + HOW, HOW_BYTES);
  if (looks) {
    store<u32>(STATUS + <usize>MODE_OFFSET, 0);
    store<u64>(SECOND, FSTAT);
    store<u64>(SECOND + 8, here + STATUS);
    runThen();
  } else run();
  return load<i64>(CALL + 56);
}

function close(plan: u32): i64 {
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
  const result = systemCall(plan >> 16, native, 0, 0, 0);
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
    default:
      return LEFT;
  }
}

/**
 * The guest hands the block over: one turn of the entry loop, whose handler is the host. The keep was left on purpose, the
 * host executes the block, and the keep is entered again; nothing is asked of a caller.
 * @returns 0, or what the host in JavaScript answers
 */
export function sally(): i32 {
  store<i32>(RUN_FUNCTION, EEXIT);
  const size = load<u64>(BLOCK);
  const number = load<u64>(BLOCK + HEADER_BYTES);
  const known = load<u64>(BLOCK + 8) === Kind.SYSCALL && number < <u64>PLAN_COUNT;
  if (!known || size < PAYLOAD_BYTES || size > SIZE_MAX || (size & 7) !== 0) {
    return other();
  }
  const end = BLOCK + HEADER_BYTES + <usize>size;
  if ((load<u64>(end) | load<u64>(end + 8)) !== 0 || (load<i32>(OVER) | load<i32>(CONTROL)) !== 0) return other();
  const result = carryOut(load<u32>(PLANS + ((<usize>number) << 2)), size - PAYLOAD_BYTES);
  if (result === LEFT) return other();
  store<i64>(RESULT, result);
  return 0;
}
