/** Calls on sockets. A keep has the sockets it was granted; making new ones is a matter of policy. */
import { STRUCTS, SYS, syscall3, syscall4, syscall5, syscall6 } from "../kernel/index.js";
import { Right } from "../sallyport/call.js";
import {
  Errno,
  MSG_DONTWAIT,
  MSG_EOR,
  MSG_MORE,
  MSG_NOSIGNAL,
  MSG_PEEK,
  MSG_TRUNC,
  MSG_WAITALL,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
} from "../sallyport/linux.js";
import { Held, type HostCore, Scratch } from "./core.js";
import { derived, type Hook, interruptible } from "./derived.js";
import type { Request } from "./request.js";

const RIGHTS = Right.READ | Right.WRITE;
/** Largest socket address Linux takes. */
const ADDRESS_BYTES_MAX = 128;
const MSGHDR = STRUCTS.msghdr.fields;
/** msghdr, then the one iovec it names, in private memory. */
const IOVEC = Scratch.STRUCTURE + 128;

/** Flags of messages that a guest may set. */
const SEND_FLAGS = MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE | MSG_EOR;
const RECEIVE_FLAGS = MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT | MSG_WAITALL;
/**
 * Options that concern the socket alone, by level. Others reach filters, devices and the tables of the firewall, all of
 * which a privileged host process could change.
 */
const OPTIONS: Readonly<Record<number, readonly number[]>> = {
  // SOL_SOCKET: REUSEADDR, BROADCAST, SNDBUF, RCVBUF, KEEPALIVE, LINGER, REUSEPORT, RCVTIMEO, SNDTIMEO
  1: [2, 6, 7, 8, 9, 13, 15, 20, 21],
  // IPPROTO_TCP: NODELAY, CORK, KEEPIDLE, KEEPINTVL, KEEPCNT, QUICKACK, USER_TIMEOUT
  6: [1, 3, 4, 5, 6, 12, 18],
  // IPPROTO_IPV6: UNICAST_HOPS, V6ONLY
  41: [16, 26],
};

function maySocket(core: HostCore): boolean {
  return core.policy.sockets === true || core.policy.unrestricted === true;
}

function flagsAllowed(core: HostCore, flags: number, allowed: number): boolean {
  return (flags & ~allowed) === 0 || core.policy.unrestricted === true;
}

const socket: Hook = (core, request) => {
  if (!maySocket(core)) return -Errno.EACCES;
  const type = core.int(request, 1) | SOCK_CLOEXEC;
  core.held[Held.NEW] = syscall3(SYS.socket, core.int(request, 0), type, core.int(request, 2));
  return core.create(RIGHTS);
};

/** Copies a socket address of the guest into private memory. @returns its address, or a refusal */
function copyAddress(core: HostCore, request: Request, slot: number): number {
  const at = core.counted(request, slot, slot + 1, 1, 8);
  if (at < 0) return at;
  const length = request.words[2 * slot + 2]!;
  // A longer one Linux refuses without reading it.
  if (length > ADDRESS_BYTES_MAX) return core.address(at);
  core.scratch.set(core.block.bytes.subarray(at, at + length), Scratch.ADDRESS);
  return core.scratchAddress + Scratch.ADDRESS;
}

/** connect and bind: a descriptor and an address. */
function withAddress(name: "connect" | "bind"): Hook {
  return (core, request) => {
    const address = copyAddress(core, request, 1);
    if (address < 0) return address;
    const native = core.native(request, 0);
    if (native < 0) return -Errno.EBADF;
    if (!maySocket(core)) return -Errno.EACCES;
    return interruptible(core, () => syscall3(SYS[name], native, address, request.words[4]!));
  };
}

/**
 * Checks an address the kernel fills and its length, which is read from the block once, into private memory.
 * @returns byte offset of the address in the block, 0 where none is asked for, or a refusal
 */
function addressRoom(core: HostCore, request: Request, slot: number, optional: boolean): number {
  if (optional && core.isNull(request, slot)) return 0;
  const lengthAt = core.reference(request, slot + 1, 1, 4, 4);
  if (lengthAt < 0) return lengthAt;
  const length = core.block.halves[lengthAt / 4]!;
  const at = core.reference(request, slot, length, 1, 8);
  core.scratchHalves[Scratch.SMALL / 4] = length;
  return at;
}

/** Gives the guest the length that the kernel left. */
function returnLength(core: HostCore, request: Request, slot: number): void {
  core.block.halves[(request.data + request.words[2 * slot + 2]!) / 4] = core.scratchHalves[Scratch.SMALL / 4]!;
}

const accept: Hook = (core, request, plan) => {
  const at = addressRoom(core, request, 1, true);
  if (at < 0) return at;
  const flags = plan.slotCount > 3 ? core.int(request, 3) : 0;
  const native = core.granted(request, 0, Right.READ);
  if (native < 0) return native;
  if ((flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) !== 0) return -Errno.EINVAL;
  if (core.descriptors.free() < 0) return -Errno.EMFILE;
  const address = at === 0 ? 0 : core.address(at);
  const length = at === 0 ? 0 : core.scratchAddress + Scratch.SMALL;
  const accepted = () => syscall4(SYS.accept4, native, address, length, flags | SOCK_CLOEXEC);
  core.held[Held.NEW] = interruptible(core, accepted);
  if (core.held[Held.NEW]! >= 0 && at > 0) returnLength(core, request, 1);
  return core.create(RIGHTS);
};

const getsockname: Hook = (core, request) => {
  const at = addressRoom(core, request, 1, false);
  if (at < 0) return at;
  const native = core.native(request, 0);
  if (native < 0) return -Errno.EBADF;
  const result = syscall3(SYS.getsockname, native, core.address(at), core.scratchAddress + Scratch.SMALL);
  if (result >= 0) returnLength(core, request, 1);
  return result;
};

const setsockopt: Hook = (core, request, plan) => {
  const own = OPTIONS[core.int(request, 1)]?.includes(core.int(request, 2)) === true;
  if (!own && core.policy.unrestricted !== true) return -Errno.ENOPROTOOPT;
  // An absent value is (null, 0), whatever stands in the length.
  return core.isNull(request, 3) ? setWithoutValue(core, request) : derived(core, request, plan);
};

function setWithoutValue(core: HostCore, request: Request): number {
  const native = core.native(request, 0);
  if (native < 0) return -Errno.EBADF;
  return syscall5(SYS.setsockopt, native, core.int(request, 1), core.int(request, 2), 0, 0);
}

const sendto: Hook = (core, request) => {
  const none = core.isNull(request, 4);
  const address = none ? 0 : copyAddress(core, request, 4);
  if (address < 0) return address;
  const at = core.counted(request, 1, 2, 1, 1);
  if (at < 0) return at;
  const native = core.granted(request, 0, Right.WRITE);
  if (native < 0) return native;
  if (!none && !maySocket(core)) return -Errno.EACCES;
  const wanted = request.words[4]!;
  const length = core.outputRoom(wanted);
  if (length < 0) return length;
  if (!flagsAllowed(core, core.int(request, 3), SEND_FLAGS)) return -Errno.EINVAL;
  const flags = core.int(request, 3) | MSG_NOSIGNAL;
  const addressLength = none ? 0 : request.words[10]!;
  const data = core.address(at);
  const result = interruptible(core, () => syscall6(SYS.sendto, native, data, length, flags, address, addressLength));
  core.countOutput(result);
  return result;
};

const recvfrom: Hook = (core, request) => {
  const at = core.counted(request, 1, 2, 1, 1);
  if (at < 0) return at;
  const addressAt = addressRoom(core, request, 4, true);
  if (addressAt < 0) return addressAt;
  const native = core.granted(request, 0, Right.READ);
  if (native < 0) return native;
  const length = request.words[4]!;
  const flags = core.int(request, 3);
  if (!flagsAllowed(core, flags, RECEIVE_FLAGS)) return -Errno.EINVAL;
  const address = addressAt === 0 ? 0 : core.address(addressAt);
  const lengthAddress = addressAt === 0 ? 0 : core.scratchAddress + Scratch.SMALL;
  const data = core.address(at);
  const result = interruptible(core, () => syscall6(SYS.recvfrom, native, data, length, flags, address, lengthAddress));
  if (result < 0) return result;
  if (addressAt > 0) returnLength(core, request, 4);
  // MSG_TRUNC makes Linux answer more than it gave; a guest must take that for an attack.
  return Math.min(result, length);
};

/** recvmsg with one buffer: what it tells beyond recvfrom is whether the message was cut. */
const recvmsg: Hook = (core, request) => {
  const at = core.counted(request, 1, 2, 1, 1);
  if (at < 0) return at;
  const flagsAt = core.reference(request, 4, 1, 4, 4);
  if (flagsAt < 0) return flagsAt;
  const native = core.granted(request, 0, Right.READ);
  if (native < 0) return native;
  const { scratch, scratchAddress } = core;
  scratch.fill(0, Scratch.STRUCTURE, IOVEC + 16);
  const view = new DataView(scratch.buffer);
  view.setBigUint64(Scratch.STRUCTURE + MSGHDR.msg_iov.offset, BigInt(scratchAddress + IOVEC), true);
  view.setBigUint64(Scratch.STRUCTURE + MSGHDR.msg_iovlen.offset, 1n, true);
  view.setBigUint64(IOVEC, BigInt(core.address(at)), true);
  view.setBigUint64(IOVEC + 8, BigInt(request.words[4]!), true);
  const header = scratchAddress + Scratch.STRUCTURE;
  const flags = core.int(request, 3);
  if (!flagsAllowed(core, flags, RECEIVE_FLAGS)) return -Errno.EINVAL;
  const result = interruptible(core, () => syscall3(SYS.recvmsg, native, header, flags));
  if (result < 0) return result;
  core.block.halves[flagsAt / 4] = view.getUint32(Scratch.STRUCTURE + MSGHDR.msg_flags.offset, true);
  return Math.min(result, request.words[4]!);
};

/** The hooks of this file, by the name a description gives. */
export const socketHooks: Readonly<Record<string, Hook>> = {
  socket,
  connect: withAddress("connect"),
  bind: withAddress("bind"),
  accept,
  getsockname,
  setsockopt,
  sendto,
  recvfrom,
  recvmsg,
};
