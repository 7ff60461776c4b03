/** One directory at a time: its records, as fd_readdir gives them, stay as long as the directory is open. */
import { plans } from "../../../sallyport/calls.js";
import { DT_BLK, DT_CHR, DT_DIR, DT_LNK, DT_REG, DT_SOCK, DT_UNKNOWN, SEEK_SET } from "../../../sallyport/linux.js";
import { Dirent, Filetype } from "../../../shim/wasi/abi.js";
import { Short } from "../../../shim/wasi/descriptors.js";
import { Row, SHORT_WAY } from "../../../shim/wasi/rows.js";
import {
  LISTED_COUNT,
  LISTED_END,
  LISTED_GENERATION,
  LISTED_NUMBER,
  LISTING,
  LISTING_BYTES,
  NOT_HERE,
} from "../../layout.js";
import * as guest from "./guest.js";
import { allowed, get, rowOf, set } from "./rows.js";

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
  else if (nameLength === 1 && ownInode === 0) ownInode = inode;
  return 0;
}

/** Reads a whole directory. @returns 0 or NOT_HERE */
function readDirectory(row: usize): i32 {
  const descriptor = get(row, Row.DESCRIPTOR);
  // What was opened and nobody has read stands at its start; a preopen may have been read before.
  if (get(row, Row.READER) !== 0 || get(row, Row.NAME) !== 0) {
    const rewound = guest.seek(descriptor, 0, SEEK_SET);
    if (guest.isError(rewound)) return NOT_HERE;
  }
  set(row, Row.READER, SHORT_WAY);
  ownInode = 0;
  startListing();
  for (;;) {
    const bytes = guest.readData(plans.getdents64.number, descriptor, BATCH_BYTES);
    // Less may be asked for than was read here.
    if (guest.isError(bytes)) return NOT_HERE;
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
 * @returns bytes of them, at most `room`; or NOT_HERE
 */
export function list(fd: i32, cookie: u64, room: u32): i32 {
  const row = allowed(fd, Short.LIST);
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
