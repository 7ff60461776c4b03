/** Calls on descriptors whose numbers, flags or limits need more than a translation. */
import { LINUX, openFlagsFromWire, openFlagsToWire, SYS, syscall1, syscall2, syscall3 } from "../kernel/index.js";
import { Right } from "../sallyport/call.js";
import {
  Errno,
  F_DUPFD_CLOEXEC,
  F_GETFD,
  F_GETFL,
  F_SETFD,
  F_SETFL,
  FIONBIO,
  FIONREAD,
  O_APPEND,
  O_CLOEXEC,
  O_NONBLOCK,
} from "../sallyport/linux.js";
import { Held, type HostCore, Scratch } from "./core.js";
import { derived, type Hook, interruptible } from "./derived.js";
import { INHERITED } from "./descriptors.js";
import type { Request } from "./request.js";

const EVERYTHING = Right.READ | Right.WRITE | Right.CHANGE;

const close: Hook = (core, request) => {
  if (core.native(request, 0) < 0) return -Errno.EBADF;
  const native = core.descriptors.remove(request.words[0]!);
  if (native < 0) return 0;
  core.held[Held.NEW] = native;
  const result = core.close(native);
  core.held[Held.NEW] = -1;
  return result;
};

/** A second descriptor of the same description, close-on-exec, held as NEW. */
function duplicate(core: HostCore, request: Request): number {
  const native = core.native(request, 0);
  if (native < 0) return -Errno.EBADF;
  core.held[Held.NEW] = syscall3(SYS.fcntl, native, F_DUPFD_CLOEXEC, 0);
  return core.held[Held.NEW]!;
}

const dup: Hook = (core, request) => {
  const native = duplicate(core, request);
  return native < 0 ? native : core.create(core.descriptors.rights[request.words[0]!]! & INHERITED);
};

/** Puts a duplicate under a number the guest chose, closing what stood there. */
function duplicateTo(core: HostCore, request: Request): number {
  const number = request.words[2]!;
  if (request.words[3] !== 0 || number >= core.descriptors.limit) return -Errno.EBADF;
  const native = duplicate(core, request);
  if (native < 0) return native;
  const rights = core.descriptors.rights[request.words[0]!]! & INHERITED;
  const old = core.descriptors.replace(number, native, rights);
  if (old < -1) {
    core.release(Held.NEW);
    return old;
  }
  core.held[Held.NEW] = -1;
  core.held[Held.SECOND_NEW] = old;
  core.release(Held.SECOND_NEW);
  return number;
}

const dup2: Hook = (core, request) => {
  if (core.native(request, 0) < 0) return -Errno.EBADF;
  return request.words[0] === request.words[2] ? request.words[2]! : duplicateTo(core, request);
};

const dup3: Hook = (core, request) => {
  if ((core.int(request, 2) & ~O_CLOEXEC) !== 0 || request.words[0] === request.words[2]) return -Errno.EINVAL;
  return duplicateTo(core, request);
};

const fcntl: Hook = (core, request) => {
  const command = core.int(request, 1);
  const argument = core.int(request, 2);
  const native = core.native(request, 0);
  if (native < 0) return -Errno.EBADF;
  const number = request.words[0]!;
  const unrestricted = core.policy.unrestricted === true;
  if (command === F_GETFL) {
    const flags = syscall3(SYS.fcntl, native, LINUX.F_GETFL, 0);
    return flags < 0 ? flags : openFlagsToWire(flags);
  }
  if (command === F_SETFL && !unrestricted) {
    if ((argument & ~(O_APPEND | O_NONBLOCK)) !== 0) return -Errno.EINVAL;
    // Setting flags on a shared description would change it for every process that has it.
    if (!core.descriptors.exclusive(number)) return -Errno.EPERM;
  }
  if (command === F_SETFL) return syscall3(SYS.fcntl, native, LINUX.F_SETFL, openFlagsFromWire(argument));
  if (command === F_GETFD) return syscall3(SYS.fcntl, native, LINUX.F_GETFD, 0);
  // Close-on-exec stays set, whatever the guest asks: no descriptor of a keep reaches another program.
  if (command === F_SETFD) return unrestricted ? syscall3(SYS.fcntl, native, LINUX.F_SETFD, argument) : 0;
  return -Errno.EINVAL;
};

const ioctl: Hook = (core, request) => {
  const wanted = request.words[2]!;
  const absent = core.isNull(request, 2);
  const at = absent ? 0 : core.counted(request, 2, 3, 1, 1);
  if (at < 0) return at;
  const native = core.native(request, 0);
  if (native < 0) return -Errno.EBADF;
  if (wanted !== FIONREAD && wanted !== FIONBIO) return -Errno.ENOTTY;
  if (absent) return -Errno.EFAULT;
  const room = core.compatible ? request.data + request.dataLength - at : request.words[6]!;
  if (room < 4) return -Errno.EFAULT;
  const shared = !core.descriptors.exclusive(request.words[0]!) && core.policy.unrestricted !== true;
  if (wanted === FIONBIO && shared) return -Errno.EPERM;
  return syscall3(SYS.ioctl, native, wanted, core.address(at));
};

/** Refuses to grow a file beyond what may still be written. @param end size in bytes it would have */
function growthRefused(core: HostCore, end: number | bigint): boolean {
  return end > core.outputLeft[0]!;
}

const ftruncate: Hook = (core, request, plan) =>
  growthRefused(core, core.wide(request, 1)) ? -Errno.EFBIG : derived(core, request, plan);

const fallocate: Hook = (core, request, plan) => {
  if (core.int(request, 1) !== 0) return -Errno.EOPNOTSUPP;
  return growthRefused(core, core.wide(request, 3)) ? -Errno.EFBIG : derived(core, request, plan);
};

const eventfd2: Hook = (core, request) => {
  core.held[Held.NEW] = syscall2(SYS.eventfd2, request.words[0]!, core.int(request, 1) | O_CLOEXEC);
  return core.create(Right.READ | Right.WRITE);
};

const memfd_create: Hook = (core, request) => {
  const length = core.copyPath(request, 0, Scratch.PATH);
  if (length < 0) return length;
  core.held[Held.NEW] = syscall2(SYS.memfd_create, core.scratchAddress + Scratch.PATH, request.words[2]! | 1);
  return core.create(EVERYTHING);
};

const pipe2: Hook = (core, request) => {
  const at = core.reference(request, 0, 1, 8, 4);
  if (at < 0) return at;
  const flags = core.int(request, 1);
  if ((flags & ~(O_CLOEXEC | O_NONBLOCK)) !== 0) return -Errno.EINVAL;
  const error = syscall2(SYS.pipe2, core.scratchAddress + Scratch.SMALL, flags | O_CLOEXEC);
  if (error < 0) return error;
  core.held[Held.NEW] = core.scratchHalves[Scratch.SMALL / 4]!;
  core.held[Held.SECOND_NEW] = core.scratchHalves[Scratch.SMALL / 4 + 1]!;
  const from = core.create(Right.READ);
  if (from < 0) {
    core.release(Held.SECOND_NEW);
    return from;
  }
  const to = core.create(Right.WRITE, Held.SECOND_NEW);
  if (to < 0) {
    core.close(core.descriptors.remove(from));
    return to;
  }
  core.block.halves[at / 4] = from;
  core.block.halves[at / 4 + 1] = to;
  return 0;
};

const nanosleep: Hook = (core, request) => {
  const at = core.reference(request, 0, 1, 16, 8);
  if (at < 0) return at;
  const left = core.isNull(request, 1) ? 0 : core.reference(request, 1, 1, 16, 8);
  if (left < 0) return left;
  // The kernel leaves what remains where it read what was asked, so that an interrupted sleep goes on.
  core.scratch.set(core.block.bytes.subarray(at, at + 16), Scratch.SMALL);
  const address = core.scratchAddress + Scratch.SMALL;
  const result = interruptible(core, () => syscall2(SYS.nanosleep, address, address));
  if (left > 0 && result === -Errno.EINTR) {
    core.block.bytes.set(core.scratch.subarray(Scratch.SMALL, Scratch.SMALL + 16), left);
  }
  return result;
};

const sync: Hook = (core) => {
  // sync() writes back every file system of the machine: not a keep's to ask for.
  if (core.policy.unrestricted === true) syscall1(SYS.sync, 0);
  return 0;
};

/** The hooks of this file, by the name a description gives. */
export const fileHooks: Readonly<Record<string, Hook>> = {
  close,
  dup,
  dup2,
  dup3,
  fcntl,
  ioctl,
  ftruncate,
  fallocate,
  eventfd2,
  memfd_create,
  pipe2,
  nanosleep,
  sync,
};
