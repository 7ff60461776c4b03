/** The machine as the program sees it: names, files and randomness answered inside, and the host's clock. */
import { Errno } from "../constants.js";
import { U8 } from "../cursor.js";
import type { Result } from "../message.js";
import { type Call, call, fail } from "./call.js";
import { type Guest, success } from "./guest.js";
import { NUMBERS } from "./numbers.js";

const TIMESPEC = { size: 16, align: 8 };
const STAT = { size: 144, align: 8 };
const UTSNAME = { size: 390, align: 1 };
const UTSNAME_FIELD = 65;

const encoder = new TextEncoder();
const PROGRAM_LINK = encoder.encode("/proc/self/exe");
const PROGRAM_PATH = encoder.encode("/init\0");
/** What readlink returns: the zero byte is written and not counted. */
const PROGRAM_PATH_LENGTH = 5;

const GRND_NONBLOCK = 1;
const GRND_RANDOM = 2;
const RANDOM_CHUNK = 4096;

/** sysname, nodename, release, version, machine; domainname is left as it was. */
const NAMES = utsname("Linux", "localhost.localdomain", "5.6.0", "#1", "x86_64");

function utsname(...names: string[]): Uint8Array {
  const bytes = new Uint8Array(names.length * UTSNAME_FIELD);
  names.forEach((name, index) => {
    bytes.set(encoder.encode(name), index * UTSNAME_FIELD);
  });
  return bytes;
}

/** What fstat tells about a standard stream: [offset, value]; everything else is zero. */
const STAT_FIELDS = [
  [8, 3], // inode
  [16, 1], // links
  [24, 0o10600], // a FIFO that its owner reads and writes
  [28, 1000], // user
  [32, 5], // group
  [40, 0x8800], // device number
  [56, 4096], // block size
  [72, 1_579_507_218], // atime, mtime, ctime
  [88, 1_579_507_218],
  [104, 1_579_507_218],
] as const;
const DEVICES = [0x19, 0xc, 0xc] as const;

function statOf(device: number): Uint8Array {
  const bytes = new Uint8Array(STAT.size);
  const view = new DataView(bytes.buffer);
  for (const [offset, value] of [[0, device], ...STAT_FIELDS] as const) view.setUint32(offset, value, true);
  return bytes;
}

function fstat(guest: Guest, fd: number, address: bigint): Result {
  const device = DEVICES[fd];
  if (device === undefined) return fail(Errno.EBADF);
  const target = guest.check(address, STAT, 1, "writable");
  if (target === null) return fail(Errno.EFAULT);
  guest.memory.write(target.address, statOf(device));
  return success();
}

/** Whether the path begins with the one link there is. Longer paths match too; each byte is checked before it is read. */
function namesProgram(guest: Guest, path: bigint): boolean | null {
  const byte = new Uint8Array(1);
  for (let index = 0; index < PROGRAM_LINK.length; index++) {
    const source = guest.check(path + BigInt(index), U8, 1, "readable");
    if (source === null) return null;
    guest.memory.read(source.address, byte);
    if (byte[0] !== PROGRAM_LINK[index]) return false;
  }
  return true;
}

function readlink(guest: Guest, path: bigint, address: bigint, size: bigint): Result {
  const known = path === 0n ? null : namesProgram(guest, path);
  if (known === null) return fail(Errno.EFAULT);
  if (!known) return fail(Errno.ENOENT);
  if (size < BigInt(PROGRAM_PATH.length)) return fail(Errno.EINVAL);
  const target = guest.check(address, U8, size, "writable");
  if (target === null) return fail(Errno.EFAULT);
  guest.memory.write(target.address, PROGRAM_PATH);
  return success(PROGRAM_PATH_LENGTH);
}

/** Never asks the host. The flags are accepted and change nothing: the source always delivers. */
function getrandom(guest: Guest, address: bigint, size: bigint, flags: number): Result {
  if ((flags & ~(GRND_NONBLOCK | GRND_RANDOM)) !== 0) return fail(Errno.EINVAL);
  const target = guest.check(address, U8, size, "writable");
  if (target === null) return fail(Errno.EFAULT);
  const chunk = new Uint8Array(RANDOM_CHUNK);
  for (let done = 0n; done < size; done += BigInt(RANDOM_CHUNK)) {
    const left = size - done;
    const part = left < BigInt(RANDOM_CHUNK) ? chunk.subarray(0, Number(left)) : chunk;
    guest.random(part);
    guest.memory.write(target.address + done, part);
  }
  return success(size);
}

/** The host's failure is a positive number here and so looks like a success: the bytes are copied all the same. */
function clockGettime(guest: Guest, clock: number, address: bigint): Result {
  const target = guest.check(address, TIMESPEC, 1, "writable");
  if (target === null) return fail(Errno.EFAULT);
  const staged = guest.stage({ layout: TIMESPEC, count: 1 });
  if (staged === null) return fail(Errno.EMSGSIZE);
  const result = guest.proxy(NUMBERS.clock_gettime, clock, guest.pointer(staged[0]));
  if ("ok" in result) guest.copyOut(staged[0], target);
  return result;
}

function uname(guest: Guest, address: bigint): Result {
  const target = guest.check(address, UTSNAME, 1, "writable");
  if (target === null) return fail(Errno.EFAULT);
  guest.memory.write(target.address, NAMES);
  return success();
}

export const systemCalls = {
  clock_gettime: call(["int", "word"], clockGettime),
  fstat: call(["int", "word"], fstat),
  getrandom: call(["word", "word", "uint"], getrandom),
  readlink: call(["word", "word", "word"], readlink),
  uname: call(["word"], uname),
} satisfies Record<string, Call>;
