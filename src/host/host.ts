/**
 * The host executes a block: item by item it copies, checks, asks the policy, translates descriptors and pointers,
 * calls Linux and writes the reply. Every word of the block is hostile; what a decision rests on is read once, into
 * memory of the host's own.
 *
 * The functions are made once for each host, over constant views, because V8 folds those (docs/performance.md). What they
 * use often they take into a variable of their own: until V8 has optimised a function, each use of what it captures is
 * looked up and checked; and only short functions are compiled as a part of their caller.
 */
import { PosternError } from "../errors.js";
import { readMonotonic, vdsoClockGettime } from "../kernel/clock.js";
import { getrandom } from "../kernel/random.js";
import { syscall3, syscall4 } from "../kernel/syscall.js";
import { type Block, type IterationEnd, malformedItem, readHeader } from "../sallyport/block.js";
import type { Plan } from "../sallyport/call.js";
import { isOwnPeer } from "../sallyport/compatibility.js";
import { CALL_PAYLOAD_BYTES, HEADER_BYTES, Kind, SYSCALL_PAYLOAD_BYTES } from "../sallyport/constants.js";
import { CLOCK_MONOTONIC, Errno } from "../sallyport/linux.js";
import { isOwnClock } from "./clocks.js";
import { isShared, PrivateCopy } from "./copying.js";
import { Ended, HostCore } from "./core.js";
import { DescriptorTable, descriptorRows } from "./descriptors.js";
import { loaderPlan } from "./loader.js";
import { adoptOpened } from "./paths.js";
import { HOST_PLANS, type HostPlan, refusalTable } from "./plans.js";
import { DEFAULT_LIMITS, type Limits, type Observer, type Policy } from "./policy.js";
import { dereferenceHalves } from "./reference.js";
import { Request, type Window } from "./request.js";
import type { Services } from "./services.js";

/** What a host needs. */
export interface HostOptions {
  /** The memory shared with the guest. */
  readonly block: Block;
  /** The keep's descriptors; default: an empty table. */
  readonly descriptors?: DescriptorTable;
  readonly policy?: Policy;
  readonly limits?: Partial<Limits>;
  /**
   * As sallyport 0.7.1: calls that only this implementation knows are skipped, a refused item ends the execution with
   * its errno, malformed items end it silently where the original does. Default false.
   */
  readonly compatible?: boolean;
  /** Version of the guest, where it is known: decides `compatible` where that is not given. */
  readonly peer?: string;
  /**
   * First element: nonzero when the keep must stop: no further item is executed, and waiting calls return once they are
   * interrupted. Shared memory lets another thread set it.
   */
  readonly stop?: Int32Array;
  /** The program's memory, if requests may refer to it. */
  readonly window?: Window;
  readonly observer?: Observer;
  /** Where the host notes descriptors that are in no table: HELD_COUNT elements. Default: memory of its own. */
  readonly held?: Int32Array;
  /** What the loader of the keep offers: attestation, memory, threads, a debugger. Default: nothing. */
  readonly services?: Services;
}

/** The executor of one block. */
export interface Host {
  /**
   * Executes the items of the block.
   * @returns 0, or the errno of a refused item (compatible mode only; later items were not executed)
   * @throws PosternError EBADBLOCK at a malformed item; those before it were executed
   */
  execute(): number;
  /** Whether and how the keep ended: see {@link Ended}. */
  ended(): number;
  /** Status given to exit or exit_group. */
  status(): number;
  /** The request looked at last: for reports of what the keep did when it ended. */
  readonly request: Request;
  /** Looks at the block's first item, where somebody else executed it: `request` is that then. Without one nothing changes. */
  recall(): void;
  readonly descriptors: DescriptorTable;
  /**
   * Enters what the short way has opened, which is held as NEW and neither a file nor a directory.
   * @param rights those of the directory it was opened from
   * @param mode where its mode goes, in bytes from the start of the block; 0: nowhere
   * @returns its number, or -errno
   */
  adopt(native: number, flags: number, rights: number, mode: number): number;
  /** Closes every descriptor of the keep. */
  close(): void;
}

const TWO_32 = 2 ** 32;

/** Makes the host of a block. */
export function createHost(options: HostOptions): Host {
  const watched = options.observer !== undefined || options.policy?.decide !== undefined;
  return watched && isShared(options.block) ? createCopyingHost(options) : createDirectHost(options);
}

/** The host of a shared block whose requests are watched: it executes a private copy. */
function createCopyingHost(options: HostOptions): Host {
  const copy = new PrivateCopy(options.block);
  const host = createDirectHost({ ...options, block: copy.block });
  return {
    ...host,
    execute() {
      copy.take();
      try {
        return host.execute();
      } finally {
        copy.give();
      }
    },
  };
}

function createDirectHost(options: HostOptions): Host {
  const { block } = options;
  const compatible = options.compatible ?? (options.peer !== undefined && !isOwnPeer(options.peer));
  const limits: Limits = { ...DEFAULT_LIMITS, ...options.limits };
  const descriptors = options.descriptors ?? new DescriptorTable(descriptorRows(limits.descriptors));
  const policy: Policy = options.policy ?? {};
  const observer = options.observer ?? null;
  const decide = policy.decide ?? null;
  const stop = options.stop ?? new Int32Array(1);
  const window = options.window ?? null;
  const services = options.services ?? {};
  const core = new HostCore(block, descriptors, policy, limits, compatible, stop, options.held);
  const request = new Request(block, options.window);
  const unrestricted = policy.unrestricted === true;
  const limited = Number.isFinite(limits.outputBytes);
  const refusals = refusalTable(policy);
  const itemsMax = limits.items;
  const inspected = observer !== null || decide !== null || refusals !== null;

  const halves = block.halves;
  const { base } = core;
  const words = request.words;
  const native = descriptors.native;
  const rights = descriptors.rights;
  const descriptorLimit = descriptors.limit;
  const { sharing } = core;
  const closeNative = (descriptor: number) => void core.close(descriptor);
  const header = { kind: 0, size: 0 };

  /**
   * Address of a buffer in the data section or, where that was granted, in the program's memory.
   * @param at index of its offset in the copied words; its length follows
   * @returns the address, or -EFAULT or a refusal
   */
  function bufferAddress(at: number): number {
    const from = words;
    if (from[at + 1] === 1 && window !== null) return windowAddress(window, at);
    const offset = dereferenceHalves(request.dataLength, from[at]!, from[at + 1]!, from[at + 2]!, from[at + 3]!, 1, 1);
    return offset < 0 ? core.refuse(-offset) : base + request.data + offset;
  }

  function windowAddress(memory: Window, at: number): number {
    const from = words;
    const start = from[at]!;
    const length = from[at + 2]!;
    const room = memory.bytes().length;
    if (from[at + 3] !== 0 || length > room || start > room - length) return -Errno.EFAULT;
    return memory.address() + start;
  }

  /** Fills a buffer with random bytes. @returns count, or -errno */
  function fill({ plan }: HostPlan): number {
    const address = bufferAddress(0);
    if (address < 0) return address;
    if (inspected) {
      const refusal = inspect(plan);
      if (refusal !== 0) return refusal;
    }
    for (;;) {
      const result = getrandom(address, words[2]!, words[4]!);
      if (result !== -Errno.EINTR || core.stopping()) return result;
    }
  }

  /** Moves bytes between a descriptor and the data section or the program's memory. @returns count, or -errno */
  function transfer(plan: HostPlan): number {
    const address = bufferAddress(2);
    if (address < 0) return address;
    const from = words;
    const number = from[0]!;
    if (from[1] !== 0 || number >= descriptorLimit) return -Errno.EBADF;
    const descriptor = sharing === null ? native[number]! : sharing.find(number, 0);
    if (descriptor < 0 || (!unrestricted && (rights[number]! & plan.right) !== plan.right)) return -Errno.EBADF;
    if (inspected) {
      const refusal = inspect(plan.plan);
      if (refusal !== 0) return refusal;
    }
    if (limited && plan.writes) return limitedTransfer(plan, number, descriptor, address);
    const result = move(plan, descriptor, address, from[4]!);
    return result < 0 ? transferAgain(plan, number, descriptor, address, from[4]!, result) : result;
  }

  /** Writes no more than the keep may still write, and counts it. */
  function limitedTransfer(plan: HostPlan, number: number, descriptor: number, address: number): number {
    const count = core.outputRoom(words[4]!);
    if (count < 0) return count;
    let result = move(plan, descriptor, address, count);
    if (result < 0) result = transferAgain(plan, number, descriptor, address, count, result);
    core.countOutput(result);
    return result;
  }

  function move(plan: HostPlan, descriptor: number, address: number, count: number): number {
    if (plan.positioned) return moveAt(plan, descriptor, address, count);
    return syscall3(plan.native, descriptor, address, count);
  }

  function moveAt(plan: HostPlan, descriptor: number, address: number, count: number): number {
    const position = words[7] === 0 ? words[6]! : core.wide(request, 3);
    return syscall4(plan.native, descriptor, address, count, position);
  }

  function transferAt(plan: HostPlan): number {
    copyRest();
    return transfer(plan);
  }

  /** Repeats a transfer that was interrupted, or that met a shared description somebody made nonblocking. */
  function transferAgain(
    plan: HostPlan,
    number: number,
    descriptor: number,
    address: number,
    count: number,
    first: number,
  ): number {
    let result = first;
    for (;;) {
      if (core.stopping()) return result;
      const shared = result === -Errno.EAGAIN && !compatible && !descriptors.exclusive(number);
      if (shared && core.wait(descriptor, plan.writes) < 0) return -Errno.EINTR;
      if (!shared && result !== -Errno.EINTR) return result;
      result = move(plan, descriptor, address, count);
    }
  }

  /** Shows the request to policy and observer. @returns 0, or -errno of a refusal */
  function inspect(plan: Plan): number {
    if (refusals !== null && plan.kind === Kind.SYSCALL) {
      const refusal = refusals[plan.number]!;
      if (refusal !== 0) return -refusal;
    }
    if (decide !== null) {
      const errno = decide(request);
      if (errno !== 0) return -errno;
    }
    if (observer?.before !== undefined) observer.before(request);
    return 0;
  }

  /** Executes a call by its hook. */
  function hooked(plan: HostPlan): number {
    if (inspected) {
      const refusal = inspect(plan.plan);
      if (refusal !== 0) return refusal;
    }
    return plan.hook(core, request, plan.plan);
  }

  function hookedLong(plan: HostPlan): number {
    copyRest();
    return hooked(plan);
  }

  /** Moves or tells the position of a descriptor of the keep's own. */
  function seek(plan: HostPlan): number {
    if (inspected) {
      const refusal = inspect(plan.plan);
      if (refusal !== 0) return refusal;
    }
    const from = words;
    const number = from[0]!;
    if (from[1] !== 0 || number >= descriptorLimit) return -Errno.EBADF;
    const descriptor = sharing === null ? native[number]! : sharing.find(number, 0);
    if (descriptor < 0) return -Errno.EBADF;
    // The position of a shared description belongs to every process that has it.
    if (!unrestricted && !descriptors.exclusive(number)) return -Errno.ESPIPE;
    const whence = from[4]!;
    if (from[5] !== 0 || whence > 2) return -Errno.EINVAL;
    const offset = from[3] === 0 ? from[2]! : core.wide(request, 1);
    return syscall3(plan.native, descriptor, offset, whence);
  }

  function clock(plan: HostPlan): number {
    if (inspected) {
      const refusal = inspect(plan.plan);
      if (refusal !== 0) return refusal;
    }
    const from = words;
    const id = from[0]!;
    const low = from[2]!;
    const high = from[3]!;
    const first = low === 0 && high === 0 && request.dataLength >= 16;
    const at = first ? 0 : dereferenceHalves(request.dataLength, low, high, 1, 0, 16, 8);
    if (at < 0) return core.refuse(-at);
    if (!unrestricted && (from[1] !== 0 || !isOwnClock(id))) return -Errno.EINVAL;
    const place = request.data + at;
    // Most programs ask for this one, and most clocks are asked for often.
    if (id === CLOCK_MONOTONIC) {
      readMonotonic(halves, place >>> 2);
      return 0;
    }
    return vdsoClockGettime(id | 0, base + place);
  }

  /**
   * By {@link Way}. A table, since the engine then compiles each way by itself: where all were branches of one function,
   * the first call of another shape made it throw that function's code away.
   */
  const ways: ReadonlyArray<(plan: HostPlan) => number> = [hooked, hookedLong, transfer, transferAt, fill, seek, clock];

  /** Copies what `item` leaves of the arguments: the last three. */
  function copyRest(): void {
    const from = halves;
    const to = words;
    const half = (request.data >>> 2) - 10;
    to[6] = from[half]!;
    to[7] = from[half + 1]!;
    to[8] = from[half + 2]!;
    to[9] = from[half + 3]!;
    to[10] = from[half + 4]!;
    to[11] = from[half + 5]!;
  }

  /** Executes a debugger or enarx call. @returns 0, or the errno of a refusal */
  function loaderItem(offset: number, number: number): number {
    const found = loaderPlan(header.kind, number, compatible);
    if (found === undefined) return 0;
    const half = (offset + HEADER_BYTES) >>> 2;
    for (let i = 0; i < 8; i++) words[i] = halves[half + 2 + i]!;
    request.data = offset + HEADER_BYTES + CALL_PAYLOAD_BYTES;
    request.dataLength = header.size - CALL_PAYLOAD_BYTES;
    request.plan = found.plan;
    core.refused = 0;
    const refusal = inspected ? inspect(found.plan) : 0;
    const answer = refusal !== 0 ? refusal : found.call(core, request, services);
    request.result = Number(answer);
    if (observer !== null) observer.after?.(request);
    if (core.refused !== 0 && compatible) return core.refused;
    const value = BigInt(answer);
    halves[half + 10] = Number(value & 0xffffffffn);
    halves[half + 11] = Number((value >> 32n) & 0xffffffffn);
    return 0;
  }

  /** Whether the end stands here as it should, and inside of the block. What is undefined lies outside. */
  function isUsualEnd(half: number): boolean {
    const from = halves;
    return from[half] === 0 && from[half + 1] === 0 && from[half + 2] === 0 && from[half + 3] === 0;
  }

  // Too long on purpose to be compiled as a part of the guest's functions: it is compiled once, and leaves them room.
  function execute(): number {
    const from = halves;
    const to = words;
    const view = request;
    let offset = 0;
    for (let count = 0; ; count++) {
      if (stop[0] !== 0) noteStop();
      if (core.ended !== Ended.NO) return 0;
      const end = readHeader(block, offset, header);
      if (end !== undefined) return finish(end, offset);
      if (count >= itemsMax) throw tooMany(offset);
      const half = (offset + HEADER_BYTES) >>> 2;
      const number = from[half]!;
      const plan = HOST_PLANS[number];
      if (header.kind !== Kind.SYSCALL) {
        const refused = from[half + 1] === 0 ? loaderItem(offset, number) : 0;
        if (refused !== 0) return refused;
      } else if (plan !== undefined && from[half + 1] === 0 && !(compatible && plan.extension)) {
        // Written out: as a loop it takes twice the time. The others are copied by the ways of calls that have some.
        to[0] = from[half + 2]!;
        to[1] = from[half + 3]!;
        to[2] = from[half + 4]!;
        to[3] = from[half + 5]!;
        to[4] = from[half + 6]!;
        to[5] = from[half + 7]!;
        view.data = offset + HEADER_BYTES + SYSCALL_PAYLOAD_BYTES;
        view.dataLength = header.size - SYSCALL_PAYLOAD_BYTES;
        view.plan = plan.plan;
        core.refused = 0;
        const result = ways[plan.way]!(plan);
        if (sharing !== null) sharing.release(closeNative);
        view.result = result;
        if (observer !== null) observer.after?.(view);
        if (core.refused !== 0 && compatible) return core.refused;
        from[half + 14] = result;
        from[half + 15] = result < 0 ? 0xffffffff : result < TWO_32 ? 0 : result / TWO_32;
      }
      offset += HEADER_BYTES + header.size;
      if (isUsualEnd(offset >>> 2) && stop[0] === 0) return 0;
    }
  }

  // What seldom happens stands apart, so that the functions above stay short enough to be compiled as one.

  function noteStop(): void {
    if (core.ended === Ended.NO) core.ended = Ended.STOPPED;
  }

  /** No further item. @returns 0 @throws PosternError EBADBLOCK where that is no end */
  function finish(end: IterationEnd, offset: number): number {
    if (end === "end" || (compatible && end !== "overrun")) return 0;
    throw malformedItem(end, offset);
  }

  function tooMany(offset: number): PosternError {
    return new PosternError("EBADBLOCK", `the block holds more than ${itemsMax} items`, { offset });
  }

  function recall(): void {
    const number = halves[HEADER_BYTES / 4]!;
    const plan = HOST_PLANS[number];
    const isCall = readHeader(block, 0, header) === undefined && header.kind === Kind.SYSCALL;
    if (!isCall || plan === undefined) return;
    for (let i = 0; i < words.length; i++) words[i] = halves[HEADER_BYTES / 4 + 2 + i]!;
    request.data = HEADER_BYTES + SYSCALL_PAYLOAD_BYTES;
    request.dataLength = header.size - SYSCALL_PAYLOAD_BYTES;
    request.plan = plan.plan;
    const [low, high] = [halves[HEADER_BYTES / 4 + 14]!, halves[HEADER_BYTES / 4 + 15]!];
    request.result = low + (high | 0) * TWO_32;
  }

  return {
    execute,
    recall,
    ended: () => core.ended,
    status: () => core.status,
    request,
    descriptors,
    adopt: (native, flags, rights, mode) => adoptOpened(core, native, flags, rights, mode),
    // A table that other threads use too is emptied by whoever sees the last of them end.
    close: () => {
      core.releaseHeld();
      if (sharing === null) descriptors.clear(closeNative);
      else sharing.release(closeNative);
    },
  };
}
