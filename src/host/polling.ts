/** Waiting on descriptors. The guest's numbers are translated in a private table that the kernel reads and writes. */
import {
  epollEventFromWire,
  epollEventToWire,
  STRUCTS,
  SYS,
  syscall1,
  syscall4,
  syscall5,
  syscall6,
} from "../kernel/index.js";
import { Right } from "../sallyport/call.js";
import { EPOLL_CTL_DEL, Errno, O_CLOEXEC, POLLNVAL } from "../sallyport/linux.js";
import { Held, type HostCore, Scratch } from "./core.js";
import { type Hook, interruptible } from "./derived.js";
import type { Request } from "./request.js";

/** Most entries of one wait; Linux has its own limit, by the open files of the process. */
const ENTRIES_MAX = 65536;
const POLLFD_BYTES = 8;
/** epoll_event on the wire. */
const EVENT_BYTES = 16;
const NATIVE_EVENT_BYTES = STRUCTS.epoll_event.size;
const NANOSECONDS = 1_000_000;

/** Translates the pollfds at `at` into the private table. @returns how many name nothing that was granted */
function copyEntries(core: HostCore, at: number, count: number): number {
  const table = core.table(count * POLLFD_BYTES);
  const view = new DataView(table.bytes.buffer);
  const guest = new DataView(core.block.bytes.buffer, core.block.bytes.byteOffset);
  let unknown = 0;
  for (let i = 0; i < count; i++) {
    const number = guest.getInt32(at + i * POLLFD_BYTES, true);
    const native = number < 0 ? -1 : core.descriptors.find(number, 0);
    if (number >= 0 && native < 0) unknown++;
    view.setInt32(i * POLLFD_BYTES, native, true);
    view.setInt16(i * POLLFD_BYTES + 4, guest.getInt16(at + i * POLLFD_BYTES + 4, true), true);
    view.setInt16(i * POLLFD_BYTES + 6, number >= 0 && native < 0 ? POLLNVAL : 0, true);
  }
  return unknown;
}

/** Gives the guest what happened. An entry of an unknown descriptor keeps the POLLNVAL it got above. */
function returnEntries(core: HostCore, at: number, count: number, unknown: boolean): void {
  const view = new DataView(core.table(count * POLLFD_BYTES).bytes.buffer);
  const guest = new DataView(core.block.bytes.buffer, core.block.bytes.byteOffset);
  for (let i = 0; i < count; i++) {
    let happened = view.getInt16(i * POLLFD_BYTES + 6, true);
    const number = unknown ? guest.getInt32(at + i * POLLFD_BYTES, true) : -1;
    if (number >= 0 && core.descriptors.find(number, 0) < 0) happened = POLLNVAL;
    guest.setInt16(at + i * POLLFD_BYTES + 6, happened, true);
  }
}

/** Waits with the timeout in private memory (a timespec that the kernel counts down), or none. */
function waitFor(core: HostCore, at: number, count: number, timeout: boolean): number {
  const unknown = copyEntries(core, at, count);
  if (unknown > 0) core.scratch.fill(0, Scratch.SMALL, Scratch.SMALL + 16);
  const { address } = core.table(count * POLLFD_BYTES);
  const time = timeout || unknown > 0 ? core.scratchAddress + Scratch.SMALL : 0;
  const result = interruptible(core, () => syscall5(SYS.ppoll, address, count, time, 0, 0));
  if (result < 0) return result;
  returnEntries(core, at, count, unknown > 0);
  return result + unknown;
}

/** Checks the table of a poll. @returns byte offset in the block, or a refusal */
function entries(core: HostCore, request: Request): number {
  const at = core.counted(request, 0, 1, POLLFD_BYTES, 4);
  if (at < 0) return at;
  return request.words[2]! > ENTRIES_MAX ? -Errno.EINVAL : at;
}

const poll: Hook = (core, request) => {
  const at = entries(core, request);
  if (at < 0) return at;
  const timeout = core.int(request, 2);
  const view = new DataView(core.scratch.buffer);
  view.setBigInt64(Scratch.SMALL, BigInt(Math.max(0, Math.floor(timeout / 1000))), true);
  view.setBigInt64(Scratch.SMALL + 8, BigInt(Math.max(0, timeout % 1000) * NANOSECONDS), true);
  return waitFor(core, at, request.words[2]!, timeout >= 0);
};

const ppoll: Hook = (core, request) => {
  const at = entries(core, request);
  if (at < 0) return at;
  const none = core.isNull(request, 2);
  const timeout = none ? 0 : core.reference(request, 2, 1, 16, 8);
  if (timeout < 0) return timeout;
  if (!none) core.scratch.set(core.block.bytes.subarray(timeout, timeout + 16), Scratch.SMALL);
  return waitFor(core, at, request.words[2]!, !none);
};

const epoll_create1: Hook = (core, request) => {
  if ((core.int(request, 0) & ~O_CLOEXEC) !== 0) return -Errno.EINVAL;
  core.held[Held.NEW] = syscall1(SYS.epoll_create1, O_CLOEXEC);
  return core.create(Right.READ);
};

/** In compatible mode the sixteen bytes are handed over as they are, as the original does. */
function convertsEvents(core: HostCore): boolean {
  return !core.compatible;
}

const epoll_ctl: Hook = (core, request) => {
  const at = core.reference(request, 3, 1, EVENT_BYTES, 8);
  if (at < 0) return at;
  const epoll = core.native(request, 0);
  const native = core.native(request, 2);
  if (epoll < 0 || native < 0) return -Errno.EBADF;
  const operation = core.int(request, 1);
  let event = core.address(at);
  if (convertsEvents(core) && operation !== EPOLL_CTL_DEL) {
    const guest = new DataView(core.block.bytes.buffer, core.block.bytes.byteOffset);
    epollEventFromWire(guest, at, new DataView(core.scratch.buffer), Scratch.SMALL);
    event = core.scratchAddress + Scratch.SMALL;
  }
  return syscall4(SYS.epoll_ctl, epoll, operation, native, event);
};

const epoll_wait: Hook = (core, request, plan) => {
  const at = core.counted(request, 1, 2, EVENT_BYTES, 8);
  if (at < 0) return at;
  const masked = plan.slotCount > 4;
  const mask = masked ? core.reference(request, 4, 1, 128, 8) : 0;
  if (mask < 0) return mask;
  const epoll = core.native(request, 0);
  if (epoll < 0) return -Errno.EBADF;
  const count = request.words[4]!;
  if (count > ENTRIES_MAX) return -Errno.EINVAL;
  const timeout = core.int(request, 3);
  const converts = convertsEvents(core);
  const events = converts ? core.table(Math.max(1, count) * NATIVE_EVENT_BYTES).address : core.address(at);
  // The mask of the guest's signals means nothing to the host, whose signals are its own.
  const result = interruptible(core, () => syscall6(SYS.epoll_pwait, epoll, events, count, timeout, 0, 0));
  if (converts && result > 0) returnEvents(core, at, result);
  return result;
};

function returnEvents(core: HostCore, at: number, count: number): void {
  const table = new DataView(core.table(count * NATIVE_EVENT_BYTES).bytes.buffer);
  const guest = new DataView(core.block.bytes.buffer, core.block.bytes.byteOffset);
  for (let i = 0; i < count; i++) epollEventToWire(table, i * NATIVE_EVENT_BYTES, guest, at + i * EVENT_BYTES);
}

/** The hooks of this file, by the name a description gives. */
export const pollingHooks: Readonly<Record<string, Hook>> = {
  poll,
  ppoll,
  epoll_create1,
  epoll_ctl,
  epoll_wait,
};
