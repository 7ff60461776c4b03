/** Calls on paths: resolved by the kernel beneath a directory, as `host/paths.ts` does. */
import { OWNED } from "../../../host/descriptors.js";
import { Right } from "../../../sallyport/call.js";
import {
  AT_EMPTY_PATH,
  AT_SYMLINK_NOFOLLOW,
  Errno,
  O_CLOEXEC,
  O_DIRECTORY,
  O_LARGEFILE,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from "../../../sallyport/linux.js";
import { BLOCK, CALL, HELD, HERE, HOW, PATH, PATH_BYTES, ROWS, STATUS } from "../../layout.js";
import {
  argument,
  callLinux,
  DATA,
  freeNumber,
  granted,
  isExclusive,
  LEFT,
  NULL,
  nativeOf,
  rightsOf,
  rowOf,
  runThen,
  setCall,
  setRights,
  systemCall,
} from "./core.js";

/** Enters what was opened and is neither a file nor a directory. @returns the number, or -errno */
declare function adopt(native: i32, flags: i32, rights: i32, mode: i32): i32;
/** This machine's number of fstat, and where st_mode stands in its answer. */
declare const FSTAT: i32;
declare const MODE_OFFSET: i32;

const SECOND: usize = CALL + 64;
const HOW_BYTES: u64 = 24;
/** Flags that a file or a directory is read with; permissions mean nothing to these. */
const READING: u64 = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_LARGEFILE;
const STATX_BYTES: u64 = 256;
const STATX_MODE: usize = 28;
const NAME_BYTES_MAX: usize = 255;
const SLASH = 0x2f;
const DOT = 0x2e;
/** Length of the path copied last. */
let pathLength: usize = 0;

/** Copies a path into memory of the host's own. @returns whether it ends inside the data and is not too long */
function copyPath(offset: u64, dataBytes: u64): bool {
  for (let i: usize = 0; i < <usize>PATH_BYTES; i++) {
    const at = offset + i;
    if (at >= dataBytes) return false;
    const byte = load<u8>(DATA + <usize>at);
    store<u8>(PATH + i, byte);
    if (byte === 0) {
      pathLength = i;
      return true;
    }
  }
  return false;
}

/** Opens beneath a directory for reading. */
export function open(plan: u32, dataBytes: u64): i64 {
  const path = argument(1);
  const how = argument(2);
  const mode = argument(3);
  if (dataBytes < HOW_BYTES || how > dataBytes - HOW_BYTES || (how & 7) !== 0 || path > dataBytes) return LEFT;
  if (mode !== NULL && (mode > dataBytes - 4 || (mode & 3) !== 0)) return LEFT;
  const flags = load<u64>(DATA + <usize>how);
  if ((flags & ~READING) !== 0 || load<u64>(DATA + <usize>how + 8) !== 0) return LEFT;
  if (!copyPath(path, dataBytes)) return LEFT;
  const directory = granted(argument(0), Right.LOOKUP);
  const number = freeNumber();
  if (directory < 0 || number < 0) return LEFT;
  const parent = rightsOf(rowOf(argument(0)));
  const looks = (flags & O_DIRECTORY) === 0;
  const result = openBeneath(nativeOf(plan), directory, flags, looks);
  if (result < 0) {
    if (result === -Errno.EINTR || result === -Errno.EAGAIN) return LEFT;
    return result === -Errno.EXDEV ? -Errno.EPERM : result;
  }
  const found = looks ? load<u32>(STATUS + <usize>MODE_OFFSET) : S_IFDIR;
  const type = found & S_IFMT;
  if (type !== S_IFREG && type !== S_IFDIR) {
    store<i32>(HELD, <i32>result);
    return adopt(<i32>result, <i32>flags, parent, mode === NULL ? 0 : <i32>(DATA - BLOCK) + <i32>mode);
  }
  const row = ROWS + ((<usize>number) << 2);
  const lookup = type === S_IFDIR ? Right.LOOKUP : 0;
  setRights(row, (parent & Right.CHANGE) | Right.READ | lookup | OWNED);
  store<i32>(row, <i32>result);
  if (mode !== NULL) store<u32>(DATA + <usize>mode, found);
  return number;
}

/** @param looks whether to ask what was opened @returns native descriptor, or -errno */
function openBeneath(number: u64, directory: i32, flags: u64, looks: bool): i64 {
  // Never waits, neither for the other end of a fifo nor for a device.
  const quiet: u64 = looks ? O_NOCTTY | O_NONBLOCK : 0;
  store<u64>(HOW, (flags & ~(<u64>O_LARGEFILE)) | quiet | O_CLOEXEC);
  store<u64>(HOW + 8, 0);
  store<u64>(HOW + 16, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
  const here = load<u64>(HERE);
  setCall(number, directory, here + PATH, here + HOW, HOW_BYTES);
  if (looks) {
    store<u32>(STATUS + <usize>MODE_OFFSET, 0);
    store<u64>(SECOND, FSTAT);
    store<u64>(SECOND + 8, here + STATUS);
    runThen();
    return load<i64>(CALL + 56);
  }
  return callLinux();
}

/** Whether the path copied last is one component that is neither `.` nor `..`. */
function isSingleName(): bool {
  if (pathLength === 0 || pathLength > NAME_BYTES_MAX) return false;
  for (let i: usize = 0; i < pathLength; i++) if (load<u8>(PATH + i) === SLASH) return false;
  if (load<u8>(PATH) !== DOT) return true;
  return pathLength > 2 || (pathLength === 2 && load<u8>(PATH + 1) !== DOT);
}

/** Tells what a file is: one that is open, or one by a name that stands in a directory itself. */
export function status(plan: u32, dataBytes: u64): i64 {
  const path = argument(1);
  const mask = argument(3);
  const output = argument(4);
  if (dataBytes < STATX_BYTES || output > dataBytes - STATX_BYTES || (output & 7) !== 0) return LEFT;
  const into = load<u64>(HERE) + DATA + output;
  if (path === NULL) {
    const row = rowOf(argument(0));
    if (row === 0 || load<i32>(row) < 0 || !isExclusive(row)) return LEFT;
    store<u8>(PATH, 0);
    return statx(plan, load<i32>(row), AT_EMPTY_PATH, mask, into);
  }
  const directory = granted(argument(0), Right.LOOKUP);
  if (path > dataBytes || !copyPath(path, dataBytes) || directory < 0 || !isSingleName()) return LEFT;
  // Where the answer is written over the path, that cannot be left to anybody afterwards.
  const overlaps = path < output + STATX_BYTES && path + pathLength >= output;
  if (overlaps && (argument(2) & AT_SYMLINK_NOFOLLOW) === 0) return LEFT;
  const result = statx(plan, directory, AT_SYMLINK_NOFOLLOW, mask, into);
  if (result !== 0 || (argument(2) & AT_SYMLINK_NOFOLLOW) !== 0) return result;
  return (load<u16>(DATA + <usize>output + STATX_MODE) & S_IFMT) === S_IFLNK ? LEFT : result;
}

function statx(plan: u32, directory: i32, flags: u64, mask: u64, into: u64): i64 {
  store<u64>(CALL + 40, into);
  return systemCall(nativeOf(plan), directory, load<u64>(HERE) + PATH, flags, mask & 0xffffffff);
}
