/**
 * The long way of reading and writing: several buffers, more than the block holds, sockets, and standard streams that
 * must not wait.
 *
 * Results are >= 0, or a negative number of WASI.
 */
import type { Plan } from "../../sallyport/call.js";
import { plans } from "../../sallyport/calls.js";
import { MSG_NOSIGNAL, POLLERR, POLLHUP, POLLIN, POLLOUT } from "../../sallyport/linux.js";
import { Fdflags } from "./abi.js";
import { type Entry, Kind, STDIO } from "./descriptors.js";
import { Errno, errnoOf } from "./errno.js";
import type { Iovecs } from "./iovecs.js";
import { GatheringMemory } from "./memory.js";
import type { Program } from "./program.js";
import { createReadiness } from "./readiness.js";

/** Moves the bytes that `iovecs` holds. */
export interface Mover {
  read(entry: Entry): number;
  write(entry: Entry): number;
  readAt(entry: Entry, low: number, high: number): number;
  writeAt(entry: Entry, low: number, high: number): number;
  /** Sends the bytes on a socket. @param flags Linux's */
  send(entry: Entry, flags: number): number;
}

/** What a write on a standard stream that must not wait moves at most: a pipe takes as much once it is writable. */
const UNWAITING_BYTES_MAX = 4096;
/** Most that one call of Linux moves: it does not let go of a file in between, and the keep may have to stop. */
const PIECE_BYTES = 4 * 2 ** 20;
const NOT_POSITIONED = 0xffffffff;

export function createMover(program: Program, iovecs: Iovecs): Mover {
  const { engine, memory } = program;
  const { capacity } = engine;
  const readiness = createReadiness(engine);
  /** Where several buffers become one; made when first needed. */
  let gathering: GatheringMemory | undefined;

  /** Moves part of what is left: at most a block, or a piece of one buffer. @returns bytes, or a negative number of Linux */
  function step(plan: Plan, descriptor: number, low: number, high: number): number {
    const { start, length, left } = iovecs;
    const direct = Math.min(length, left, PIECE_BYTES);
    if (direct === left || direct >= capacity) {
      return engine.transfer(plan, descriptor, memory, start, direct, low, high);
    }
    gathering ??= new GatheringMemory((capacity + 7) & ~7);
    const count = Math.min(left, capacity);
    if (plan.transferIn) iovecs.gather(memory, gathering.bytes, count);
    const moved = engine.transfer(plan, descriptor, gathering, 0, count, low, high);
    if (moved > 0 && !plan.transferIn) iovecs.scatter(memory, gathering.bytes, moved);
    return moved;
  }

  /**
   * Moves what is left.
   * @param goesOn a full block may be followed by another
   * @param whole so may one that was not full
   */
  function move(plan: Plan, descriptor: number, goesOn: boolean, low: number, high: number, whole = false): number {
    let done = 0;
    while (iovecs.left > 0) {
      const at = (low >>> 0) + done;
      const moved = plan.positioned
        ? step(plan, descriptor, at >>> 0, high + Math.floor(at / 2 ** 32))
        : step(plan, descriptor, low, high);
      if (moved < 0) return done > 0 ? done : -errnoOf(moved);
      done += moved;
      // Less than a full block: Linux had no more to give or to take.
      const full = moved >= Math.min(iovecs.left, capacity);
      iovecs.advance(moved);
      if (moved === 0 || !(full || whole) || !goesOn) break;
    }
    return done;
  }

  /** Reading may go on only where it cannot wait. */
  const readsOn = (entry: Entry): boolean => (entry.kind & (Kind.REGULAR | Kind.BLOCK_DEVICE)) !== 0;

  /** Whether a standard stream that must not wait would; sharing it, its own flag cannot be set. @returns 0 or an error */
  function wouldWait(entry: Entry, events: number): number {
    if ((entry.kind & STDIO) === 0 || (entry.flags & Fdflags.NONBLOCK) === 0) return 0;
    const ready = readiness.now(entry.descriptor, events);
    if (ready < 0) return -errnoOf(ready);
    return (ready & (events | POLLHUP | POLLERR)) === 0 ? -Errno.AGAIN : 0;
  }

  function read(entry: Entry): number {
    if (iovecs.left === 0) return 0;
    const error = wouldWait(entry, POLLIN);
    if (error !== 0) return error;
    return move(plans.read, entry.descriptor, readsOn(entry), NOT_POSITIONED, NOT_POSITIONED);
  }

  function write(entry: Entry): number {
    if (iovecs.left === 0) return 0;
    if ((entry.kind & (Kind.STREAM | Kind.DATAGRAM)) !== 0) return send(entry, MSG_NOSIGNAL);
    const error = wouldWait(entry, POLLOUT);
    if (error !== 0) return error;
    const standard = (entry.kind & STDIO) !== 0;
    const waits = (entry.flags & Fdflags.NONBLOCK) === 0;
    if (standard && !waits) iovecs.left = Math.min(iovecs.left, UNWAITING_BYTES_MAX);
    // Somebody who shares a standard stream may have made it nonblocking; to the program it is not, and takes everything.
    return move(plans.write, entry.descriptor, true, NOT_POSITIONED, NOT_POSITIONED, standard && waits);
  }

  function readAt(entry: Entry, low: number, high: number): number {
    return move(plans.pread64, entry.descriptor, readsOn(entry), low, high);
  }

  function writeAt(entry: Entry, low: number, high: number): number {
    return move(plans.pwrite64, entry.descriptor, true, low, high);
  }

  function send(entry: Entry, flags: number): number {
    if (entry.kind === Kind.DATAGRAM && iovecs.left > capacity) return -Errno.MSGSIZE;
    let done = 0;
    do {
      const count = Math.min(iovecs.left, capacity);
      const buffer = new Uint8Array(count);
      iovecs.gather(memory, buffer, count);
      const sent = engine.call(plans.send, entry.descriptor, buffer, flags);
      if (sent < 0) return done > 0 ? done : -errnoOf(sent);
      done += sent;
      iovecs.advance(sent);
      if (sent < count) break;
    } while (iovecs.left > 0);
    return done;
  }

  return { read, write, readAt, writeAt, send };
}
