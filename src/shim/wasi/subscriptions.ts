/** The subscriptions of one poll_oneoff, copied out of the program's memory and checked. */
import { Clock, Eventtype, Subscription as Fields, type Layout, Right, Subclockflags } from "./abi.js";
import { Access, type Descriptors, type Entry, Kind } from "./descriptors.js";
import { Errno } from "./errno.js";

/** What a program waits for, and what has come of it. */
export interface Subscription {
  /** Eight bytes of the program's own, low and high half. */
  readonly userdata: readonly [number, number];
  readonly type: number;
  /** Clock: what it waits for. */
  readonly clock: { readonly id: number; readonly absolute: boolean; readonly timeout: bigint } | null;
  /** Descriptor: what stands behind its number. */
  readonly entry: Entry | null;
  ready: boolean;
  error: number;
  /** Bytes that can be moved. */
  bytes: bigint;
  hangup: boolean;
}

/**
 * Reads one subscription.
 * @param view a copy of the program's array
 * @returns null for a type, clock or flag that is not known
 */
export function readSubscription(
  view: DataView,
  at: number,
  layout: Layout,
  descriptors: Descriptors,
): Subscription | null {
  const fields = layout.subscription;
  const type = view.getUint8(at + Fields.TAG);
  const userdata = [
    view.getUint32(at + Fields.USERDATA, true),
    view.getUint32(at + Fields.USERDATA + 4, true),
  ] as const;
  const outcome = { ready: false, error: 0, bytes: 0n, hangup: false };
  if (type === Eventtype.CLOCK) {
    const id = view.getUint32(at + fields.clock, true);
    const flags = view.getUint16(at + fields.flags, true);
    if (id > Clock.MONOTONIC || (flags & ~Subclockflags.ALL) !== 0) return null;
    const timeout = view.getBigUint64(at + fields.timeout, true);
    return { userdata, type, clock: { id, absolute: flags !== 0, timeout }, entry: null, ...outcome };
  }
  if (type !== Eventtype.FD_READ && type !== Eventtype.FD_WRITE) return null;
  const entry = descriptors.get(view.getUint32(at + Fields.DESCRIPTOR, true));
  const error = descriptorError(entry, type === Eventtype.FD_READ);
  return { userdata, type, clock: null, entry, ...outcome, ready: error !== 0, error };
}

/** Whether a descriptor can be waited for at all. A bad one is an event, never the end of the call. */
function descriptorError(entry: Entry, reads: boolean): number {
  const access = reads ? Access.READ : Access.WRITE;
  if (entry.kind === Kind.DIRECTORY || (entry.access & access) === 0) return Errno.BADF;
  if (entry.listens && !reads) return Errno.BADF;
  const rights = Right.POLL_FD_READWRITE | (reads ? Right.FD_READ : Right.FD_WRITE);
  return entry.lacks(rights) ? Errno.NOTCAPABLE : Errno.SUCCESS;
}
