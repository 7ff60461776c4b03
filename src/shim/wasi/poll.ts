/**
 * poll_oneoff.
 *
 * Subscriptions are copied and checked first, then one ppoll waits for all of them, then everything that is ready is
 * reported in the order of the subscriptions.
 */
import { plans } from "../../sallyport/calls.js";
import {
  CLOCK_MONOTONIC,
  CLOCK_REALTIME,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLNVAL,
  POLLOUT,
  POLLRDHUP,
  SEEK_CUR,
} from "../../sallyport/linux.js";
import { Event, Eventrwflags, Eventtype, type Layout } from "./abi.js";
import { type Entry, Kind } from "./descriptors.js";
import { Errno, errnoOf } from "./errno.js";
import { FileStatus } from "./filestat.js";
import type { Program, WasiFunctions } from "./program.js";
import { createReadiness, Pollfd } from "./readiness.js";
import { readSubscription, type Subscription } from "./subscriptions.js";
import { setTimespec } from "./words.js";

const BILLION = 1_000_000_000n;
/** Most subscriptions of one call: twice what any known program makes. Each costs several times its size here. */
const SUBSCRIPTIONS_MAX = 131072;
/** A realtime clock may be set while the program waits for it. */
const REALTIME_WAIT_MAX = BILLION;

/** Times of the two clocks, in nanoseconds; both 0 where nobody asks. */
type Times = [realtime: bigint, monotonic: bigint];

/** A descriptor to wait for: the host's number, and all that the subscriptions want of it. */
interface Wait {
  readonly descriptor: number;
  events: number;
  happened: number;
}

export function createPoll(program: Program, layout: Layout): WasiFunctions {
  const { engine, memory, descriptors } = program;
  const readiness = createReadiness(engine);
  const status = new FileStatus(engine);
  const timeout = new Uint8Array(16);
  const timeoutView = new DataView(timeout.buffer);

  /** Copies and checks. @returns null when one is not valid */
  function readAll(start: number, count: number): Subscription[] | null {
    const { bytes } = layout.subscription;
    const copy = memory.bytes.slice(start, start + count * bytes);
    const view = new DataView(copy.buffer);
    const subscriptions: Subscription[] = [];
    for (let i = 0; i < count; i++) {
      const subscription = readSubscription(view, i * bytes, layout, descriptors);
      if (subscription === null) return null;
      subscriptions.push(subscription);
    }
    return subscriptions;
  }

  /** Regular files and block devices never wait: fills in what a reader or writer can have. */
  function settleFile(subscription: Subscription, entry: Entry): void {
    subscription.ready = true;
    subscription.bytes = 1n;
    if (subscription.type !== Eventtype.FD_READ || entry.kind !== Kind.REGULAR) return;
    if (status.askOpen(entry.descriptor) !== 0) return;
    const position = engine.seek(plans.lseek, entry.descriptor, 0, 0, SEEK_CUR);
    if (engine.state.errno !== 0) return;
    const left = status.size - BigInt(position);
    subscription.hangup = left <= 0n;
    if (left > 1n) subscription.bytes = left;
  }

  /** Everything to wait for, each descriptor once. */
  function collectWaits(subscriptions: readonly Subscription[]): Map<number, Wait> {
    const waits = new Map<number, Wait>();
    for (const { entry, ready, type } of subscriptions) {
      if (entry === null || ready) continue;
      const { descriptor } = entry;
      const wait = waits.get(descriptor) ?? { descriptor, events: 0, happened: 0 };
      wait.events |= type === Eventtype.FD_READ ? POLLIN | POLLRDHUP : POLLOUT;
      waits.set(descriptor, wait);
    }
    return waits;
  }

  /**
   * One ppoll.
   * @param nanoseconds how long at most; null for as long as it takes
   * @returns 0 or more, or a negative number of Linux
   */
  function wait(waits: ReadonlyMap<number, Wait>, nanoseconds: bigint | null): number {
    const bytes = new Uint8Array(waits.size * Pollfd.BYTES);
    const view = new DataView(bytes.buffer);
    let at = 0;
    for (const { descriptor, events } of waits.values()) {
      view.setInt32(at, descriptor, true);
      view.setUint16(at + Pollfd.EVENTS, events, true);
      at += Pollfd.BYTES;
    }
    if (nanoseconds !== null) setTimespec(timeoutView, 0, nanoseconds);
    const ready = engine.call(plans.ppoll, bytes, nanoseconds === null ? null : timeout);
    at = 0;
    for (const each of waits.values()) {
      each.happened = view.getUint16(at + Pollfd.REVENTS, true);
      at += Pollfd.BYTES;
    }
    return ready;
  }

  /** Reads the clocks that are asked for. @returns a negative number of Linux when one cannot be read */
  function tell(into: Times, realtime: boolean, monotonic: boolean): number {
    for (const [clock, asked] of [
      [CLOCK_REALTIME, realtime],
      [CLOCK_MONOTONIC, monotonic],
    ] as const) {
      if (!asked) continue;
      const told = engine.clock(clock);
      if (told < 0) return told;
      into[clock] = BigInt(engine.seconds()) * BILLION + BigInt(engine.state.low);
    }
    return 0;
  }

  /** The clock a subscription goes by: relative ones count on the monotonic clock. */
  const clockOf = ({ clock }: Subscription): number => (clock?.absolute === true ? clock.id : CLOCK_MONOTONIC);

  /** Nanoseconds until the first clock is due, at least 0; null without clocks. */
  function untilFirst(clocks: readonly Subscription[], start: Times, now: Times): bigint | null {
    let first: bigint | null = null;
    for (const subscription of clocks) {
      const left = leftOf(subscription, start, now);
      const most = clockOf(subscription) === CLOCK_REALTIME && left > REALTIME_WAIT_MAX ? REALTIME_WAIT_MAX : left;
      if (first === null || most < first) first = most;
    }
    return first !== null && first < 0n ? 0n : first;
  }

  function leftOf(subscription: Subscription, start: Times, now: Times): bigint {
    const clock = subscription.clock!;
    const due = clock.absolute ? clock.timeout : start[CLOCK_MONOTONIC] + clock.timeout;
    return due - now[clockOf(subscription)]!;
  }

  /** Bytes that can be read from what is readable; somebody who waits on a listener counts as one. */
  const readable = (entry: Entry): bigint =>
    entry.listens ? 1n : BigInt(Math.max(1, readiness.available(entry.descriptor)));

  /** Takes over what ppoll found. */
  function settleWaits(subscriptions: readonly Subscription[], waits: ReadonlyMap<number, Wait>): void {
    for (const subscription of subscriptions) {
      const { entry } = subscription;
      if (entry === null || subscription.ready) continue;
      const happened = waits.get(entry.descriptor)?.happened ?? 0;
      const reads = subscription.type === Eventtype.FD_READ;
      if ((happened & POLLNVAL) !== 0) {
        subscription.ready = true;
        subscription.error = Errno.BADF;
        continue;
      }
      const hangups = POLLHUP | (reads ? POLLRDHUP : POLLERR);
      subscription.ready = (happened & (hangups | POLLERR | (reads ? POLLIN : POLLOUT))) !== 0;
      subscription.hangup = (happened & hangups) !== 0;
      if (!subscription.ready) continue;
      if (!reads) subscription.bytes = 1n;
      else if ((happened & POLLIN) !== 0) subscription.bytes = readable(entry);
    }
  }

  /** Waits until at least one is ready. @returns an error number */
  function waitForAny(subscriptions: readonly Subscription[]): number {
    for (const subscription of subscriptions) {
      const { entry, ready } = subscription;
      if (entry !== null && !ready && (entry.kind & (Kind.REGULAR | Kind.BLOCK_DEVICE)) !== 0) {
        settleFile(subscription, entry);
      }
    }
    const clocks = subscriptions.filter(({ clock }) => clock !== null);
    const realtime = clocks.some((each) => clockOf(each) === CLOCK_REALTIME);
    const monotonic = clocks.some((each) => clockOf(each) === CLOCK_MONOTONIC);
    const waits = collectWaits(subscriptions);
    const start: Times = [0n, 0n];
    const told = tell(start, realtime, monotonic);
    if (told < 0) return errnoOf(told);
    let now: Times = [...start];
    for (;;) {
      const decided = subscriptions.some(({ ready }) => ready);
      const longest = decided ? 0n : untilFirst(clocks, start, now);
      if (waits.size > 0 || longest !== 0n) {
        const ready = wait(waits, longest);
        if (ready < 0) return errnoOf(ready);
        settleWaits(subscriptions, waits);
      }
      if (longest !== 0n) {
        now = [0n, 0n];
        const again = tell(now, realtime, monotonic);
        if (again < 0) return errnoOf(again);
      }
      for (const each of clocks) each.ready = leftOf(each, start, now) <= 0n;
      if (subscriptions.some(({ ready }) => ready)) return Errno.SUCCESS;
    }
  }

  /** Writes an event for each that is ready. @returns how many */
  function report(subscriptions: readonly Subscription[], start: number): number {
    const { bytes, view } = memory;
    let at = start;
    for (const each of subscriptions) {
      if (!each.ready) continue;
      bytes.fill(0, at, at + Event.BYTES);
      view.setUint32(at + Event.USERDATA, each.userdata[0], true);
      view.setUint32(at + Event.USERDATA + 4, each.userdata[1], true);
      view.setUint16(at + Event.ERROR, each.error, true);
      view.setUint8(at + Event.TYPE, each.type);
      view.setBigUint64(at + Event.NBYTES, each.bytes, true);
      view.setUint16(at + Event.FLAGS, each.hangup ? Eventrwflags.HANGUP : 0, true);
      at += Event.BYTES;
    }
    return (at - start) / Event.BYTES;
  }

  /** Every sleep: one relative clock and nothing else. */
  function sleep(subscription: Subscription): number {
    const slept = wait(NO_WAITS, subscription.clock!.timeout);
    subscription.ready = true;
    return errnoOf(slept);
  }

  function poll_oneoff(input: number, output: number, count: number, result: number): number {
    const size = count >>> 0;
    if (size === 0) return Errno.INVAL;
    if (
      !memory.holds(input >>> 0, size * layout.subscription.bytes) ||
      !memory.holds(output >>> 0, size * Event.BYTES) ||
      !memory.holds(result >>> 0, 4)
    ) {
      return Errno.FAULT;
    }
    if (size > SUBSCRIPTIONS_MAX) return Errno.NOMEM;
    const subscriptions = readAll(input >>> 0, size);
    if (subscriptions === null) return Errno.INVAL;
    const only = size === 1 ? subscriptions[0]! : null;
    const error = only?.clock?.absolute === false ? sleep(only) : waitForAny(subscriptions);
    if (error !== 0) return error;
    memory.view.setUint32(result >>> 0, report(subscriptions, output >>> 0), true);
    return Errno.SUCCESS;
  }

  return { poll_oneoff };
}

const NO_WAITS: ReadonlyMap<number, Wait> = new Map();
