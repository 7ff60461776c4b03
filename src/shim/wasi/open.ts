/** path_open. */
import { plans } from "../../sallyport/calls.js";
import {
  Errno as Linux,
  O_APPEND,
  O_CREAT,
  O_DIRECTORY,
  O_DSYNC,
  O_EXCL,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
  O_SYNC,
  O_TRUNC,
  O_WRONLY,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFREG,
  S_IFSOCK,
  SEEK_CUR,
} from "../../sallyport/linux.js";
import { Fdflags, Lookupflags, Oflags, RIGHTS_ALL, Right } from "./abi.js";
import { Access, Entry, Kind, STDIO } from "./descriptors.js";
import { Errno, errnoOf } from "./errno.js";
import { byType, ofType } from "./filestat.js";
import { copyPath, PATH_BYTES_MAX } from "./paths.js";
import type { Program, WasiFunctions } from "./program.js";

/** New files; the host's umask takes its part. */
const FILE_MODE = 0o666;

/** Linux's flags for WASI's. Excl alone means nothing; rsync is no more than sync on Linux. */
function openFlags(lookup: number, oflags: number, fdflags: number): number {
  let flags = 0;
  if ((lookup & Lookupflags.SYMLINK_FOLLOW) === 0) flags |= O_NOFOLLOW;
  if ((oflags & Oflags.CREAT) !== 0) flags |= O_CREAT | ((oflags & Oflags.EXCL) !== 0 ? O_EXCL : 0);
  if ((oflags & Oflags.TRUNC) !== 0) flags |= O_TRUNC;
  if ((oflags & Oflags.DIRECTORY) !== 0) flags |= O_DIRECTORY;
  if ((fdflags & Fdflags.APPEND) !== 0) flags |= O_APPEND;
  if ((fdflags & Fdflags.NONBLOCK) !== 0) flags |= O_NONBLOCK;
  if ((fdflags & Fdflags.DSYNC) !== 0) flags |= O_DSYNC;
  if ((fdflags & (Fdflags.RSYNC | Fdflags.SYNC)) !== 0) flags |= O_SYNC;
  return flags;
}

/** How a file is opened: only fd_write makes it writable, only fd_read together with it readable as well. */
function accessOf(rights: number): number {
  if ((rights & Right.FD_WRITE) === 0) return Access.READ;
  return (rights & Right.FD_READ) === 0 ? Access.WRITE : Access.BOTH;
}

const ACCESS_FLAGS: Readonly<Record<number, number>> = {
  [Access.READ]: O_RDONLY,
  [Access.WRITE]: O_WRONLY,
  [Access.BOTH]: O_RDWR,
};

const KINDS = byType([
  [S_IFREG, Kind.REGULAR],
  [S_IFDIR, Kind.DIRECTORY],
  [S_IFBLK, Kind.BLOCK_DEVICE],
  [S_IFCHR, Kind.CHARACTER_DEVICE],
  [S_IFSOCK, Kind.STREAM],
]);

/** path_open, and what enters something that was opened the short way. */
export interface Opening {
  readonly functions: WasiFunctions;
  /**
   * Enters what was opened for reading beneath a directory whose rights were not narrowed.
   * @param mode st_mode of what it is
   * @returns its number
   */
  enter(directory: number, descriptor: number, mode: number): number;
}

export function createOpen(program: Program): Opening {
  const { engine, memory, descriptors } = program;
  const name = new Uint8Array(PATH_BYTES_MAX);

  /** What was opened. A character device shows only by seeking whether it has a position. */
  function kindOf(descriptor: number, mode: number): number {
    const kind = ofType(KINDS, mode) ?? Kind.FIFO;
    if (kind !== Kind.CHARACTER_DEVICE) return kind;
    return engine.seek(plans.lseek, descriptor, 0, 0, SEEK_CUR) === -Linux.ESPIPE ? Kind.TERMINAL : kind;
  }

  /** Rights of the directory: which ones opening needs, and that no more are asked for than it hands on. */
  function rightsError(parent: Entry, oflags: number, base: number, inheriting: number): number {
    if (!parent.restricted) return Errno.SUCCESS;
    let needed: number = Right.PATH_OPEN;
    if ((oflags & Oflags.CREAT) !== 0) needed |= Right.PATH_CREATE_FILE;
    if ((oflags & Oflags.TRUNC) !== 0) needed |= Right.PATH_FILESTAT_SET_SIZE;
    const beyond = (base | inheriting) & ~parent.inheriting;
    return parent.lacks(needed) || beyond !== 0 ? Errno.NOTCAPABLE : Errno.SUCCESS;
  }

  /** Opens the first bytes of `name`. @returns the host's number, or a negative one of Linux */
  function open(directory: number, length: number, flags: number): number {
    const descriptor = engine.open(directory, name, length, flags, (flags & O_CREAT) !== 0 ? FILE_MODE : 0);
    if (descriptor >= 0 && descriptors.uses(descriptor)) engine.attack();
    return descriptor;
  }

  function path_open(
    fd: number,
    lookup: number,
    path: number,
    length: number,
    oflags: number,
    baseLow: number,
    _baseHigh: number,
    inheritingLow: number,
    _inheritingHigh: number,
    fdflags: number,
    result: number,
  ): number {
    if ((lookup & ~Lookupflags.ALL) !== 0 || (oflags & ~Oflags.ALL) !== 0 || (fdflags & ~Fdflags.ALL) !== 0) {
      return Errno.INVAL;
    }
    if (!memory.holds(path >>> 0, length >>> 0) || !memory.holds(result >>> 0, 4)) return Errno.FAULT;
    const parent = descriptors.get(fd);
    const refused = parent.check(STDIO, 0);
    if (refused !== 0) return refused;
    if (parent.kind !== Kind.DIRECTORY) return Errno.NOTDIR;
    const base = baseLow & RIGHTS_ALL;
    const inheriting = inheritingLow & RIGHTS_ALL;
    const uncapable = rightsError(parent, oflags, base, inheriting);
    if (uncapable !== 0) return uncapable;
    const wrong = copyPath(memory, path >>> 0, length >>> 0, name);
    if (wrong !== 0) return wrong;
    const makes = oflags & (Oflags.CREAT | Oflags.EXCL | Oflags.TRUNC);
    if ((oflags & Oflags.DIRECTORY) !== 0 && makes !== 0) return Errno.INVAL;
    const access = accessOf(base);
    const changes = (oflags & (Oflags.CREAT | Oflags.TRUNC)) !== 0 || (access & Access.WRITE) !== 0;
    if (parent.readOnly && changes) return Errno.PERM;
    if (descriptors.full) return Errno.MFILE;

    const descriptor = open(
      parent.descriptor,
      length >>> 0,
      openFlags(lookup, oflags, fdflags) | ACCESS_FLAGS[access]!,
    );
    if (descriptor < 0) return errnoOf(descriptor);
    const kind = kindOf(descriptor, engine.openedMode());
    const entry = new Entry({ kind, descriptor, access, flags: fdflags, readOnly: parent.readOnly });
    if (parent.restricted) entry.restrict(entry.base & base, entry.inheriting & inheriting);
    memory.view.setUint32(result >>> 0, descriptors.add(entry), true);
    return Errno.SUCCESS;
  }

  function enter(directory: number, descriptor: number, mode: number): number {
    const { readOnly } = descriptors.get(directory);
    return descriptors.add(
      new Entry({ kind: kindOf(descriptor, mode), descriptor, access: Access.READ, flags: 0, readOnly }),
    );
  }

  return { functions: { path_open }, enter };
}
