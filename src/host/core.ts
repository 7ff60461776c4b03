/** What the host's ways of executing a call share: the keep's block, descriptors, rules and private memory. */
import { addressOf, SYS, syscall1, syscall5 } from "../kernel/index.js";
import type { Block } from "../sallyport/block.js";
import { Right } from "../sallyport/call.js";
import { Errno, POLLIN, POLLOUT } from "../sallyport/linux.js";
import type { DescriptorTable } from "./descriptors.js";
import type { Limits, Policy } from "./policy.js";
import { dereferenceHalves } from "./reference.js";
import type { Request } from "./request.js";
import { SharedDescriptorTable } from "./shared-descriptors.js";

const ALL_ONES = 0xffffffff;
const TWO_32 = 2 ** 32;
/** Longest path with its zero byte that Linux takes. */
const PATH_BYTES_MAX = 4096;
/** Bytes of private memory: two paths of at most a page with room around them, and small structures. */
const SCRATCH_BYTES = 16384;

/** Where things lie in the private memory. */
export const Scratch = {
  /** A path; 4096 bytes and room. */
  PATH: 0,
  /** A second path. */
  SECOND_PATH: 4608,
  /** struct open_how, times, timespec. */
  SMALL: 9216,
  /** struct stat, statx, msghdr and iovec. */
  STRUCTURE: 9472,
  /** A socket address and its length. */
  ADDRESS: 9984,
  /** An empty string. */
  EMPTY: 10240,
} as const;

/**
 * Places for descriptors that are open and not, or not yet, in the table. A program can use up the stack and make any
 * function of the host end with an exception; a store needs no stack, so a descriptor is noted here in the statement that
 * gets it, and what is still noted when the keep ends is closed then.
 */
export const Held = { NEW: 0, SECOND_NEW: 1, FIRST_PARENT: 2, SECOND_PARENT: 3, PATH: 4 } as const;
export const HELD_COUNT = 5;

/** How a keep ended, as its host saw it. */
export const Ended = { NO: 0, EXITED: 1, STOPPED: 2 } as const;

/** Shared by the executor and its hooks; one for each host. */
export class HostCore {
  readonly block: Block;
  /** Address of the block's first byte. */
  readonly base: number;
  readonly descriptors: DescriptorTable;
  readonly policy: Policy;
  readonly limits: Limits;
  readonly compatible: boolean;
  /** Nonzero when the keep must stop. */
  readonly stop: Int32Array;
  /** Private memory the kernel may read from and write to, and its address. */
  readonly scratch = new Uint8Array(SCRATCH_BYTES);
  readonly scratchHalves = new Uint32Array(this.scratch.buffer);
  readonly scratchAddress = addressOf(this.scratch);
  /** Native descriptors by their place in {@link Held}; negative where there is none. */
  readonly held: Int32Array;
  /** Errno of a refused item, 0 while there is none. A refusal is not a result of the kernel. */
  refused = 0;
  /** Whether and how the keep ended; see {@link Ended}. */
  ended: number = Ended.NO;
  /** Status of exit or exit_group. */
  status = 0;
  /** Bytes that may still be written; one element, so that counting allocates nothing. */
  readonly outputLeft: Float64Array;
  /** The table again, where several threads share it. */
  readonly sharing: SharedDescriptorTable | null;
  private pollMemory = new Uint8Array(1024);
  private pollAddress = addressOf(this.pollMemory);

  constructor(
    block: Block,
    descriptors: DescriptorTable,
    policy: Policy,
    limits: Limits,
    compatible: boolean,
    stop: Int32Array,
    held: Int32Array = new Int32Array(HELD_COUNT),
  ) {
    this.held = held.fill(-1);
    this.block = block;
    this.base = addressOf(block.bytes);
    this.descriptors = descriptors;
    this.policy = policy;
    this.limits = limits;
    this.compatible = compatible;
    this.stop = stop;
    this.sharing = descriptors instanceof SharedDescriptorTable ? descriptors : null;
    this.outputLeft = this.sharing?.outputLeft ?? Float64Array.of(limits.outputBytes);
  }

  /** Refuses the item. @returns -errno, for the hook to return */
  refuse(errno: number): number {
    this.refused = errno;
    return -errno;
  }

  /** Whether the keep was asked to stop. */
  stopping(): boolean {
    return this.stop[0] !== 0;
  }

  // ---- arguments ----

  /** Signed 32-bit value of a slot. */
  int(request: Request, slot: number): number {
    return request.words[2 * slot]! | 0;
  }

  /** 64-bit value of a slot, signed; a bigint only where a number is not exact. */
  wide(request: Request, slot: number): number | bigint {
    const low = request.words[2 * slot]!;
    const high = request.words[2 * slot + 1]! | 0;
    const value = low + high * TWO_32;
    return Number.isSafeInteger(value) ? value : (BigInt(high) << 32n) | BigInt(low);
  }

  /** Whether a slot is NULL. */
  isNull(request: Request, slot: number): boolean {
    return request.words[2 * slot] === ALL_ONES && request.words[2 * slot + 1] === ALL_ONES;
  }

  /** Native descriptor a slot names, -1 when it was not granted. */
  native(request: Request, slot: number): number {
    return this.descriptors.find(request.words[2 * slot]!, request.words[2 * slot + 1]!);
  }

  /**
   * Native descriptor a slot names, if it was granted with these rights.
   * @returns the descriptor, -EBADF, or -EPERM when only the right to change is missing
   */
  granted(request: Request, slot: number, right: number): number {
    const native = this.native(request, slot);
    if (native < 0) return -Errno.EBADF;
    const missing = right & ~this.descriptors.rights[request.words[2 * slot]!]!;
    if (missing === 0 || this.policy.unrestricted === true) return native;
    return missing === Right.CHANGE ? -Errno.EPERM : -Errno.EBADF;
  }

  /**
   * Checks a reference of fixed or counted size.
   * @returns byte offset in the block, or a refusal
   */
  reference(request: Request, slot: number, count: number, size: number, align: number): number {
    const { words } = request;
    const at = dereferenceHalves(request.dataLength, words[2 * slot]!, words[2 * slot + 1]!, count, 0, size, align);
    return at < 0 ? this.refuse(-at) : request.data + at;
  }

  /** Checks the reference in one slot whose count stands in another. @returns byte offset in the block, or a refusal */
  counted(request: Request, slot: number, countSlot: number, size: number, align: number): number {
    const { words } = request;
    const at = dereferenceHalves(
      request.dataLength,
      words[2 * slot]!,
      words[2 * slot + 1]!,
      words[2 * countSlot]!,
      words[2 * countSlot + 1]!,
      size,
      align,
    );
    return at < 0 ? this.refuse(-at) : request.data + at;
  }

  /** Address of a byte of the block. */
  address(offset: number): number {
    return this.base + offset;
  }

  /**
   * Copies a path of the guest into private memory, up to its zero byte, which must be inside the item.
   * @param at offset in the private memory
   * @returns its length without the zero, -ENAMETOOLONG, or a refusal
   */
  copyPath(request: Request, slot: number, at: number): number {
    const start = this.reference(request, slot, 0, 1, 1);
    if (start < 0) return start;
    const end = Math.min(request.data + request.dataLength, start + PATH_BYTES_MAX);
    const { bytes } = this.block;
    const { scratch } = this;
    // Each byte is read once; most paths are short.
    for (let from = start, to = at; from < end; from++, to++) {
      const byte = bytes[from]!;
      scratch[to] = byte;
      if (byte === 0) return to - at;
    }
    return end - start === PATH_BYTES_MAX ? -Errno.ENAMETOOLONG : this.refuse(Errno.EFAULT);
  }

  /** A private buffer for a table of pollfd or epoll_event. */
  table(bytes: number): { readonly bytes: Uint8Array; readonly address: number } {
    if (bytes > this.pollMemory.length) {
      this.pollMemory = new Uint8Array(bytes);
      this.pollAddress = addressOf(this.pollMemory);
    }
    return { bytes: this.pollMemory, address: this.pollAddress };
  }

  // ---- results ----

  /** Enters the descriptor held in a place into the table. @returns its number, or -errno with the descriptor closed */
  create(rights: number, place: number = Held.NEW): number {
    const native = this.held[place]!;
    if (native < 0) return native;
    const number = this.descriptors.add(native, rights, true);
    if (number < 0) this.release(place);
    else this.held[place] = -1;
    return number;
  }

  /** Closes the descriptor held in a place. */
  release(place: number): void {
    if (this.held[place]! < 0) return;
    this.close(this.held[place]!);
    this.held[place] = -1;
  }

  /** Closes what is still held when the keep ends, save what came into the table after all. */
  releaseHeld(): void {
    for (let place = 0; place < HELD_COUNT; place++) {
      if (this.descriptors.native.includes(this.held[place]!)) this.held[place] = -1;
      this.release(place);
    }
  }

  /** Closes a native descriptor; what Linux answers. The descriptor is gone also when it answers an error. */
  close(native: number): number {
    const result = syscall1(SYS.close, native);
    return result === -Errno.EINTR ? 0 : result;
  }

  /** Waits until a descriptor that should block, but does not, can be used. @returns 0, or -EINTR when stopping */
  wait(native: number, writing: boolean): number {
    const table = this.table(8);
    const view = new DataView(table.bytes.buffer);
    view.setInt32(0, native, true);
    view.setInt16(4, writing ? POLLOUT : POLLIN, true);
    view.setInt16(6, 0, true);
    while (!this.stopping()) {
      const result = pollForever(table.address, 1);
      if (result !== -Errno.EINTR) return Math.min(result, 0);
    }
    return -Errno.EINTR;
  }

  /**
   * How many of `length` bytes may still be written; counts nothing yet.
   * @returns the number, or -EFBIG when nothing may be written
   */
  outputRoom(length: number): number {
    if (this.sharing !== null && length > 0) return this.sharing.reserveOutput(length) || -Errno.EFBIG;
    const left = this.outputLeft[0]!;
    if (length <= left) return length;
    return left > 0 ? left : -Errno.EFBIG;
  }

  /** Counts written bytes. */
  countOutput(written: number): void {
    if (this.sharing !== null) {
      this.sharing.countOutput(written);
      return;
    }
    if (written > 0) this.outputLeft[0]! -= written;
  }
}

/** ppoll without a timeout and without a mask. */
function pollForever(address: number, count: number): number {
  return syscall5(SYS.ppoll, address, count, 0, 0, 0);
}
