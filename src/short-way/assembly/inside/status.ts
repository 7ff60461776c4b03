/** What a file is: struct statx becomes filestat, of the generation preview 1. */
import {
  AT_SYMLINK_NOFOLLOW,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
} from "../../../sallyport/linux.js";
import { Filestat, Filetype, PREVIEW1 } from "../../../shim/wasi/abi.js";
import { Short } from "../../../shim/wasi/descriptors.js";
import { Statx } from "../../../shim/wasi/filestat.js";
import { Row } from "../../../shim/wasi/rows.js";
import { FILESTAT, NOT_HERE } from "../../layout.js";
import * as guest from "./guest.js";
import { allowed, errorOf, get, rowOf } from "./rows.js";

const BILLION: i64 = 1_000_000_000;
/** Whole seconds in 2^63 nanoseconds. */
const SECONDS_MAX: i64 = 9_223_372_036;

function filetypeOf(mode: i32): i32 {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return Filetype.REGULAR_FILE;
    case S_IFDIR:
      return Filetype.DIRECTORY;
    case S_IFLNK:
      return Filetype.SYMBOLIC_LINK;
    case S_IFCHR:
      return Filetype.CHARACTER_DEVICE;
    case S_IFBLK:
      return Filetype.BLOCK_DEVICE;
    case S_IFSOCK:
      return Filetype.SOCKET_STREAM;
    default:
      return Filetype.UNKNOWN;
  }
}

/** Stores a time as nanoseconds; earlier ones than 1970 are 0. @returns false for one that is left to JavaScript */
function putTime(source: usize, at: usize): bool {
  const seconds = load<i64>(guest.DATA + source);
  if (seconds >= SECONDS_MAX) return false;
  const nanoseconds: i64 = load<u32>(guest.DATA + source + 8);
  store<i64>(FILESTAT + at, seconds < 0 ? 0 : seconds * BILLION + nanoseconds);
  return true;
}

/** st_dev as the C library has it: major and minor in one number. */
function deviceOf(major: u64, minor: u64): u64 {
  return (
    ((major & 0xfff) << 8) |
    ((minor & 0xfff00) << 12) |
    (minor & 0xff) |
    ((major & 0xfffff000) << 32) |
    ((minor >> 20) << 32)
  );
}

/** Makes a filestat of what was answered. @returns 0, NOT_HERE, or an error number, negative */
function make(answer: i64): i32 {
  if (guest.isError(answer)) return errorOf(answer);
  if (!putTime(Statx.ACCESSED, PREVIEW1.filestat.accessed)) return NOT_HERE;
  if (!putTime(Statx.MODIFIED, PREVIEW1.filestat.modified)) return NOT_HERE;
  if (!putTime(Statx.CHANGED, PREVIEW1.filestat.changed)) return NOT_HERE;
  const device = deviceOf(load<u32>(guest.DATA + Statx.DEVICE_MAJOR), load<u32>(guest.DATA + Statx.DEVICE_MINOR));
  store<u64>(FILESTAT + Filestat.DEVICE, device);
  store<u64>(FILESTAT + Filestat.INODE, load<u64>(guest.DATA + Statx.INODE));
  store<u64>(FILESTAT + Filestat.FILETYPE, filetypeOf(load<u16>(guest.DATA + Statx.MODE)));
  store<u64>(FILESTAT + PREVIEW1.filestat.links, load<u32>(guest.DATA + Statx.LINKS));
  store<u64>(FILESTAT + PREVIEW1.filestat.size, load<u64>(guest.DATA + Statx.SIZE));
  return 0;
}

/** Of what is open. The result is read by {@link filestatWord}. */
export function statusOf(fd: i32): i32 {
  const row = allowed(fd, Short.STATUS);
  return row === 0 ? NOT_HERE : make(guest.status(get(row, Row.DESCRIPTOR), 0, 0));
}

/** Whether a path of that length may be asked about beneath a directory; then `putPath` is called for its words. */
export function beginStatus(fd: i32, length: i32): i32 {
  return allowed(fd, Short.DIRECTORY) !== 0 && guest.beginPath(guest.STATUS_BYTES, length) ? 0 : NOT_HERE;
}

/** Of the path that was put. @param follow a link at its end */
export function statusAt(fd: i32, length: i32, follow: i32): i32 {
  return make(guest.status(get(rowOf(fd), Row.DESCRIPTOR), length, follow !== 0 ? 0 : AT_SYMLINK_NOFOLLOW));
}

/** Eight bytes of the filestat made last. */
export function filestatWord(at: u32): u64 {
  return load<u64>(FILESTAT + at);
}
