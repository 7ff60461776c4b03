/** Calls that make, copy, control and wait for descriptors. */
import { Errno } from "../constants.js";
import type { Result } from "../message.js";
import { type Call, call, fail, passed } from "./call.js";
import { type Guest, success } from "./guest.js";
import { NUMBERS } from "./numbers.js";

const INT = { size: 4, align: 4 };
const POLLFD = { size: 8, align: 4 };
/** Packed on x86-64: events at 0, data at 4. */
const EPOLL_EVENT = { size: 12, align: 1 };
const EPOLL_DATA = 4;

const STDERR = 2;
const TIOCGWINSZ = 0x5413n;
const FIONBIO = 0x5421n;
const F_GETFD = 1;
const F_SETFD = 2;
const F_GETFL = 3;
const F_SETFL = 4;
const O_WRONLY = 1;
const O_RDWR = 2;
const O_APPEND = 0x400;

function isStandard(fd: number): boolean {
  return fd >= 0 && fd <= STDERR;
}

function ioctl(guest: Guest, fd: number, command: bigint, argument: bigint): Result {
  if (isStandard(fd)) return fail(command === TIOCGWINSZ ? Errno.ENOTTY : Errno.EINVAL);
  if (command !== FIONBIO) return fail(Errno.EBADFD);
  const value = guest.check(argument, INT, 1, "readable");
  if (value === null) return fail(Errno.EFAULT);
  const staged = guest.stage({ layout: INT, count: 1, from: value });
  if (staged === null) return fail(Errno.EMSGSIZE);
  return guest.proxy(NUMBERS.ioctl, fd, command, guest.pointer(staged[0]));
}

function fcntl(guest: Guest, fd: number, command: number, argument: number): Result {
  if (isStandard(fd)) {
    if (command !== F_GETFL) return fail(Errno.EINVAL);
    return success(fd === 0 ? O_RDWR | O_APPEND : O_WRONLY);
  }
  if (command === F_GETFD || command === F_GETFL) return guest.proxy(NUMBERS.fcntl, fd, command);
  if (command === F_SETFD || command === F_SETFL) return guest.proxy(NUMBERS.fcntl, fd, command, argument);
  return fail(Errno.EBADFD);
}

function pipe(guest: Guest, address: bigint): Result {
  const target = guest.check(address, INT, 2, "writable");
  if (target === null) return fail(Errno.EFAULT);
  const staged = guest.stage({ layout: INT, count: 2 });
  if (staged === null) return fail(Errno.EMSGSIZE);
  const result = guest.proxy(NUMBERS.pipe, guest.pointer(staged[0]));
  if ("ok" in result) guest.copyOut(staged[0], target);
  return result;
}

/** All entries come back, whatever the host says about their number: ready ones can be anywhere. */
function poll(guest: Guest, address: bigint, count: bigint, timeout: number): Result {
  const entries = guest.check(address, POLLFD, count, "writable");
  if (entries === null) return fail(Errno.EFAULT);
  const staged = guest.stage({ layout: POLLFD, count, from: entries });
  if (staged === null) return fail(Errno.EMSGSIZE);
  const result = guest.proxy(NUMBERS.poll, guest.pointer(staged[0]), count, timeout);
  if ("ok" in result) guest.copyOut(staged[0], entries);
  return result;
}

/** The data of the event is the program's own and may be secret: the host gets the descriptor in its place. */
function epollCtl(guest: Guest, epfd: number, op: number, fd: number, address: bigint): Result {
  const event = guest.check(address, EPOLL_EVENT, 1, "readable");
  if (event === null) return fail(Errno.EFAULT);
  const bytes = new Uint8Array(EPOLL_EVENT.size);
  guest.memory.read(event.address, bytes);
  new DataView(bytes.buffer).setBigInt64(EPOLL_DATA, BigInt(fd), true);
  const staged = guest.stage({ layout: EPOLL_EVENT, count: 1, from: bytes });
  if (staged === null) return fail(Errno.EMSGSIZE);
  return guest.proxy(NUMBERS.epoll_ctl, epfd, op, fd, guest.pointer(staged[0]));
}

function epollWait(guest: Guest, epfd: number, address: bigint, maximum: number, timeout: number): Result {
  const events = guest.check(address, EPOLL_EVENT, maximum, "writable");
  if (events === null) return fail(Errno.EFAULT);
  const staged = guest.stage({ layout: EPOLL_EVENT, count: maximum });
  if (staged === null) return fail(Errno.EMSGSIZE);
  const result = guest.proxy(NUMBERS.epoll_wait, epfd, guest.pointer(staged[0]), maximum, timeout);
  if ("ok" in result) {
    guest.copyOut(staged[0], events, guest.countOf(result.ok[0], maximum) * EPOLL_EVENT.size);
  }
  return result;
}

export const descriptorCalls = {
  close: passed(NUMBERS.close, ["int"]),
  dup: passed(NUMBERS.dup, ["cut"]),
  dup2: passed(NUMBERS.dup2, ["cut", "cut"]),
  dup3: passed(NUMBERS.dup3, ["cut", "cut", "cut"]),
  eventfd2: call(["cut", "cut"], (guest, initial, flags) => guest.proxy(NUMBERS.eventfd2, initial >>> 0, flags)),
  epoll_create1: passed(NUMBERS.epoll_create1, ["int"]),
  epoll_ctl: call(["int", "int", "int", "word"], epollCtl),
  epoll_wait: call(["int", "word", "int", "int"], epollWait),
  // The mask of epoll_pwait is not looked at: there are no signals in a keep of this generation.
  epoll_pwait: call(["int", "word", "int", "int"], epollWait),
  fcntl: call(["int", "int", "int"], fcntl),
  ioctl: call(["int", "word", "word"], ioctl),
  pipe: call(["word"], pipe),
  poll: call(["word", "word", "int"], poll),
} satisfies Record<string, Call>;
