/**
 * The program's descriptors on the short way: the rows that `shim/wasi/rows.ts` keeps, and the records of one directory. They
 * lie beside the block and are the inside's own.
 */

import { plans } from "../../sallyport/calls.js";
import {
  DT_BLK,
  DT_CHR,
  DT_DIR,
  DT_LNK,
  DT_REG,
  DT_SOCK,
  DT_UNKNOWN,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
  SEEK_SET,
} from "../../sallyport/linux.js";
import { Dirent, Filetype } from "../../shim/wasi/abi.js";
import { Access, Kind, Short } from "../../shim/wasi/descriptors.js";
import { Head, Mark, Row, SHORT_WAY } from "../../shim/wasi/rows.js";
import {
  ERROR_COUNT,
  ERRORS,
  LISTED_COUNT,
  LISTED_END,
  LISTED_GENERATION,
  LISTED_NUMBER,
  LISTING,
  LISTING_BYTES,
  NOT_HERE,
} from "../layout.js";
import * as guest from "./guest.js";

/** Enters what was opened and is neither a file nor a directory. @returns its number, or an error number, negative */
declare function enterOther(directory: i32, descriptor: i32, mode: i32): i32;
/** Where the table lies, how many rows it has, how many descriptors there may be. */
declare const TABLE: i32;
declare const CAPACITY: i32;
declare const MAX: i32;

const HEAD_BYTES = Head.WORDS << 2;
const ROW_BYTES = Row.WORDS << 2;
/** Read at a time. */
const BATCH_BYTES = 32768;
/** struct linux_dirent64. */
const DIRENT_INODE = 0;
const DIRENT_LENGTH = 16;
const DIRENT_TYPE = 18;
const DIRENT_NAME = 19;
const DIRENT_BYTES_MIN: usize = 24;
const LISTING_END: usize = LISTING + LISTING_BYTES;
const DOT = 0x2e;
const SLASHES: u64 = 0x2f2f2f2f2f2f2f2f;
const WORD_BYTES: usize = 8;
const DOT_BYTES = Dirent.BYTES + 1;
const IO = 29;

/** An error number, negative. @param result -errno of Linux */
function errorOf(result: i64): i32 {
  const errno = -result;
  return errno < <i64>ERROR_COUNT ? -(<i32>load<u8>(ERRORS + <usize>errno)) : -IO;
}

/** A count, or an error number, negative. */
function told(result: i64): i32 {
  return guest.isError(result) ? errorOf(result) : <i32>result;
}

function rowOf(fd: i32): usize {
  return TABLE + HEAD_BYTES + <usize>fd * ROW_BYTES;
}

function get(row: usize, word: i32): i32 {
  return load<i32>(row + ((<usize>word) << 2));
}

function set(row: usize, word: i32, value: i32): void {
  store<i32>(row + ((<usize>word) << 2), value);
}

/** The row of an open number that may do this the short way; 0: there is none. */
function allowed(fd: i32, way: i32): usize {
  if (<u32>fd >= <u32>CAPACITY) return 0;
  const row = rowOf(fd);
  return get(row, Row.GENERATION) !== 0 && (get(row, Row.SHORT) & way) !== 0 ? row : 0;
}

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

function lowestFree(): i32 {
  let number = load<i32>(TABLE + (Head.LOWEST_FREE << 2));
  while (number < CAPACITY && get(rowOf(number), Row.GENERATION) !== 0) number++;
  store<i32>(TABLE + (Head.LOWEST_FREE << 2), number);
  return number;
}

/** Where the byte stands that tells whether a number of the host is in use. */
function useOf(descriptor: i32): usize {
  return TABLE + HEAD_BYTES + <usize>CAPACITY * ROW_BYTES + <usize>descriptor;
}

/** Whether a path of that length may be opened beneath a directory; then {@link putPath} is called for its words. */
export function beginPath(fd: i32, length: i32): i32 {
  return allowed(fd, Short.DIRECTORY) !== 0 && lowestFree() < MAX && guest.beginPath(length) ? 0 : NOT_HERE;
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
  if (type === S_IFREG) return enter(descriptor, parent, Kind.REGULAR, Short.READ | Short.SEEK | Short.CLOSE);
  if (type === S_IFDIR) return enter(descriptor, parent, Kind.DIRECTORY, Short.DIRECTORY | Short.CLOSE);
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
  const last = load<i32>(TABLE + (Head.GENERATIONS << 2)) + 1;
  const generation = last === 0 ? 1 : last;
  store<i32>(TABLE + (Head.GENERATIONS << 2), generation);
  set(row, Row.GENERATION, generation);
  return number;
}

/** @returns 0, or an error number, negative */
export function close(fd: i32): i32 {
  const row = allowed(fd, Short.CLOSE);
  if (row === 0) return NOT_HERE;
  const descriptor = get(row, Row.DESCRIPTOR);
  store<u8>(useOf(descriptor), 0);
  set(row, Row.GENERATION, 0);
  const lowest: usize = TABLE + (Head.LOWEST_FREE << 2);
  if (fd < load<i32>(lowest)) store<i32>(lowest, fd);
  return told(guest.close(descriptor));
}

// ---- one directory at a time ----

/** Whether the records are those of a number that is still open. */
function listed(fd: i32): bool {
  const generation = load<i32>(LISTED_GENERATION);
  return generation !== 0 && load<i32>(LISTED_NUMBER) === fd && get(rowOf(fd), Row.GENERATION) === generation;
}

/** Adds a record; its name has {@link Dirent.BYTES} of room in front. @returns false where there is no more room */
function addRecord(inode: u64, type: i32, nameLength: usize): void {
  const at: usize = load<u32>(LISTED_END);
  const count = load<u32>(LISTED_COUNT) + 1;
  store<u64>(at + Dirent.NEXT, count);
  store<u64>(at + Dirent.INODE, inode);
  store<u32>(at + Dirent.NAME_LENGTH, <u32>nameLength);
  store<u32>(at + Dirent.TYPE, type);
  store<u32>(LISTED_END, <u32>(at + Dirent.BYTES + nameLength));
  store<u32>(LISTED_COUNT, count);
}

function startListing(): void {
  store<u32>(LISTED_END, LISTING);
  store<u32>(LISTED_COUNT, 0);
  store<i32>(LISTED_GENERATION, 0);
  store<u8>(LISTING + Dirent.BYTES, DOT);
  addRecord(0, Filetype.DIRECTORY, 1);
  store<u16>(LISTING + DOT_BYTES + Dirent.BYTES, (DOT << 8) | DOT);
  addRecord(0, Filetype.DIRECTORY, 2);
}

function filetypeOf(type: i32): i32 {
  switch (type) {
    case DT_REG:
      return Filetype.REGULAR_FILE;
    case DT_DIR:
      return Filetype.DIRECTORY;
    case DT_LNK:
      return Filetype.SYMBOLIC_LINK;
    case DT_CHR:
      return Filetype.CHARACTER_DEVICE;
    case DT_BLK:
      return Filetype.BLOCK_DEVICE;
    case DT_SOCK:
      return Filetype.SOCKET_STREAM;
    default:
      return Filetype.UNKNOWN;
  }
}

/** The lowest byte of eight that is zero, as a set bit at its upper end; there may be others above it. */
function zeroByte(bytes: u64): u64 {
  return (bytes - 0x0101010101010101) & ~bytes & 0x8080808080808080;
}

/** Copies a name, eight bytes at a time, up to its zero byte, each byte read once. @returns its length, `room` or more where it has no end */
function copyName(from: usize, to: usize, room: usize): usize {
  for (let done: usize = 0; done < room; done += WORD_BYTES) {
    const bytes = load<u64>(from + done);
    store<u64>(to + done, bytes);
    const end = zeroByte(bytes);
    const slash = zeroByte(bytes ^ SLASHES);
    if (slash !== 0 && (end === 0 || ctz(slash) < ctz(end))) guest.attacked();
    if (end !== 0) return done + <usize>(ctz(end) >> 3);
  }
  return room;
}

/** The directory's own number, once an entry told it; 0 before. */
let ownInode: u64 = 0;

/** Takes one entry of Linux over, of `length` bytes. @returns 0, or NOT_HERE */
function addEntry(entry: usize, length: usize): i32 {
  const inode = load<u64>(entry + DIRENT_INODE);
  const type: i32 = load<u8>(entry + DIRENT_TYPE);
  const room = length - DIRENT_NAME;
  const at: usize = load<u32>(LISTED_END) + Dirent.BYTES;
  if (at + room + WORD_BYTES > LISTING_END || type === DT_UNKNOWN) return NOT_HERE;
  const nameLength = copyName(entry + DIRENT_NAME, at, room);
  if (nameLength >= room || nameLength === 0) guest.attacked();
  const dots = load<u8>(at) === DOT && (nameLength === 1 || (nameLength === 2 && load<u8>(at + 1) === DOT));
  if (!dots) addRecord(inode, filetypeOf(type), nameLength);
  else if (nameLength === 1) ownInode = inode;
  return 0;
}

/** Reads a whole directory. @returns 0, NOT_HERE, or an error number, negative */
function readDirectory(row: usize): i32 {
  const descriptor = get(row, Row.DESCRIPTOR);
  // What was opened and nobody has read stands at its start; a preopen may have been read before.
  if (get(row, Row.READER) !== 0 || get(row, Row.NAME) !== 0) {
    const rewound = guest.seek(descriptor, 0, SEEK_SET);
    if (guest.isError(rewound)) return errorOf(rewound);
  }
  set(row, Row.READER, SHORT_WAY);
  ownInode = 0;
  startListing();
  for (;;) {
    const bytes = guest.readData(plans.getdents64.number, descriptor, BATCH_BYTES);
    if (guest.isError(bytes)) return errorOf(bytes);
    if (bytes === 0) break;
    const end = guest.DATA + <usize>bytes;
    for (let at = guest.DATA; at < end; ) {
      const length: usize = at + DIRENT_BYTES_MIN <= end ? load<u16>(at + DIRENT_LENGTH) : 0;
      if (length < DIRENT_BYTES_MIN || at + length > end) guest.attacked();
      if (addEntry(at, length) !== 0) return NOT_HERE;
      at += length;
    }
  }
  if (ownInode === 0) return NOT_HERE;
  store<u64>(LISTING + Dirent.INODE, ownInode);
  store<u64>(LISTING + DOT_BYTES + Dirent.INODE, ownInode);
  return 0;
}

/** Where the records start that were asked for. */
let first: usize = 0;

/**
 * Prepares the records of a directory from one on.
 * @returns bytes of them, at most `room`; NOT_HERE; or an error number, negative
 */
export function list(fd: i32, cookie: u64, room: u32): i32 {
  const row = allowed(fd, Short.DIRECTORY);
  if (row === 0) return NOT_HERE;
  if (cookie === 0) {
    const owner = load<i32>(LISTED_NUMBER);
    // The records of another directory stay as long as that is open.
    if (owner !== fd && listed(owner)) return NOT_HERE;
    const refused = readDirectory(row);
    if (refused !== 0) return refused;
    store<i32>(LISTED_NUMBER, fd);
    store<i32>(LISTED_GENERATION, get(row, Row.GENERATION));
  } else if (!listed(fd)) return NOT_HERE;
  const end: usize = load<u32>(LISTED_END);
  first = LISTING;
  for (let skipped: u64 = 0; skipped < cookie && first < end; skipped++) {
    first += Dirent.BYTES + load<u32>(first + Dirent.NAME_LENGTH);
  }
  const bytes = <u32>(end - first);
  return <i32>(bytes < room ? bytes : room);
}

/** Eight bytes of the prepared records; those behind the last are of no meaning. */
export function listedWord(at: u32): u64 {
  return load<u64>(first + at);
}
