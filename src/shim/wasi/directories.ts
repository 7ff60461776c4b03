/** fd_readdir. */
import { plans } from "../../sallyport/calls.js";
import {
  AT_SYMLINK_NOFOLLOW,
  DT_BLK,
  DT_CHR,
  DT_DIR,
  DT_FIFO,
  DT_LNK,
  DT_REG,
  DT_SOCK,
  DT_UNKNOWN,
  Errno as Linux,
  SEEK_SET,
} from "../../sallyport/linux.js";
import { Filetype, Right } from "./abi.js";
import { type Entry, Kind } from "./descriptors.js";
import { Errno, errnoOf } from "./errno.js";
import { FileStatus, filetypeOf, Statx } from "./filestat.js";
import { Listing } from "./listing.js";
import { GatheringMemory } from "./memory.js";
import type { Program, WasiFunctions } from "./program.js";

/** struct linux_dirent64: inode u64, offset u64, length u16, type u8, name with a zero byte. */
const Dirent64 = { INODE: 0, LENGTH: 16, TYPE: 18, NAME: 19, BYTES_MIN: 24 } as const;
/** Read at a time. */
const BATCH_BYTES = 32768;
const DOT = 0x2e;
const SLASH = 0x2f;

const FILETYPES: Readonly<Record<number, number>> = {
  [DT_REG]: Filetype.REGULAR_FILE,
  [DT_DIR]: Filetype.DIRECTORY,
  [DT_LNK]: Filetype.SYMBOLIC_LINK,
  [DT_CHR]: Filetype.CHARACTER_DEVICE,
  [DT_BLK]: Filetype.BLOCK_DEVICE,
  [DT_SOCK]: Filetype.SOCKET_STREAM,
  [DT_FIFO]: Filetype.UNKNOWN,
};

export function createDirectories(program: Program): WasiFunctions {
  const { engine, memory, descriptors } = program;
  const status = new FileStatus(engine);
  /** Where entries are read into; made when first needed. */
  let gathered: GatheringMemory | undefined;
  let batch: Uint8Array = new Uint8Array(0);
  let batchView = new DataView(batch.buffer);

  /** Starts a listing at the directory's first entry. @param mine nobody else has read it @returns an error number */
  function begin(entry: Entry, mine: boolean): number {
    // What path_open opened and nobody has read stands at its start; a preopen may have been read before.
    const fresh = mine && entry.listing === null && entry.name === null && !descriptors.shared;
    if (!fresh) {
      const rewound = engine.seek(plans.lseek, entry.descriptor, 0, 0, SEEK_SET);
      if (rewound < 0) return errnoOf(rewound);
    }
    if (entry.listing === null) entry.listing = new Listing();
    else entry.listing.restart();
    return Errno.SUCCESS;
  }

  /** Completes `.` and `..`, where the entries read so far did not tell the directory's number. @returns an error number */
  function askInode(entry: Entry, listing: Listing): number {
    const error = status.askOpen(entry.descriptor);
    if (error !== 0) return error;
    listing.setInode(status.view.getUint32(Statx.INODE, true), status.view.getUint32(Statx.INODE + 4, true));
    return Errno.SUCCESS;
  }

  /** Reads on. @returns an error number */
  function readBatch(entry: Entry, listing: Listing): number {
    if (gathered === undefined) {
      gathered = new GatheringMemory(BATCH_BYTES);
      batch = gathered.bytes;
      batchView = new DataView(batch.buffer);
    }
    const read = engine.transfer(plans.getdents64, entry.descriptor, gathered, 0, BATCH_BYTES);
    if (read < 0) return errnoOf(read);
    if (read === 0) listing.complete = true;
    for (let at = 0; at < read; ) {
      const length = at + Dirent64.BYTES_MIN <= read ? batchView.getUint16(at + Dirent64.LENGTH, true) : 0;
      if (length < Dirent64.BYTES_MIN || at + length > read) engine.attack();
      const error = addEntry(entry, listing, at, at + length);
      if (error !== 0) return error;
      at += length;
    }
    return Errno.SUCCESS;
  }

  /** Takes one record over, from `at` to `end`. @returns an error number */
  function addEntry(entry: Entry, listing: Listing, at: number, end: number): number {
    const start = at + Dirent64.NAME;
    let nameEnd = start;
    while (nameEnd < end && batch[nameEnd] !== 0) {
      if (batch[nameEnd] === SLASH) engine.attack();
      nameEnd++;
    }
    if (nameEnd === end || nameEnd === start) engine.attack();
    const low = batchView.getUint32(at + Dirent64.INODE, true);
    const high = batchView.getUint32(at + Dirent64.INODE + 4, true);
    if (isDots(start, nameEnd)) {
      if (nameEnd - start === 1 && !listing.hasInode) listing.setInode(low, high);
      return Errno.SUCCESS;
    }
    const type = batch[at + Dirent64.TYPE]!;
    let filetype = FILETYPES[type] ?? Filetype.UNKNOWN;
    if (type === DT_UNKNOWN) {
      const error = status.ask(entry.descriptor, batch.subarray(start, nameEnd), nameEnd - start, AT_SYMLINK_NOFOLLOW);
      if (engine.state.errno === Linux.ENOENT) return Errno.SUCCESS;
      if (error === 0) filetype = filetypeOf(status.mode);
    }
    return listing.add(batch, start, nameEnd, low, high, filetype) ? Errno.SUCCESS : Errno.NOMEM;
  }

  /** Whether a name is `.` or `..`: the shim has made these itself. */
  function isDots(start: number, end: number): boolean {
    return batch[start] === DOT && (end - start === 1 || (end - start === 2 && batch[start + 1] === DOT));
  }

  function fd_readdir(
    fd: number,
    buffer: number,
    length: number,
    cookieLow: number,
    cookieHigh: number,
    result: number,
  ): number {
    const at = buffer >>> 0;
    const room = length >>> 0;
    if (!memory.holds(at, room) || !memory.holds(result >>> 0, 4)) return Errno.FAULT;
    const entry = descriptors.get(fd);
    const refused = entry.check(~Kind.DIRECTORY, Right.FD_READDIR);
    if (refused !== 0) return refused;
    const cookie = (cookieLow >>> 0) + (cookieHigh >>> 0) * 2 ** 32;
    // Where another thread has read on since, this one starts again.
    const mine = descriptors.claimListing(fd);
    const moved = !mine && entry.listing?.complete === false;
    if (cookie === 0 || entry.listing === null || moved) {
      const error = begin(entry, mine);
      if (error !== 0) return error;
    }
    const listing = entry.listing!;
    while (!listing.complete && (cookie >= listing.count || listing.bytesFrom(cookie) < room)) {
      const error = readBatch(entry, listing);
      if (error !== 0) return error;
    }
    if (!listing.hasInode && cookie < 2 && room > 0) {
      const error = askInode(entry, listing);
      if (error !== 0) return error;
    }
    const used = Math.min(room, listing.bytesFrom(cookie));
    if (used > 0) memory.write(at, listing.slice(cookie, used));
    memory.view.setUint32(result >>> 0, used, true);
    return Errno.SUCCESS;
  }

  return { fd_readdir };
}
