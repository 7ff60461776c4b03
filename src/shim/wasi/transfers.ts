/**
 * fd_read, fd_write, fd_pread and fd_pwrite.
 *
 * One buffer on an ordinary descriptor is one `transfer` of the engine, straight from or to the program's memory. The
 * rest goes the long way of {@link Mover}.
 */
import { plans } from "../../sallyport/calls.js";
import { Right } from "./abi.js";
import { Access, type Entry, Kind, STDIO, UNSEEKABLE } from "./descriptors.js";
import { Errno, errnoOf } from "./errno.js";
import type { Iovecs } from "./iovecs.js";
import type { Mover } from "./mover.js";
import type { Program, WasiFunctions } from "./program.js";

/** The four functions that move bytes of files and streams. */
export function createTransfers(program: Program, iovecs: Iovecs, mover: Mover): WasiFunctions {
  const { engine, memory, descriptors } = program;
  const { read, write, pread64, pwrite64 } = plans;
  const capacity = engine.capacity;

  /** Checks what both directions share. @returns an error number */
  function load(array: number, count: number, result: number): number {
    const error = iovecs.load(memory, array, count);
    if (error !== 0) return error;
    return memory.holds(result, 4) ? Errno.SUCCESS : Errno.FAULT;
  }

  /** Stores a count, or gives the error it stands for. */
  function finish(moved: number, result: number): number {
    if (moved < 0) return -moved;
    memory.view.setUint32(result, moved, true);
    return Errno.SUCCESS;
  }

  function fd_read(fd: number, array: number, count: number, result: number): number {
    const error = load(array >>> 0, count >>> 0, result >>> 0);
    if (error !== 0) return error;
    const entry = descriptors.get(fd);
    if (entry.plainRead === true && iovecs.count === 1 && iovecs.left <= capacity) {
      const moved = engine.transfer(read, entry.descriptor, memory, iovecs.start, iovecs.left);
      if (moved < 0) return errnoOf(moved);
      memory.view.setUint32(result >>> 0, moved, true);
      return Errno.SUCCESS;
    }
    const refused = entry.check(Kind.DIRECTORY, Right.FD_READ);
    if (refused !== 0) return refused;
    if ((entry.access & Access.READ) === 0) return Errno.BADF;
    return finish(mover.read(entry), result >>> 0);
  }

  /** Writes what a first write on a standard stream left. @returns bytes of both */
  function writeRest(entry: Entry, moved: number): number {
    iovecs.advance(moved);
    return moved + Math.max(0, mover.write(entry));
  }

  function fd_write(fd: number, array: number, count: number, result: number): number {
    const error = load(array >>> 0, count >>> 0, result >>> 0);
    if (error !== 0) return error;
    const entry = descriptors.get(fd);
    if (entry.plainWrite === true && iovecs.count === 1 && iovecs.left <= capacity) {
      const moved = engine.transfer(write, entry.descriptor, memory, iovecs.start, iovecs.left);
      if (moved < 0) return errnoOf(moved);
      if (moved < iovecs.left && (entry.kind & STDIO) !== 0) return finish(writeRest(entry, moved), result >>> 0);
      memory.view.setUint32(result >>> 0, moved, true);
      return Errno.SUCCESS;
    }
    const refused = entry.check(Kind.DIRECTORY, Right.FD_WRITE);
    if (refused !== 0) return refused;
    if ((entry.access & Access.WRITE) === 0) return Errno.BADF;
    return finish(mover.write(entry), result >>> 0);
  }

  /** Checks what reading and writing at a position share. @returns an error number */
  function checkPosition(fd: number, low: number, high: number, rights: number, access: number): number {
    const entry = descriptors.get(fd);
    if ((entry.kind & UNSEEKABLE) !== 0) return Errno.SPIPE;
    const refused = entry.check(Kind.DIRECTORY, rights);
    if (refused !== 0) return refused;
    if ((entry.access & access) === 0) return Errno.BADF;
    // Offset and end must be below 2^63; 0x7fffffff is the only high half where the sum can get there.
    if (high < 0 || (high === 0x7fffffff && (low >>> 0) + iovecs.left > 0xffffffff)) return Errno.INVAL;
    return Errno.SUCCESS;
  }

  function fd_pread(fd: number, array: number, count: number, low: number, high: number, result: number): number {
    const error =
      load(array >>> 0, count >>> 0, result >>> 0) ||
      checkPosition(fd, low, high, Right.FD_READ | Right.FD_SEEK, Access.READ);
    if (error !== 0) return error;
    const entry = descriptors.get(fd);
    if (iovecs.count === 1 && iovecs.left <= capacity) {
      const moved = engine.transfer(pread64, entry.descriptor, memory, iovecs.start, iovecs.left, low, high);
      if (moved < 0) return errnoOf(moved);
      memory.view.setUint32(result >>> 0, moved, true);
      return Errno.SUCCESS;
    }
    return finish(mover.readAt(entry, low, high), result >>> 0);
  }

  function fd_pwrite(fd: number, array: number, count: number, low: number, high: number, result: number): number {
    const error =
      load(array >>> 0, count >>> 0, result >>> 0) ||
      checkPosition(fd, low, high, Right.FD_WRITE | Right.FD_SEEK, Access.WRITE);
    if (error !== 0) return error;
    const entry = descriptors.get(fd);
    if (iovecs.count === 1 && iovecs.left <= capacity) {
      const moved = engine.transfer(pwrite64, entry.descriptor, memory, iovecs.start, iovecs.left, low, high);
      if (moved < 0) return errnoOf(moved);
      memory.view.setUint32(result >>> 0, moved, true);
      return Errno.SUCCESS;
    }
    return finish(mover.writeAt(entry, low, high), result >>> 0);
  }

  return { fd_read, fd_write, fd_pread, fd_pwrite };
}
