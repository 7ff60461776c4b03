/** The functions that tell and change what is known of a file: status and times. */
import { plans } from "../../sallyport/calls.js";
import { AT_SYMLINK_NOFOLLOW } from "../../sallyport/linux.js";
import { Filestat, type Layout, Lookupflags, Right } from "./abi.js";
import { Kind, STDIO } from "./descriptors.js";
import { Errno, errnoOf } from "./errno.js";
import { FileStatus, FilestatWriter, timesOf, validTimesFlags } from "./filestat.js";
import { copyPath, PATH_BYTES_MAX, readPath } from "./paths.js";
import type { Program, WasiFunctions } from "./program.js";

/** Linux's flag for WASI's lookup flags. */
const followFlag = (lookup: number): number => ((lookup & Lookupflags.SYMLINK_FOLLOW) !== 0 ? 0 : AT_SYMLINK_NOFOLLOW);

/** fd_filestat_get and path_filestat_get. @param layout the structure of this generation */
export function createFileStatus(program: Program, layout: Layout): WasiFunctions {
  const { memory, descriptors } = program;
  const status = new FileStatus(program.engine);
  const filestat = new FilestatWriter(memory, layout);
  const name = new Uint8Array(PATH_BYTES_MAX);
  const { bytes } = layout.filestat;

  function fd_filestat_get(fd: number, result: number): number {
    const at = result >>> 0;
    if (!memory.holds(at, bytes)) return Errno.FAULT;
    const entry = descriptors.get(fd);
    const refused = entry.check(0, Right.FD_FILESTAT_GET);
    if (refused !== 0) return refused;
    if ((entry.kind & STDIO) !== 0) {
      memory.bytes.fill(0, at, at + bytes);
      memory.view.setUint8(at + Filestat.FILETYPE, entry.filetype);
      return Errno.SUCCESS;
    }
    const error = status.askOpen(entry.descriptor) || filestat.write(at, status);
    if (error !== 0) return error;
    // Linux knows sockets of one kind only.
    if (entry.kind === Kind.DATAGRAM) memory.view.setUint8(at + Filestat.FILETYPE, entry.filetype);
    return Errno.SUCCESS;
  }

  function path_filestat_get(fd: number, lookup: number, path: number, length: number, result: number): number {
    if ((lookup & ~Lookupflags.ALL) !== 0) return Errno.INVAL;
    const at = result >>> 0;
    if (!memory.holds(path >>> 0, length >>> 0) || !memory.holds(at, bytes)) return Errno.FAULT;
    const entry = descriptors.get(fd);
    const refused = entry.check(~Kind.DIRECTORY, Right.PATH_FILESTAT_GET);
    if (refused !== 0) return refused;
    const wrong = copyPath(memory, path >>> 0, length >>> 0, name);
    if (wrong !== 0) return wrong;
    const error = status.ask(entry.descriptor, name, length >>> 0, followFlag(lookup));
    return error || filestat.write(at, status);
  }

  return { fd_filestat_get, path_filestat_get };
}

/** fd_filestat_set_times and path_filestat_set_times. */
export function createFileTimes(program: Program): WasiFunctions {
  const { engine, memory, descriptors } = program;

  function fd_filestat_set_times(
    fd: number,
    accessedLow: number,
    accessedHigh: number,
    modifiedLow: number,
    modifiedHigh: number,
    flags: number,
  ): number {
    if (!validTimesFlags(flags)) return Errno.INVAL;
    const entry = descriptors.get(fd);
    const refused = entry.check(STDIO, Right.FD_FILESTAT_SET_TIMES);
    if (refused !== 0) return refused;
    if (entry.readOnly) return Errno.PERM;
    if (flags === 0) return Errno.SUCCESS;
    const times = timesOf(accessedLow, accessedHigh, modifiedLow, modifiedHigh, flags);
    return errnoOf(engine.call(plans.utimensat, entry.descriptor, null, times, 0));
  }

  function path_filestat_set_times(
    fd: number,
    lookup: number,
    path: number,
    length: number,
    accessedLow: number,
    accessedHigh: number,
    modifiedLow: number,
    modifiedHigh: number,
    flags: number,
  ): number {
    if ((lookup & ~Lookupflags.ALL) !== 0 || !validTimesFlags(flags)) return Errno.INVAL;
    if (!memory.holds(path >>> 0, length >>> 0)) return Errno.FAULT;
    const entry = descriptors.get(fd);
    const refused = entry.check(~Kind.DIRECTORY, Right.PATH_FILESTAT_SET_TIMES);
    if (refused !== 0) return refused;
    const name = readPath(memory, path >>> 0, length >>> 0);
    if (typeof name === "number") return name;
    if (entry.readOnly) return Errno.PERM;
    const times = timesOf(accessedLow, accessedHigh, modifiedLow, modifiedHigh, flags);
    return errnoOf(engine.call(plans.utimensat, entry.descriptor, name, times, followFlag(lookup)));
  }

  return { fd_filestat_set_times, path_filestat_set_times };
}
