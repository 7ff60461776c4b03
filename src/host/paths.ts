/** Calls on paths. Each resolves its paths by openat2 beneath the directory it names and acts within one item. */
import { LINUX, openFlagsFromWire, STRUCTS, SYS, syscall2, syscall3, syscall4, syscall5 } from "../kernel/index.js";
import { Right } from "../sallyport/call.js";
import {
  AT_REMOVEDIR,
  AT_SYMLINK_NOFOLLOW,
  Errno,
  O_ACCMODE,
  O_APPEND,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_DSYNC,
  O_EXCL,
  O_LARGEFILE,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_SYNC,
  O_TRUNC,
  O_WRONLY,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
} from "../sallyport/linux.js";
import { Held, type HostCore, Scratch } from "./core.js";
import type { Hook } from "./derived.js";
import type { Request } from "./request.js";
import { directoryOf, isSingleName, Last, MODE, modeOpened, openBeneath, openPath, Parent } from "./resolve.js";

const OPEN_FLAGS =
  O_ACCMODE |
  O_CREAT |
  O_EXCL |
  O_NOCTTY |
  O_TRUNC |
  O_APPEND |
  O_NONBLOCK |
  O_DSYNC |
  O_SYNC |
  O_DIRECTORY |
  O_NOFOLLOW |
  O_CLOEXEC |
  O_PATH |
  O_LARGEFILE;
/** Permissions a keep may give: no set-user-ID, set-group-ID or sticky bit. */
const PERMISSIONS = 0o777;
const SLASH = 47;
/** Flags that change the file system or need the right to. */
const CHANGING = O_CREAT | O_TRUNC;
const STAT = STRUCTS.stat;
const RDEV = STAT.fields.st_rdev.offset;
/** Minor numbers of the memory devices that do no harm: null, zero, full, random, urandom. */
const HARMLESS_MINORS: readonly number[] = [3, 5, 7, 8, 9];
const MEMORY_MAJOR = 1;

const first = new Parent(Held.FIRST_PARENT);
const second = new Parent(Held.SECOND_PARENT);

/** Whether the device that was just opened and looked at may be used. */
function deviceAllowed(core: HostCore, mode: number): boolean {
  if (core.policy.devices === true || core.policy.unrestricted === true) return true;
  const low = core.scratchHalves[(Scratch.STRUCTURE + RDEV) / 4]!;
  const major = (low >>> 8) & 0xfff;
  const minor = (low & 0xff) | ((low >>> 12) & 0xfff00);
  return (mode & S_IFMT) === S_IFCHR && major === MEMORY_MAJOR && HARMLESS_MINORS.includes(minor);
}

/** The rights that a descriptor gets which was opened with these flags from a directory with those rights. */
function rightsOf(flags: number, mode: number, parent: number): number {
  const access = flags & O_ACCMODE;
  let rights = parent & Right.CHANGE;
  if ((flags & O_PATH) !== 0) return (mode & S_IFMT) === S_IFDIR ? rights | Right.LOOKUP : rights;
  if (access !== O_WRONLY) rights |= Right.READ;
  if (access !== O_RDONLY) rights |= Right.WRITE;
  return (mode & S_IFMT) === S_IFDIR ? rights | Right.LOOKUP : rights;
}

const openat2: Hook = (core, request) => {
  const modeSlot = 3;
  const modeAt = core.isNull(request, modeSlot) ? 0 : core.reference(request, modeSlot, 1, 4, 4);
  if (modeAt < 0) return modeAt;
  const how = core.reference(request, 2, 1, 24, 8);
  if (how < 0) return how;
  const { halves } = core.block;
  const flags = halves[how / 4]!;
  const highFlags = halves[how / 4 + 1]!;
  const permissions = halves[how / 4 + 2]!;
  const length = core.copyPath(request, 1, Scratch.PATH);
  if (length < 0) return length;
  const parent = directoryOf(core, request, 0);
  if (parent < 0) return parent;
  if ((flags & ~OPEN_FLAGS) !== 0 || highFlags !== 0 || permissions > PERMISSIONS) return -Errno.EINVAL;
  const rights = core.descriptors.rights[request.words[0]!]!;
  if ((rights & Right.CHANGE) === 0 && ((flags & O_ACCMODE) !== O_RDONLY || (flags & CHANGING) !== 0)) {
    return -Errno.EPERM;
  }
  if (core.descriptors.free() < 0) return -Errno.EMFILE;
  const native = openQuietly(core, parent, flags, permissions);
  if (native < 0) return native;
  return enter(core, native, flags, rights, modeAt);
};

/** Enters a descriptor that was opened elsewhere and is held as NEW. @returns its number, or -errno with it closed */
export function adoptOpened(core: HostCore, native: number, flags: number, rights: number, modeAt: number): number {
  core.scratchHalves[MODE] = 0;
  syscall2(SYS.fstat, native, core.scratchAddress + Scratch.STRUCTURE);
  return enter(core, native, flags, rights, modeAt);
}

/** Opens without ever waiting: neither for the other end of a fifo, nor for a device or a lease. */
function openQuietly(core: HostCore, parent: number, flags: number, permissions: number): number {
  const asked = flags & ~(O_CLOEXEC | O_LARGEFILE);
  // O_PATH takes few other flags, and a descriptor of a directory cannot be waited on.
  const looks = (flags & O_DIRECTORY) === 0;
  if ((flags & O_PATH) !== 0) return openBeneath(core, parent, Scratch.PATH, asked, Held.NEW, 0, looks);
  const mode = (flags & O_CREAT) !== 0 ? permissions : 0;
  const quiet = looks ? O_NOCTTY | O_NONBLOCK : 0;
  return openBeneath(core, parent, Scratch.PATH, asked | quiet, Held.NEW, mode, looks);
}

/** Enters what was opened, unless it is a device that may not be used. */
function enter(core: HostCore, native: number, flags: number, rights: number, modeAt: number): number {
  const mode = (flags & O_DIRECTORY) !== 0 ? S_IFDIR : modeOpened(core);
  const type = mode & S_IFMT;
  const waits = type === S_IFIFO || type === S_IFCHR;
  if ((type === S_IFCHR || type === S_IFBLK) && (flags & O_PATH) === 0 && !deviceAllowed(core, mode)) {
    core.release(Held.NEW);
    return -Errno.EPERM;
  }
  if (waits && (flags & (O_NONBLOCK | O_PATH)) === 0) {
    syscall3(SYS.fcntl, native, LINUX.F_SETFL, openFlagsFromWire(flags & (O_APPEND | O_DSYNC | O_SYNC)));
  }
  const number = core.create(rightsOf(flags, mode, rights));
  if (number >= 0 && modeAt > 0) core.block.halves[modeAt / 4] = mode;
  return number;
}

/** What the calls answer that name `.` or `..` as their last component, which Linux treats in ways of its own. */
function dotAnswer(dot: number, dotDot: number, last: number): number {
  return last === Last.DOT ? -dot : -dotDot;
}

const mkdirat: Hook = (core, request) => {
  const length = core.copyPath(request, 1, Scratch.PATH);
  if (length < 0) return length;
  const directory = directoryOf(core, request, 0, Right.CHANGE);
  if (directory < 0) return directory;
  const error = first.open(core, directory, Scratch.PATH, length);
  if (error < 0) return error;
  if (first.last !== Last.NAME) return -Errno.EEXIST;
  const result = syscall3(SYS.mkdirat, first.descriptor, first.name, core.int(request, 2) & PERMISSIONS);
  first.close(core);
  return result;
};

const unlinkat: Hook = (core, request) => {
  const length = core.copyPath(request, 1, Scratch.PATH);
  if (length < 0) return length;
  const flags = core.int(request, 2);
  if ((flags & ~AT_REMOVEDIR) !== 0) return -Errno.EINVAL;
  const directory = directoryOf(core, request, 0, Right.CHANGE);
  if (directory < 0) return directory;
  const error = first.open(core, directory, Scratch.PATH, length);
  if (error < 0) return error;
  if (first.last !== Last.NAME) {
    return flags === 0 ? -Errno.EISDIR : dotAnswer(Errno.EINVAL, Errno.ENOTEMPTY, first.last);
  }
  const result = syscall3(SYS.unlinkat, first.descriptor, first.name, flags);
  first.close(core);
  return result;
};

const symlinkat: Hook = (core, request) => {
  const target = core.copyPath(request, 0, Scratch.SECOND_PATH);
  if (target < 0) return target;
  // A link that leads out would trap programs outside that follow it.
  const absolute = core.scratch[Scratch.SECOND_PATH] === SLASH;
  if (absolute && core.policy.unrestricted !== true) return -Errno.EPERM;
  const length = core.copyPath(request, 2, Scratch.PATH);
  if (length < 0) return length;
  const directory = directoryOf(core, request, 1, Right.CHANGE);
  if (directory < 0) return directory;
  const error = first.open(core, directory, Scratch.PATH, length);
  if (error < 0) return error;
  if (first.last !== Last.NAME) return -Errno.EEXIST;
  const contents = core.scratchAddress + Scratch.SECOND_PATH;
  const result = syscall3(SYS.symlinkat, contents, first.descriptor, first.name);
  first.close(core);
  return result;
};

/** Opens both parents of a call with two paths, and calls `act` with them open. */
function withParents(core: HostCore, request: Request, act: () => number): number {
  const oldLength = core.copyPath(request, 1, Scratch.PATH);
  if (oldLength < 0) return oldLength;
  const newLength = core.copyPath(request, 3, Scratch.SECOND_PATH);
  if (newLength < 0) return newLength;
  const oldDirectory = directoryOf(core, request, 0, Right.CHANGE);
  if (oldDirectory < 0) return oldDirectory;
  const newDirectory = directoryOf(core, request, 2, Right.CHANGE);
  if (newDirectory < 0) return newDirectory;
  let result = first.open(core, oldDirectory, Scratch.PATH, oldLength);
  if (result < 0) return result;
  result = second.open(core, newDirectory, Scratch.SECOND_PATH, newLength);
  if (result === 0) result = act();
  second.close(core);
  first.close(core);
  return result;
}

const renameat2: Hook = (core, request) => {
  if (request.words[8] !== 0) return -Errno.EINVAL;
  return withParents(core, request, () => {
    if (first.last !== Last.NAME || second.last !== Last.NAME) return -Errno.EBUSY;
    return syscall5(SYS.renameat2, first.descriptor, first.name, second.descriptor, second.name, 0);
  });
};

const linkat: Hook = (core, request) => {
  if (core.int(request, 4) !== 0) return -Errno.EINVAL;
  return withParents(core, request, () => {
    if (first.last !== Last.NAME) return -Errno.EPERM;
    if (first.slash) return linkFromDirectory(core);
    if (second.last !== Last.NAME) return -Errno.EEXIST;
    return syscall5(SYS.linkat, first.descriptor, first.name, second.descriptor, second.name, 0);
  });
};

/** A source with a slash behind it can only be a directory, which has no links; linkat itself would follow it out. */
function linkFromDirectory(core: HostCore): number {
  const native = openBeneath(core, first.descriptor, first.name - core.scratchAddress, O_PATH, Held.PATH);
  if (native < 0) return native;
  core.release(Held.PATH);
  return -Errno.EPERM;
}

const readlinkat: Hook = (core, request) => {
  const length = core.copyPath(request, 1, Scratch.PATH);
  if (length < 0) return length;
  const at = core.counted(request, 2, 3, 1, 1);
  if (at < 0) return at;
  const size = request.words[6]!;
  const directory = directoryOf(core, request, 0);
  if (directory < 0) return directory;
  const { scratchAddress } = core;
  if (isSingleName(core, Scratch.PATH, length)) {
    return syscall4(SYS.readlinkat, directory, scratchAddress + Scratch.PATH, core.address(at), size);
  }
  const native = openPath(core, directory, Scratch.PATH, false);
  if (native < 0) return native;
  const result = syscall4(SYS.readlinkat, native, scratchAddress + Scratch.EMPTY, core.address(at), size);
  core.release(Held.PATH);
  // With an empty path Linux says ENOENT for what is no link.
  return result === -Errno.ENOENT ? -Errno.EINVAL : result;
};

const statx: Hook = (core, request) => {
  const at = core.reference(request, 4, 1, 256, 8);
  if (at < 0) return at;
  const mask = request.words[6]!;
  const output = core.address(at);
  if (core.isNull(request, 1)) {
    const native = core.native(request, 0);
    if (native < 0) return -Errno.EBADF;
    // What the process shares with the keep (a terminal, a log) is not the keep's to examine.
    if (!core.descriptors.exclusive(request.words[0]!) && core.policy.unrestricted !== true) return -Errno.EPERM;
    return statxOf(core, native, mask, output);
  }
  const length = core.copyPath(request, 1, Scratch.PATH);
  if (length < 0) return length;
  const directory = directoryOf(core, request, 0);
  if (directory < 0) return directory;
  const follow = (core.int(request, 2) & AT_SYMLINK_NOFOLLOW) === 0;
  if (isSingleName(core, Scratch.PATH, length)) {
    const result = syscall5(
      SYS.statx,
      directory,
      core.scratchAddress + Scratch.PATH,
      LINUX.AT_SYMLINK_NOFOLLOW,
      mask,
      output,
    );
    if (result < 0 || !follow || (core.block.halves[(at + 28) / 4]! & S_IFMT) !== S_IFLNK) return result;
  }
  const native = openPath(core, directory, Scratch.PATH, follow);
  if (native < 0) return native;
  const result = statxOf(core, native, mask, output);
  core.release(Held.PATH);
  return result;
};

function statxOf(core: HostCore, native: number, mask: number, output: number): number {
  return syscall5(SYS.statx, native, core.scratchAddress + Scratch.EMPTY, LINUX.AT_EMPTY_PATH, mask, output);
}

const utimensat: Hook = (core, request) => {
  const at = core.reference(request, 2, 1, 32, 8);
  if (at < 0) return at;
  core.scratch.set(core.block.bytes.subarray(at, at + 32), Scratch.STRUCTURE);
  const times = core.scratchAddress + Scratch.STRUCTURE;
  if (core.isNull(request, 1)) {
    const native = core.granted(request, 0, Right.CHANGE);
    return native < 0 ? native : syscall4(SYS.utimensat, native, 0, times, 0);
  }
  const length = core.copyPath(request, 1, Scratch.PATH);
  if (length < 0) return length;
  const directory = directoryOf(core, request, 0, Right.CHANGE);
  if (directory < 0) return directory;
  const follow = (core.int(request, 3) & AT_SYMLINK_NOFOLLOW) === 0;
  const native = openPath(core, directory, Scratch.PATH, follow);
  if (native < 0) return native;
  const empty = core.scratchAddress + Scratch.EMPTY;
  const result = syscall4(SYS.utimensat, native, empty, times, LINUX.AT_EMPTY_PATH);
  core.release(Held.PATH);
  return result;
};

/** sallyport's open: an absolute path, read only; which ones, the policy says. */
const open: Hook = (core, request) => {
  const at = core.counted(request, 0, 1, 1, 1);
  if (at < 0) return at;
  const length = core.copyPath(request, 0, Scratch.PATH);
  if (length < 0) return length;
  const flags = core.int(request, 2);
  const unrestricted = core.policy.unrestricted === true;
  if (!unrestricted) {
    const wanted = new TextDecoder().decode(core.scratch.subarray(Scratch.PATH, Scratch.PATH + length));
    const allowed = core.policy.files?.includes(wanted) === true && (flags & ~(O_CLOEXEC | O_LARGEFILE)) === 0;
    if (!allowed) return -Errno.EACCES;
  }
  const path = core.scratchAddress + Scratch.PATH;
  core.held[Held.NEW] = syscall4(
    SYS.openat,
    LINUX.AT_FDCWD,
    path,
    openFlagsFromWire(flags | O_CLOEXEC | O_NOCTTY),
    core.int(request, 3),
  );
  return core.create(rightsOf(flags, 0, unrestricted ? Right.CHANGE : 0));
};

/** The hooks of this file, by the name a description gives. */
export const pathHooks: Readonly<Record<string, Hook>> = {
  openat2,
  mkdirat,
  unlinkat,
  symlinkat,
  renameat2,
  linkat,
  readlinkat,
  statx,
  utimensat,
  open,
};
