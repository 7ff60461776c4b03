/** The general route, inward: the reply is read once, checked, and its outputs are copied. */
import { Argument, Collect, Direction, type Plan, Result, type SocketAddressBuffer } from "../sallyport/call.js";
import { Kind } from "../sallyport/constants.js";
import { Errno } from "../sallyport/linux.js";
import { copyBytes } from "./copy.js";
import type { Staged } from "./staging.js";
import { ALL_ONES, TWO_32, type Wire } from "./wire.js";

/** Makes the function that collects. */
export function createCollecting(wire: Wire) {
  const { bytes, halves, compatible, firstErrno, state, fail } = wire;

  function scatter(pieces: readonly Uint8Array[], at: number, length: number): void {
    let left = length;
    let from = at;
    for (const piece of pieces) {
      const count = Math.min(piece.length, left);
      piece.set(bytes.subarray(from, from + count));
      from += count;
      left -= count;
      if (left === 0) return;
    }
  }

  /** Whether the last collected value was impossible. */
  let impossible = false;

  /** Reads, once, and checks the reply to a staged call, then copies its outputs. */
  function collect(staged: Staged): number {
    const { plan } = staged;
    impossible = false;
    const at = (staged.data - (plan.kind === Kind.SYSCALL ? 16 : 8)) >>> 2;
    const low = halves[at]!;
    const high = halves[at + 1]!;
    const value = decode(plan, low, high);
    if (state.errno === 0 && plan.limit >= 0 && value > limitOf(staged)) {
      impossible = true;
      return 0;
    }
    if (state.errno === 0 && plan.final) {
      impossible = true;
      return 0;
    }
    for (const index of plan.allocation) {
      if (staged.offset[index]! < 0) continue;
      if ((plan.parameters[index]!.direction & Direction.OUT) !== 0) collectData(staged, index, value);
    }
    return value;
  }

  function limitOf(staged: Staged): number {
    const { plan } = staged;
    const parameter = plan.parameters[plan.limit]!;
    const length = staged.offset[plan.limit]! < 0 ? 0 : staged.length[plan.limit]!;
    return parameter.argument === Argument.RECORDS ? length / parameter.size : length;
  }

  function decode(plan: Plan, low: number, high: number): number {
    state.low = low;
    state.high = high;
    if (plan.result === Result.OPTIONAL_BYTE && high === ALL_ONES && low === ALL_ONES) {
      state.errno = 0;
      return -1;
    }
    if (high === ALL_ONES && low >= firstErrno) return fail(TWO_32 - low);
    state.errno = 0;
    switch (compatible ? plan.result : plan.ownResult) {
      case Result.UNIT:
        return 0;
      case Result.INT:
        return high === 0 && low <= 0x7fffffff ? low : fail(Errno.EOVERFLOW);
      case Result.BYTE:
        return high === 0 && low <= 255 ? low : fail(Errno.EOVERFLOW);
      case Result.OPTIONAL_BYTE:
        // Hosts in the field answer 256 for "nothing there", where the protocol says all ones.
        if (!compatible && high === 0 && low === 256) return -1;
        return high === 0 && low <= 255 ? low : fail(Errno.EOVERFLOW);
      case Result.TRUNCATED:
        if (!compatible && high !== ((low | 0) >> 31) >>> 0) return fail(Errno.EOVERFLOW);
        return low | 0;
      default:
        return low + high * TWO_32;
    }
  }

  function collectData(staged: Staged, index: number, value: number): void {
    const { plan } = staged;
    const parameter = plan.parameters[index]!;
    const failed = state.errno !== 0;
    if (parameter.collect === Collect.INTERRUPTED) {
      if (state.errno !== Errno.EINTR) return;
    } else if (failed && !(compatible && parameter.collect === Collect.ALWAYS)) return;
    const at = staged.data + staged.offset[index]!;
    const argument = staged.args[index];
    if (parameter.argument === Argument.ADDRESS) {
      collectAddress(staged, index, argument as SocketAddressBuffer, at);
      return;
    }
    const limited = plan.limit === index;
    if (parameter.argument === Argument.PIECES) {
      scatter(argument as Uint8Array[], at, value);
      return;
    }
    const target = argument as Uint8Array;
    let length = staged.length[index]!;
    if (!compatible && parameter.replyAt > 0) {
      collectReplies(target, at, length, parameter.size, parameter.replyAt);
      return;
    }
    if (limited) length = parameter.argument === Argument.RECORDS ? value * parameter.size : value;
    copyBytes(bytes, at, target, 0, length);
  }

  /**
   * poll answers how many are ready, and ready ones can stand anywhere: the host's part of every record is copied, and
   * only that. (The original copies as many whole records, from the first.)
   */
  function collectReplies(target: Uint8Array, at: number, length: number, size: number, replyAt: number): void {
    for (let start = 0; start < length; start += size) {
      for (let byte = start + replyAt; byte < start + size; byte++) target[byte] = bytes[at + byte]!;
    }
  }

  function collectAddress(staged: Staged, index: number, target: SocketAddressBuffer, at: number): void {
    const length = halves[(staged.data + staged.lengthOffset[index]!) >>> 2]!;
    const room = staged.length[index]!;
    const filled = Math.min(room, length);
    copyBytes(bytes, at, target.bytes, 0, filled);
    target.length = compatible ? length : filled;
  }

  return { collect, wasImpossible: () => impossible };
}
