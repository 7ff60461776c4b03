/** What an engine is and does: the types, apart from how. */
import type { Block } from "../sallyport/block.js";
import type { Plan } from "../sallyport/call.js";

/** Memory that transfers copy from and to: its bytes, and the same memory as 64-bit units for aligned copies. */
export interface TransferMemory {
  readonly bytes: Uint8Array;
  readonly longs: BigUint64Array;
  /** Not the program's memory: the host cannot refer to it, so it goes through the block also with a window. */
  readonly apart?: boolean;
}

/** How an engine behaves. */
export interface EngineOptions {
  /** The memory shared with the host. */
  readonly block: Block;
  /** Hands the block to the host and gets it back: 0, or the errno of a failed hand-over. */
  readonly sally: () => number;
  /** Version of the host, where it is known: decides `compatible` where that is not given. */
  readonly peer?: string;
  /**
   * Behave as sallyport 0.7.1 to the byte: errno down to -4097, outputs and padding keep what the block held. For hosts
   * that are not of this implementation, and for recorded data. Default false.
   */
  readonly compatible?: boolean;
  /** The host takes references into the program's own memory (high word 1) for large data. Default false. */
  readonly window?: boolean;
}

/** What the last call left, besides its return value. */
export interface EngineState {
  /** Told once, before anybody else, that the host gave an impossible reply; set by a shim that has other ways out. */
  onAttack: (() => void) | null;
  /** Errno of the last call, 0 when it succeeded. */
  errno: number;
  /** Low half of the last return word. */
  low: number;
  /** High half of the last return word. */
  high: number;
  /** The host gave an impossible reply; no further call is possible. */
  attacked: boolean;
}

/** One call of a batch. */
export interface BatchEntry {
  readonly plan: Plan;
  readonly args: readonly unknown[];
}

/** What became of one call of a batch: its value (null: the reply was impossible), or its errno. */
export interface BatchResult {
  readonly value: number | bigint | null;
  readonly errno: number;
}

/** The engine over one block. Values are >= 0, or -errno. */
export interface Engine {
  readonly state: EngineState;
  /** Whether the peer is not of this implementation (the option of the same name). */
  readonly compatible: boolean;
  /**
   * Whether a call could begin: 0, or -ENOMEM for a block too small for any call, also for one answered in the guest.
   * @throws PosternError EATTACKED after an impossible reply
   */
  ready(): number;
  /** Records the outcome of something the guest answered itself, >= 0 or -errno, as that of the last call. */
  settle(value: number): number;
  /** A call whose arguments are all 32-bit numbers. */
  numbers(plan: Plan, a?: number, b?: number, c?: number, d?: number, e?: number, f?: number): number;
  /**
   * A call that moves bytes: a descriptor, a range of `memory`, and at most a 64-bit position.
   * @returns bytes moved, or -errno; at most what fits in the block
   */
  transfer(
    plan: Plan,
    fd: number,
    memory: TransferMemory,
    start: number,
    length: number,
    positionLow?: number,
    positionHigh?: number,
  ): number;
  /**
   * A call that fills a range of `memory` (getrandom): its buffer comes first, a number after it.
   * @returns bytes filled, or -errno; at most what fits in the block
   */
  fill(plan: Plan, memory: TransferMemory, start: number, length: number, flags: number): number;
  /** A call with a 64-bit number between a descriptor and a small number (lseek). The value is also in `state`. */
  seek(plan: Plan, fd: number, low: number, high: number, last: number): number;
  /**
   * openat2: what every program does most, of the calls that name a path.
   * @param path holds the path, without a zero byte, in its first `length` bytes
   * @param flags open flags of x86-64 Linux
   * @param permissions of a file that is created, else 0
   * @returns a descriptor, or -errno; after a success `openedMode` tells what was opened
   */
  open(directory: number, path: Uint8Array, length: number, flags: number, permissions: number): number;
  /** Type and permissions (st_mode) of what the last successful `open` opened. */
  openedMode(): number;
  /**
   * statx.
   * @param path holds the path, without a zero byte, in its first `length` bytes; length 0: the descriptor itself
   * @param flags AT_SYMLINK_NOFOLLOW or 0
   * @param mask what is asked for, STATX_*
   * @param into receives struct statx after a success; at least 256 bytes
   * @returns 0, or -errno
   */
  status(fd: number, path: Uint8Array, length: number, flags: number, mask: number, into: Uint8Array): number;
  /** clock_gettime; the time is in `state` (low: nanoseconds below a second; high is unused) and `seconds`. */
  clock(clock: number): number;
  /** Seconds of the last successful `clock`. */
  seconds(): number;
  /** Any call, with its arguments in order. */
  call(plan: Plan, ...args: readonly unknown[]): number;
  /** As `call`, but the full 64 bits of the value: >= 0n, or -errno. */
  callWide(plan: Plan, ...args: readonly unknown[]): bigint;
  /** Calls staged together and handed over once. @returns their results in order, or -errno when staging failed */
  batch(entries: readonly BatchEntry[]): BatchResult[] | number;
  /** Most bytes that one transfer moves through the block. */
  readonly capacity: number;
  /** Ends the keep: the reply was impossible. Never returns. */
  attack(): never;
}
