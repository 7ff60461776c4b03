/**
 * Functions that change or read names in directories: create, remove, rename, link.
 *
 * Each is one call: the host resolves the way there and acts on the last component.
 */
import { plans } from "../../sallyport/calls.js";
import { AT_REMOVEDIR } from "../../sallyport/linux.js";
import { Lookupflags, Right } from "./abi.js";
import { type Entry, Kind } from "./descriptors.js";
import { Errno, errnoOf } from "./errno.js";
import { PATH_BYTES_MAX, readLinkContents, readPath } from "./paths.js";
import type { Program, WasiFunctions } from "./program.js";

/** Everything but a directory. */
const NOT_A_DIRECTORY = ~Kind.DIRECTORY;
/** New directories; the host's umask takes its part. */
const DIRECTORY_MODE = 0o777;

export function createNames(program: Program): WasiFunctions {
  const { engine, memory, descriptors } = program;
  const contents = new Uint8Array(PATH_BYTES_MAX);

  /** A call on one name. @param carry makes the call; its result is the engine's */
  function onName(
    fd: number,
    path: number,
    length: number,
    right: number,
    carry: (descriptor: number, name: Uint8Array) => number,
  ): number {
    if (!memory.holds(path >>> 0, length >>> 0)) return Errno.FAULT;
    const entry = descriptors.get(fd);
    const refused = entry.check(NOT_A_DIRECTORY, right);
    if (refused !== 0) return refused;
    const name = readPath(memory, path >>> 0, length >>> 0);
    if (typeof name === "number") return name;
    return entry.readOnly ? Errno.PERM : errnoOf(carry(entry.descriptor, name));
  }

  const makeDirectory = (descriptor: number, name: Uint8Array) =>
    engine.call(plans.mkdirat, descriptor, name, DIRECTORY_MODE);
  const removeDirectory = (descriptor: number, name: Uint8Array) =>
    engine.call(plans.unlinkat, descriptor, name, AT_REMOVEDIR);
  const removeFile = (descriptor: number, name: Uint8Array) => engine.call(plans.unlinkat, descriptor, name, 0);

  function path_create_directory(fd: number, path: number, length: number): number {
    return onName(fd, path, length, Right.PATH_CREATE_DIRECTORY, makeDirectory);
  }

  function path_remove_directory(fd: number, path: number, length: number): number {
    return onName(fd, path, length, Right.PATH_REMOVE_DIRECTORY, removeDirectory);
  }

  function path_unlink_file(fd: number, path: number, length: number): number {
    return onName(fd, path, length, Right.PATH_UNLINK_FILE, removeFile);
  }

  function path_symlink(target: number, targetLength: number, fd: number, path: number, length: number): number {
    if (!memory.holds(target >>> 0, targetLength >>> 0) || !memory.holds(path >>> 0, length >>> 0)) return Errno.FAULT;
    const entry = descriptors.get(fd);
    const refused = entry.check(NOT_A_DIRECTORY, Right.PATH_SYMLINK);
    if (refused !== 0) return refused;
    const pointsTo = readLinkContents(memory, target >>> 0, targetLength >>> 0);
    if (typeof pointsTo === "number") return pointsTo;
    const name = readPath(memory, path >>> 0, length >>> 0);
    if (typeof name === "number") return name;
    return entry.readOnly ? Errno.PERM : errnoOf(engine.call(plans.symlinkat, pointsTo, entry.descriptor, name));
  }

  function path_readlink(fd: number, path: number, length: number, buffer: number, room: number, used: number): number {
    const at = buffer >>> 0;
    if (!memory.holds(path >>> 0, length >>> 0) || !memory.holds(at, room >>> 0) || !memory.holds(used >>> 0, 4)) {
      return Errno.FAULT;
    }
    const entry = descriptors.get(fd);
    const refused = entry.check(NOT_A_DIRECTORY, Right.PATH_READLINK);
    if (refused !== 0) return refused;
    const name = readPath(memory, path >>> 0, length >>> 0);
    if (typeof name === "number") return name;
    const read = engine.call(plans.readlinkat, entry.descriptor, name, contents);
    if (read < 0) return errnoOf(read);
    const count = Math.min(read, room >>> 0);
    memory.write(at, contents.subarray(0, count));
    memory.view.setUint32(used >>> 0, count, true);
    return Errno.SUCCESS;
  }

  /** Two names: checks both, the first descriptor deciding before the second. */
  function onNames(
    source: Entry,
    target: Entry,
    rights: readonly [number, number],
    paths: readonly [number, number, number, number],
    carry: (from: Uint8Array, to: Uint8Array) => number,
  ): number {
    if (!memory.holds(paths[0], paths[1]) || !memory.holds(paths[2], paths[3])) return Errno.FAULT;
    const refused =
      source.check(NOT_A_DIRECTORY, 0) ||
      target.check(NOT_A_DIRECTORY, 0) ||
      source.check(0, rights[0]) ||
      target.check(0, rights[1]);
    if (refused !== 0) return refused;
    const from = readPath(memory, paths[0], paths[1]);
    if (typeof from === "number") return from;
    const to = readPath(memory, paths[2], paths[3]);
    if (typeof to === "number") return to;
    return source.readOnly || target.readOnly ? Errno.PERM : errnoOf(carry(from, to));
  }

  function path_link(
    oldFd: number,
    oldFlags: number,
    oldPath: number,
    oldLength: number,
    newFd: number,
    newPath: number,
    newLength: number,
  ): number {
    // A link is linked itself; following it is refused, as in wasmtime.
    if ((oldFlags & ~Lookupflags.ALL) !== 0 || (oldFlags & Lookupflags.SYMLINK_FOLLOW) !== 0) return Errno.INVAL;
    const paths = [oldPath >>> 0, oldLength >>> 0, newPath >>> 0, newLength >>> 0] as const;
    const source = descriptors.get(oldFd);
    const target = descriptors.get(newFd);
    return onNames(source, target, [Right.PATH_LINK_SOURCE, Right.PATH_LINK_TARGET], paths, (from, to) =>
      engine.call(plans.linkat, source.descriptor, from, target.descriptor, to, 0),
    );
  }

  function path_rename(
    fd: number,
    oldPath: number,
    oldLength: number,
    newFd: number,
    newPath: number,
    newLength: number,
  ): number {
    const paths = [oldPath >>> 0, oldLength >>> 0, newPath >>> 0, newLength >>> 0] as const;
    const source = descriptors.get(fd);
    const target = descriptors.get(newFd);
    return onNames(source, target, [Right.PATH_RENAME_SOURCE, Right.PATH_RENAME_TARGET], paths, (from, to) =>
      engine.call(plans.renameat2, source.descriptor, from, target.descriptor, to, 0),
    );
  }

  return {
    path_create_directory,
    path_remove_directory,
    path_unlink_file,
    path_symlink,
    path_readlink,
    path_link,
    path_rename,
  };
}
