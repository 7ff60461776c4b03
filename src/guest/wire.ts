/** What both routes of the engine stand on: views of the block, its words, the state, and the end of a keep. */
import { PosternError } from "../errors.js";
import { plans } from "../sallyport/calls.js";
import { isOwnPeer } from "../sallyport/compatibility.js";
import { argumentSlots, HEADER_BYTES, Kind, SYSCALL_PAYLOAD_BYTES } from "../sallyport/constants.js";
import { Errno } from "../sallyport/linux.js";
import type { EngineOptions, EngineState } from "./engine-types.js";

/** An end item. */
export const END_BYTES = 16;
/** Low half of the return word of a call that nobody answered. */
export const MINUS_ENOSYS = -Errno.ENOSYS >>> 0;
export const ALL_ONES = 0xffffffff;
export const TWO_32 = 2 ** 32;
/** Where the data of a system call lies that is the first item. */
export const DATA = HEADER_BYTES + SYSCALL_PAYLOAD_BYTES;

/** The error that a call on a keep that was attacked gives. */
export function attackedError(): PosternError {
  return new PosternError("EATTACKED", "the host gave an impossible reply; the keep has stopped");
}

/** See {@link createWire}. */
export type Wire = ReturnType<typeof createWire>;

/** Makes what the routes over a block share. */
export function createWire(options: EngineOptions) {
  const { block, sally } = options;
  const compatible = options.compatible ?? (options.peer !== undefined && !isOwnPeer(options.peer));
  const { bytes, halves, byteLength: blockBytes } = block;
  /** Calls end here: an end item always fits behind them. */
  const limit = blockBytes - END_BYTES;
  /** Lowest low half that is an errno when the high half is all ones. */
  const firstErrno = compatible ? TWO_32 - 4097 : TWO_32 - 4095;
  const state: EngineState = { onAttack: null, errno: 0, low: 0, high: 0, attacked: false };

  function fail(errno: number): number {
    state.errno = errno;
    return -errno;
  }

  function writeSlot(at: number, low: number, high: number): void {
    const half = at >>> 2;
    halves[half] = low;
    halves[half + 1] = high;
  }

  function writeItem(at: number, kind: number, size: number, number: number): void {
    writeSlot(at, size, 0);
    writeSlot(at + 8, kind, 0);
    writeSlot(at + HEADER_BYTES, number, 0);
    const slots = argumentSlots(kind);
    for (let slot = 0; slot < slots; slot++) writeSlot(at + 24 + 8 * slot, ALL_ONES, ALL_ONES);
    writeSlot(at + 24 + 8 * slots, MINUS_ENOSYS, ALL_ONES);
    if (kind === Kind.SYSCALL) writeSlot(at + 80, 0, 0);
  }

  function writeEnd(at: number): void {
    writeSlot(at, 0, 0);
    writeSlot(at + 8, 0, 0);
  }

  /** Stops for good: asks the host, once, to end the keep. What it answers does not matter. */
  function stop(): void {
    if (state.attacked) return;
    state.attacked = true;
    state.onAttack?.();
    if (limit < DATA) return;
    writeItem(0, Kind.SYSCALL, SYSCALL_PAYLOAD_BYTES, plans.exit_group.number);
    writeSlot(HEADER_BYTES + 8, 1, 0);
    writeEnd(DATA);
    sally();
  }

  function attack(): never {
    stop();
    throw attackedError();
  }

  /** The block is too small for a call; on a keep that was attacked no call gets even this answer. */
  function noRoom(): number {
    if (state.attacked) attack();
    return fail(Errno.ENOMEM);
  }

  function ready(): number {
    if (blockBytes < END_BYTES) return noRoom();
    if (state.attacked) attack();
    return 0;
  }

  return {
    bytes,
    halves,
    blockBytes,
    limit,
    firstErrno,
    compatible,
    sally,
    state,
    fail,
    writeSlot,
    writeItem,
    writeEnd,
    stop,
    attack,
    noRoom,
    ready,
  };
}
