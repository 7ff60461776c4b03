/**
 * The fast routes: calls of a common shape, one item at the start of the block, nothing allocated. The functions are made
 * once for each block, over constant views. What a function captures it takes into a variable of its own where it uses it
 * often: until the engine has optimised it, each use of a captured one is looked up and checked.
 */
import { type Plan, Result } from "../sallyport/call.js";
import { plans } from "../sallyport/calls.js";
import { Kind, LARGEST_ITEM_BYTES, SYSCALL_PAYLOAD_BYTES } from "../sallyport/constants.js";
import { Errno } from "../sallyport/linux.js";
import { copyBytes } from "./copy.js";
import type { TransferMemory } from "./engine-types.js";
import { ALL_ONES, DATA, TWO_32, type Wire } from "./wire.js";

/** What Linux moves at most in one call. */
const TRANSFER_MAX = 0x7ffff000;
/** Where the data of openat2 lies: struct open_how at 0, then the mode that comes back, then the path. */
const OPEN_MODE = 24;
const OPEN_PATH = 28;
const OPENED_MODE = (DATA + OPEN_MODE) >>> 2;
/** struct statx, which the path follows. */
const STATUS_BYTES = 256;
/** Up to this many bytes a loop is faster than a view for `set`. */
const LOOP_BYTES_MAX = 1024;
/** Words as the engine writes them fastest: constants of 64 bits. */
const KIND = BigInt(Kind.SYSCALL);
const NULL = BigInt.asUintN(64, -1n);
const UNANSWERED = BigInt.asUintN(64, -BigInt(Errno.ENOSYS));
/** struct timespec. */
const TIMESPEC_BYTES = 16;

/** Makes the fast routes. @param window the host takes references into the program's memory */
export function createFastRoutes(wire: Wire, window: boolean) {
  const { bytes, halves, limit, firstErrno, compatible, sally, state, fail, attack, noRoom } = wire;
  const longs = new BigUint64Array(bytes.buffer, bytes.byteOffset, wire.blockBytes >>> 3);
  const capacity = Math.max(0, limit - LARGEST_ITEM_BYTES);
  const most = window ? TRANSFER_MAX : capacity;
  const statusBytes = bytes.subarray(DATA, DATA + STATUS_BYTES);
  const clockTime = new Uint32Array(new ArrayBuffer(8));
  let lastMode = 0;

  /** Writes the item but for its first three arguments, the end behind its data, and NULL for the other arguments. */
  function begin(number: number, dataBytes: number): void {
    if (state.attacked) attack();
    const to = longs;
    const low = halves;
    const none = NULL;
    const zero = 0n;
    low[0] = SYSCALL_PAYLOAD_BYTES + dataBytes;
    low[1] = 0;
    to[1] = KIND;
    low[4] = number;
    low[5] = 0;
    to[6] = none;
    to[7] = none;
    to[8] = none;
    to[9] = UNANSWERED;
    to[10] = zero;
    const end = (DATA + dataBytes) >>> 3;
    to[end] = zero;
    to[end + 1] = zero;
  }

  /** Writes a 32-bit argument. @param half index of its low half */
  function put(half: number, value: number): void {
    halves[half] = value;
    halves[half + 1] = value >> 31;
  }

  /**
   * Writes a buffer argument.
   * @param start of the range in the program's memory, 0 for one at the start of the data
   * @param memory 1 for the program's memory
   */
  function putBuffer(half: number, start: number, memory: number, count: number): void {
    const to = halves;
    to[half] = start;
    to[half + 1] = memory;
    to[half + 2] = count;
    to[half + 3] = 0;
  }

  /** Hands over, reads the return word once. @returns 0, or -errno; the value's halves are in `state` */
  function exchange(): number {
    const error = sally();
    if (error !== 0) return fail(error);
    const low = halves[18]!;
    const high = halves[19]!;
    // A block that was detached meanwhile has no words.
    if (high === undefined) return fail(Errno.EFAULT);
    const into = state;
    into.low = low;
    into.high = high;
    if (high === ALL_ONES && low >= firstErrno) return fail(TWO_32 - low);
    into.errno = 0;
    return 0;
  }

  /** Hands over for a size. @param max its largest possible value */
  function exchangeSize(max: number): number {
    const error = exchange();
    if (error !== 0) return error;
    if (state.high !== 0 || state.low > max) attack();
    return state.low;
  }

  /** Hands over for an int. */
  function exchangeInt(): number {
    const error = exchange();
    if (error !== 0) return error;
    return state.high === 0 && state.low <= 0x7fffffff ? state.low : fail(Errno.EOVERFLOW);
  }

  /** Hands over for a result of 64 bits. */
  function exchangeWord(): number {
    const error = exchange();
    return error !== 0 ? error : state.low + state.high * TWO_32;
  }

  /** Hands over for what a plan says. */
  function exchangeAs(result: number): number {
    if (result === Result.UNIT) return exchange();
    if (result === Result.SIZE) return exchangeSize(0);
    return result === Result.INT ? exchangeInt() : exchangeWord();
  }

  function numbers(plan: Plan, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0): number {
    if (limit < DATA) return noRoom();
    const count = plan.slotCount;
    begin(plan.number, 0);
    longs[3] = NULL;
    longs[4] = NULL;
    longs[5] = NULL;
    if (count > 0) put(6, a);
    if (count > 1) put(8, b);
    if (count > 2) put(10, c);
    if (count > 3) put(12, d);
    if (count > 4) put(14, e);
    if (count > 5) put(16, f);
    const value = exchangeAs(compatible ? plan.result : plan.ownResult);
    if (plan.final && state.errno === 0) attack();
    return value;
  }

  function transfer(
    plan: Plan,
    fd: number,
    memory: TransferMemory,
    start: number,
    length: number,
    positionLow = ALL_ONES,
    positionHigh = ALL_ONES,
  ): number {
    if (limit < DATA) return noRoom();
    const direct = window && memory.apart !== true;
    const count = Math.min(length, direct ? TRANSFER_MAX : capacity);
    begin(plan.number, direct ? 0 : (count + 7) & ~7);
    put(6, fd);
    putBuffer(8, direct ? start : 0, direct ? 1 : 0, count);
    halves[12] = positionLow;
    halves[13] = positionHigh;
    if (!direct && plan.transferIn) copyIn(memory, start, count);
    const value = exchangeSize(count);
    if (!direct && value > 0 && !plan.transferIn) copyOut(memory, start, value);
    return value;
  }

  function fill(plan: Plan, memory: TransferMemory, start: number, length: number, flags: number): number {
    if (limit < DATA) return noRoom();
    const count = Math.min(length, most);
    begin(plan.number, window ? 0 : (count + 7) & ~7);
    putBuffer(6, window ? start : 0, window ? 1 : 0, count);
    halves[10] = flags;
    halves[11] = 0;
    const value = exchangeSize(count);
    if (!window && value > 0) copyOut(memory, start, value);
    return value;
  }

  function seek(plan: Plan, fd: number, low: number, high: number, last: number): number {
    if (limit < DATA) return noRoom();
    begin(plan.number, 0);
    put(6, fd);
    halves[8] = low;
    halves[9] = high;
    put(10, last);
    return exchangeWord();
  }

  function open(directory: number, path: Uint8Array, length: number, flags: number, permissions: number): number {
    const dataBytes = (OPEN_PATH + length + 1 + 7) & ~7;
    if (DATA + dataBytes > limit) return fail(Errno.ENOMEM);
    begin(plans.openat2.number, dataBytes);
    put(6, directory);
    halves[8] = OPEN_PATH;
    halves[9] = 0;
    halves[10] = 0;
    halves[11] = 0;
    halves[12] = OPEN_MODE;
    halves[13] = 0;
    halves[22] = flags;
    halves[23] = 0;
    halves[24] = permissions;
    halves[25] = 0;
    halves[26] = 0;
    halves[27] = 0;
    halves[OPENED_MODE] = 0;
    // The zero byte behind the path, and the padding.
    const last = (DATA + dataBytes - 8) >>> 2;
    if (last > OPENED_MODE) halves[last] = 0;
    halves[last + 1] = 0;
    copyBytes(path, 0, bytes, DATA + OPEN_PATH, length);
    const value = exchangeInt();
    if (value >= 0) lastMode = halves[OPENED_MODE]!;
    return value;
  }

  const openedMode = (): number => lastMode;

  function status(fd: number, path: Uint8Array, length: number, flags: number, mask: number, into: Uint8Array): number {
    const dataBytes = length === 0 ? STATUS_BYTES : (STATUS_BYTES + length + 1 + 7) & ~7;
    if (DATA + dataBytes > limit) return fail(Errno.ENOMEM);
    begin(plans.statx.number, dataBytes);
    put(6, fd);
    put(10, flags);
    halves[12] = mask;
    halves[13] = 0;
    halves[14] = 0;
    halves[15] = 0;
    statusBytes.fill(0);
    longs[4] = NULL;
    if (length > 0) {
      halves[8] = STATUS_BYTES;
      halves[9] = 0;
      // The zero byte behind the path, and the padding.
      longs[(DATA + dataBytes - 8) >>> 3] = 0n;
      copyBytes(path, 0, bytes, DATA + STATUS_BYTES, length);
    }
    const value = exchange();
    if (value === 0) into.set(statusBytes);
    return value;
  }

  function clock(id: number): number {
    if (limit < DATA + TIMESPEC_BYTES) return noRoom();
    begin(plans.clock_gettime.number, TIMESPEC_BYTES);
    put(6, id);
    halves[8] = 0;
    halves[9] = 0;
    longs[5] = NULL;
    if (!compatible) {
      halves[22] = 0;
      halves[23] = 0;
      halves[24] = 0;
      halves[25] = 0;
    }
    const value = exchange();
    if (value === 0) {
      clockTime[0] = halves[22]!;
      clockTime[1] = halves[23]!;
      state.low = halves[24]!;
    }
    return value;
  }

  const seconds = (): number => clockTime[0]! + (clockTime[1]! | 0) * TWO_32;

  /** Copies `count` bytes of memory into the data of the first item. */
  function copyIn(memory: TransferMemory, start: number, count: number): void {
    // What the last word keeps behind the data would be shown to the host.
    if (!compatible && (count & 7) !== 0) longs[(DATA + count) >>> 3] = 0n;
    if ((start & 7) === 0 && (count & 7) === 0 && count <= LOOP_BYTES_MAX) {
      const from = memory.longs;
      const first = start / 8;
      const units = count >>> 3;
      for (let i = 0; i < units; i++) longs[(DATA >>> 3) + i] = from[first + i]!;
    } else if (count <= 48) {
      const from = memory.bytes;
      for (let i = 0; i < count; i++) bytes[DATA + i] = from[start + i]!;
    } else {
      bytes.set(memory.bytes.subarray(start, start + count), DATA);
    }
  }

  /** Copies `count` bytes of the first item's data out into memory. */
  function copyOut(memory: TransferMemory, start: number, count: number): void {
    if ((start & 7) === 0 && (count & 7) === 0 && count <= LOOP_BYTES_MAX) {
      const into = memory.longs;
      const first = start / 8;
      const units = count >>> 3;
      for (let i = 0; i < units; i++) into[first + i] = longs[(DATA >>> 3) + i]!;
    } else if (count <= 48) {
      const into = memory.bytes;
      for (let i = 0; i < count; i++) into[start + i] = bytes[DATA + i]!;
    } else {
      memory.bytes.set(bytes.subarray(DATA, DATA + count), start);
    }
  }

  return { numbers, transfer, fill, seek, open, openedMode, status, clock, seconds, capacity };
}
