/** Functions on open files besides reading and writing: position, size, room, syncing. */
import { plans } from "../../sallyport/calls.js";
import { SEEK_CUR } from "../../sallyport/linux.js";
import { ADVICE, type Layout, Right } from "./abi.js";
import { Access, Kind, SOCKET, STDIO, UNSEEKABLE } from "./descriptors.js";
import { Errno, errnoOf } from "./errno.js";
import type { Program, WasiFunctions } from "./program.js";
import { beyondOffsets, signedWord } from "./words.js";

const NOT_A_FILE = STDIO | SOCKET | Kind.DIRECTORY;

export function createFiles(program: Program): WasiFunctions {
  const { engine, descriptors } = program;

  function fd_advise(
    fd: number,
    low: number,
    high: number,
    lengthLow: number,
    lengthHigh: number,
    advice: number,
  ): number {
    const linux = ADVICE[advice >>> 0];
    if (linux === undefined) return Errno.INVAL;
    const entry = descriptors.get(fd);
    const refused = entry.check(NOT_A_FILE, Right.FD_ADVISE);
    if (refused !== 0) return refused;
    if (entry.kind === Kind.FIFO) return Errno.SPIPE;
    if (beyondOffsets(high) || beyondOffsets(lengthHigh)) return Errno.INVAL;
    const offset = signedWord(low, high);
    return errnoOf(engine.call(plans.fadvise64, entry.descriptor, offset, signedWord(lengthLow, lengthHigh), linux));
  }

  function fd_allocate(fd: number, low: number, high: number, lengthLow: number, lengthHigh: number): number {
    const entry = descriptors.get(fd);
    const refused = entry.check(NOT_A_FILE, Right.FD_ALLOCATE);
    if (refused !== 0) return refused;
    if ((entry.access & Access.WRITE) === 0) return Errno.BADF;
    if (lengthLow === 0 && lengthHigh === 0) return Errno.INVAL;
    if (beyondOffsets(high) || beyondOffsets(lengthHigh)) return Errno.FBIG;
    const offset = signedWord(low, high);
    return errnoOf(engine.call(plans.fallocate, entry.descriptor, 0, offset, signedWord(lengthLow, lengthHigh)));
  }

  function fd_filestat_set_size(fd: number, low: number, high: number): number {
    const entry = descriptors.get(fd);
    const refused = entry.check(STDIO | Kind.DIRECTORY, Right.FD_FILESTAT_SET_SIZE);
    if (refused !== 0) return refused;
    if (entry.readOnly) return Errno.PERM;
    if ((entry.access & Access.WRITE) === 0 || beyondOffsets(high)) return Errno.INVAL;
    return errnoOf(engine.call(plans.ftruncate, entry.descriptor, signedWord(low, high)));
  }

  function fd_datasync(fd: number): number {
    const entry = descriptors.get(fd);
    const refused = entry.check(STDIO | Kind.DIRECTORY, Right.FD_DATASYNC);
    return refused !== 0 ? refused : errnoOf(engine.numbers(plans.fdatasync, entry.descriptor));
  }

  function fd_sync(fd: number): number {
    const entry = descriptors.get(fd);
    const refused = entry.check(STDIO | Kind.DIRECTORY, Right.FD_SYNC);
    return refused !== 0 ? refused : errnoOf(engine.numbers(plans.fsync, entry.descriptor));
  }

  return { fd_advise, fd_allocate, fd_filestat_set_size, fd_datasync, fd_sync };
}

/** fd_seek and fd_tell. @param layout how this generation numbers whence */
export function createSeeking(program: Program, layout: Layout): WasiFunctions {
  const { engine, memory, descriptors } = program;
  const { lseek } = plans;
  const { whence } = layout;

  /** Moves a position and stores the new one. */
  function seek(fd: number, low: number, high: number, from: number, result: number): number {
    if (!memory.holds(result, 8)) return Errno.FAULT;
    const entry = descriptors.get(fd);
    if ((entry.kind & UNSEEKABLE) !== 0) return Errno.SPIPE;
    const asks = from === SEEK_CUR && low === 0 && high === 0;
    // The right to seek includes that to tell.
    const rights = asks && entry.lacks(Right.FD_SEEK) ? Right.FD_TELL : Right.FD_SEEK;
    const refused = entry.check(Kind.DIRECTORY, rights);
    if (refused !== 0) return refused;
    const done = engine.seek(lseek, entry.descriptor, low, high, from);
    if (engine.state.errno !== 0) return errnoOf(done);
    memory.view.setUint32(result, engine.state.low, true);
    memory.view.setUint32(result + 4, engine.state.high, true);
    return Errno.SUCCESS;
  }

  function fd_seek(fd: number, low: number, high: number, from: number, result: number): number {
    const linux = whence[from >>> 0];
    return linux === undefined ? Errno.INVAL : seek(fd, low, high, linux, result >>> 0);
  }

  function fd_tell(fd: number, result: number): number {
    return seek(fd, 0, 0, SEEK_CUR, result >>> 0);
  }

  return { fd_seek, fd_tell };
}
