/**
 * The opaque entry: a system call as a number and six registers, numbers and structures as on x86-64. Pointers are
 * checked before the call is made. One row for each call that is known; all others give ENOSYS.
 */
import { Errno } from "../sallyport/linux.js";
import { events, packedEvents } from "./entry-epoll.js";
import { clone, futexEntry, ioctl, mremapEntry, rt_sigaction, rt_sigprocmask, shimRow } from "./entry-special.js";
import type { Handler } from "./handler.js";
import type { Platform } from "./platform.js";
import {
  address,
  bytes,
  bytesMut,
  choose,
  type Entry,
  int,
  iovecs,
  optional,
  type Registers,
  record,
  recordMut,
  recordsMut,
  row,
  size,
  socketAddress,
  text,
  toAddress,
} from "./registers.js";

export type { Registers } from "./registers.js";

const timespec = (at: number) => record(at, 16, 8);
const timespecMut = (at: number) => recordMut(at, 16, 8);
const stack = (at: number) => record(at, 24, 8);

/** What is done for each number. */
const ENTRIES = new Map<number, Entry>([
  [0, row("read", int(0), bytesMut(1))],
  [1, row("write", int(0), bytes(1))],
  [2, row("open", text(0), int(1), optional(2, int(2)))],
  [3, row("close", int(0))],
  [5, row("fstat", int(0), recordMut(1, 144, 8))],
  [7, row("poll", recordsMut(0, 8, 4), int(2))],
  [9, shimRow("mmap", size(0), size(1), int(2), int(3), int(4), size(5))],
  [10, shimRow("mprotect", address(0), size(1), int(2))],
  [11, shimRow("munmap", address(0), size(1))],
  [12, shimRow("brk", size(0))],
  [13, rt_sigaction],
  [14, rt_sigprocmask],
  [16, ioctl],
  [19, row("readv", int(0), iovecs(1, true))],
  [20, row("writev", int(0), iovecs(1, false))],
  [25, mremapEntry],
  [28, shimRow("madvise", address(0), size(1), int(2))],
  [32, row("dup", int(0))],
  [33, row("dup2", int(0), int(1))],
  [35, row("nanosleep", timespec(0), optional(1, timespecMut(1)))],
  [39, row("getpid")],
  [41, row("socket", int(0), int(1), int(2))],
  [42, row("connect", int(0), bytes(1))],
  [43, row("accept", int(0), optional(1, socketAddress(1)))],
  [44, choose(4, row("send", int(0), bytes(1), int(3)), row("sendto", int(0), bytes(1), int(3), bytes(4)))],
  [
    45,
    choose(4, row("recv", int(0), bytesMut(1), int(3)), row("recvfrom", int(0), bytesMut(1), int(3), socketAddress(4))),
  ],
  [49, row("bind", int(0), bytes(1))],
  [50, row("listen", int(0), int(1))],
  [51, row("getsockname", int(0), socketAddress(1))],
  [54, row("setsockopt", int(0), int(1), int(2), optional(3, bytes(3)))],
  [56, clone],
  [60, row("exit", int(0))],
  [63, row("uname", recordMut(0, 390, 1))],
  [72, row("fcntl", int(0), int(1), int(2))],
  [89, row("readlink", text(0), bytesMut(1))],
  [102, row("getuid")],
  [104, row("getgid")],
  [107, row("geteuid")],
  [108, row("getegid")],
  [131, row("sigaltstack", optional(0, stack(0)), optional(1, recordMut(1, 24, 8)))],
  [158, shimRow("arch_prctl", int(0), size(1))],
  [162, row("sync")],
  [202, futexEntry],
  [218, row("set_tid_address", recordMut(0, 4, 4))],
  [228, row("clock_gettime", int(0), timespecMut(1))],
  [229, row("clock_getres", int(0), optional(1, timespecMut(1)))],
  [231, row("exit_group", int(0))],
  [232, events(false)],
  [233, packedEvents],
  [281, choose(4, events(false), events(true))],
  [288, row("accept4", int(0), optional(1, socketAddress(1)), int(3))],
  [290, row("eventfd2", int(0), int(1))],
  [291, row("epoll_create1", int(0))],
  [292, row("dup3", int(0), int(1), int(2))],
  [318, row("getrandom", bytesMut(0), int(2))],
]);

/**
 * Carries out a system call from registers.
 * @param handler makes the call
 * @param platform checks the pointers; whatever is borrowed from it is given back
 * @param registers number, then arguments
 * @returns the first return register (the second is always 0), or -errno
 * @throws PosternError EATTACKED after an impossible reply
 */
export function systemCall(handler: Handler, platform: Platform, registers: Registers): number {
  const { engine } = handler;
  if (engine.state.attacked) engine.attack();
  const entry = ENTRIES.get(toAddress(registers[0] ?? -1));
  if (entry === undefined) return engine.settle(-Errno.ENOSYS);
  try {
    return engine.settle(entry({ handler, platform, compatible: engine.compatible }, registers));
  } finally {
    platform.release();
  }
}
