/** What the shim itself knows of a descriptor: fdstat, preopens, closing, renumbering. */

import { plans } from "../../sallyport/calls.js";
import { F_SETFL, O_APPEND, O_NONBLOCK } from "../../sallyport/linux.js";
import { Fdflags, Fdstat, Prestat, RIGHTS_ALL, Right } from "./abi.js";
import { type Entry, Kind, STDIO } from "./descriptors.js";
import { Errno, errnoOf } from "./errno.js";
import type { Program, WasiFunctions } from "./program.js";

/** Flags that only opening can set. */
const FIXED_FLAGS = Fdflags.DSYNC | Fdflags.RSYNC | Fdflags.SYNC;

export function createDescriptorStatus(program: Program): WasiFunctions {
  const { engine, memory, descriptors } = program;

  function fd_fdstat_get(fd: number, result: number): number {
    const at = result >>> 0;
    if (!memory.holds(at, Fdstat.BYTES)) return Errno.FAULT;
    const entry = descriptors.get(fd);
    if (entry.kind === Kind.CLOSED) return Errno.BADF;
    const { view } = memory;
    memory.bytes.fill(0, at, at + Fdstat.BYTES);
    view.setUint8(at + Fdstat.FILETYPE, entry.filetype);
    view.setUint16(at + Fdstat.FLAGS, entry.flags, true);
    view.setUint32(at + Fdstat.RIGHTS_BASE, entry.base, true);
    view.setUint32(at + Fdstat.RIGHTS_INHERITING, entry.inheriting, true);
    return Errno.SUCCESS;
  }

  function fd_fdstat_set_flags(fd: number, flags: number): number {
    if ((flags & ~Fdflags.ALL) !== 0) return Errno.INVAL;
    const entry = descriptors.get(fd);
    const refused = entry.check(Kind.DIRECTORY, Right.FD_FDSTAT_SET_FLAGS);
    if (refused !== 0) return refused;
    if ((flags & FIXED_FLAGS) !== (entry.flags & FIXED_FLAGS)) return Errno.INVAL;
    if ((entry.kind & STDIO) !== 0) {
      // Other processes share a standard stream's flags: the shim keeps its own. Appending means nothing to a stream.
      entry.flags = flags & Fdflags.NONBLOCK;
      entry.settle();
      descriptors.changed(fd, entry);
      return Errno.SUCCESS;
    }
    const linux = ((flags & Fdflags.APPEND) !== 0 ? O_APPEND : 0) | ((flags & Fdflags.NONBLOCK) !== 0 ? O_NONBLOCK : 0);
    const done = engine.numbers(plans.fcntl, entry.descriptor, F_SETFL, linux);
    if (done < 0) return errnoOf(done);
    entry.flags = flags;
    entry.settle();
    descriptors.changed(fd, entry);
    return Errno.SUCCESS;
  }

  function fd_fdstat_set_rights(fd: number, base: number, _baseHigh: number, inheriting: number): number {
    const entry = descriptors.get(fd);
    if (entry.kind === Kind.CLOSED) return Errno.BADF;
    const wantedBase = base & RIGHTS_ALL;
    const wantedInheriting = inheriting & RIGHTS_ALL;
    if ((wantedBase & ~entry.base) !== 0 || (wantedInheriting & ~entry.inheriting) !== 0) return Errno.NOTCAPABLE;
    entry.restrict(wantedBase, wantedInheriting);
    descriptors.changed(fd, entry);
    return Errno.SUCCESS;
  }

  function fd_prestat_get(fd: number, result: number): number {
    const at = result >>> 0;
    if (!memory.holds(at, Prestat.BYTES)) return Errno.FAULT;
    const { name } = descriptors.get(fd);
    if (name === null) return Errno.BADF;
    memory.view.setUint32(at + Prestat.TAG, 0, true);
    memory.view.setUint32(at + Prestat.NAME_LENGTH, name.length, true);
    return Errno.SUCCESS;
  }

  function fd_prestat_dir_name(fd: number, path: number, length: number): number {
    if (!memory.holds(path >>> 0, length >>> 0)) return Errno.FAULT;
    const entry = descriptors.get(fd);
    if (entry.kind === Kind.CLOSED) return Errno.BADF;
    if (entry.name === null) return Errno.NOTDIR;
    if (length >>> 0 < entry.name.length) return Errno.NAMETOOLONG;
    memory.write(path >>> 0, entry.name);
    return Errno.SUCCESS;
  }

  /** Closes what an entry leads to. Standard streams belong to the process and stay open. @returns an error number */
  function closeEntry(entry: Entry): number {
    if ((entry.kind & STDIO) !== 0) return Errno.SUCCESS;
    return errnoOf(engine.numbers(plans.close, entry.descriptor));
  }

  function fd_close(fd: number): number {
    const entry = descriptors.get(fd);
    if (entry.kind === Kind.CLOSED) return Errno.BADF;
    // The number is given up first: once the host's own is closed, another thread may get it for something new.
    if (!descriptors.remove(fd, entry)) return Errno.BADF;
    return closeEntry(entry);
  }

  function fd_renumber(from: number, to: number): number {
    const source = descriptors.get(from);
    const target = descriptors.get(to);
    if (source.kind === Kind.CLOSED || target.kind === Kind.CLOSED) return Errno.BADF;
    if (source === target) return Errno.SUCCESS;
    if (!descriptors.move(from, source, to, target)) return Errno.BADF;
    // Also when closing reports an error the number is free: the move has happened.
    closeEntry(target);
    return Errno.SUCCESS;
  }

  return {
    fd_fdstat_get,
    fd_fdstat_set_flags,
    fd_fdstat_set_rights,
    fd_prestat_get,
    fd_prestat_dir_name,
    fd_close,
    fd_renumber,
  };
}
