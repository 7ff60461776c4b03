/** The program's descriptors on the short way: what is allowed without a question is staged and its reply checked. */
import { plans } from "../../../sallyport/calls.js";
import { S_IFDIR, S_IFMT, S_IFREG } from "../../../sallyport/linux.js";
import { Access, Kind, Short } from "../../../shim/wasi/descriptors.js";
import { Mark, Row } from "../../../shim/wasi/rows.js";
import { NOT_HERE } from "../../layout.js";
import * as guest from "./guest.js";
import { allowed, errorOf, freeRow, get, IO, lowestFree, openRow, rowOf, set, told, useOf } from "./rows.js";

/** Enters what was opened and is neither a file nor a directory. @returns its number, or an error number, negative */
declare function enterOther(directory: i32, descriptor: i32, mode: i32): i32;
/** How many descriptors there may be. */
declare const MAX: i32;

export function read(fd: i32, start: i32, length: i32): i32 {
  const row = allowed(fd, Short.READ);
  if (row === 0) return NOT_HERE;
  return told(guest.transfer(plans.read.number, get(row, Row.DESCRIPTOR), start, length));
}

export function write(fd: i32, start: i32, length: i32): i32 {
  const row = allowed(fd, Short.WRITE);
  if (row === 0) return NOT_HERE;
  const descriptor = get(row, Row.DESCRIPTOR);
  const written = told(guest.transfer(plans.write.number, descriptor, start, length));
  // A standard stream that somebody made nonblocking takes everything all the same.
  if (written < 0 || written === length || (get(row, Row.SHORT) & Short.STDIO) === 0) return written;
  let done = written;
  while (done < length) {
    const more = told(guest.transfer(plans.write.number, descriptor, start + done, length - done));
    if (more <= 0) break;
    done += more;
  }
  return done;
}

export function readAt(fd: i32, start: i32, length: i32, position: i64): i32 {
  const row = allowed(fd, Short.SEEK);
  if (row === 0 || (get(row, Row.ACCESS) & Access.READ) === 0) return NOT_HERE;
  return told(guest.transferAt(plans.pread64.number, get(row, Row.DESCRIPTOR), start, length, position));
}

export function writeAt(fd: i32, start: i32, length: i32, position: i64): i32 {
  const row = allowed(fd, Short.SEEK);
  if (row === 0 || (get(row, Row.ACCESS) & Access.WRITE) === 0) return NOT_HERE;
  return told(guest.transferAt(plans.pwrite64.number, get(row, Row.DESCRIPTOR), start, length, position));
}

/** The position after {@link seek}. */
let position: i64 = 0;

export function soughtPosition(): i64 {
  return position;
}

/** @returns 0, or an error number, negative */
export function seek(fd: i32, offset: i64, whence: i32): i32 {
  const row = allowed(fd, Short.SEEK);
  if (row === 0) return NOT_HERE;
  position = guest.seek(get(row, Row.DESCRIPTOR), offset, whence);
  return guest.isError(position) ? errorOf(position) : 0;
}

export function random(start: i32, length: i32): i32 {
  let done = 0;
  while (done < length) {
    const given = told(guest.fill(start + done, length - done));
    if (given < 0) return given;
    if (given === 0) return -IO;
    done += given;
  }
  return 0;
}

/** @returns nanoseconds; negative: not here */
export function clock(id: i32): i64 {
  return guest.clock(id);
}

/** Whether a path of that length may be opened beneath a directory; then {@link putPath} is called for its words. */
export function beginPath(fd: i32, length: i32): i32 {
  return allowed(fd, Short.DIRECTORY) !== 0 && lowestFree() < MAX && guest.beginPath(guest.OPEN_PATH, length)
    ? 0
    : NOT_HERE;
}

export function putPath(index: i32, bytes: u64): void {
  guest.putPath(index, bytes);
}

/** Opens the path that was put, for reading. @returns the new number, or an error number, negative */
export function open(fd: i32, length: i32, flags: i32): i32 {
  const parent = rowOf(fd);
  const opened = guest.open(get(parent, Row.DESCRIPTOR), length, flags);
  if (guest.isError(opened)) return errorOf(opened);
  const descriptor = <i32>opened;
  if (descriptor >= MAX || load<u8>(useOf(descriptor)) !== 0) guest.attacked();
  const type = guest.openedMode & S_IFMT;
  if (type === S_IFREG)
    return enter(descriptor, parent, Kind.REGULAR, Short.READ | Short.SEEK | Short.CLOSE | Short.STATUS);
  if (type === S_IFDIR)
    return enter(descriptor, parent, Kind.DIRECTORY, Short.DIRECTORY | Short.LIST | Short.CLOSE | Short.STATUS);
  return enterOther(fd, descriptor, guest.openedMode);
}

function enter(descriptor: i32, parent: usize, kind: i32, short: i32): i32 {
  const number = lowestFree();
  const row = rowOf(number);
  set(row, Row.KIND, kind);
  set(row, Row.DESCRIPTOR, descriptor);
  set(row, Row.ACCESS, Access.READ);
  set(row, Row.FLAGS, 0);
  set(row, Row.MARKS, get(parent, Row.MARKS) & Mark.READ_ONLY);
  set(row, Row.NAME, 0);
  set(row, Row.READER, 0);
  set(row, Row.SHORT, short);
  store<u8>(useOf(descriptor), 1);
  openRow(row);
  return number;
}

/** @returns 0, or an error number, negative */
export function close(fd: i32): i32 {
  const row = allowed(fd, Short.CLOSE);
  if (row === 0) return NOT_HERE;
  const descriptor = get(row, Row.DESCRIPTOR);
  freeRow(fd);
  return told(guest.close(descriptor));
}
