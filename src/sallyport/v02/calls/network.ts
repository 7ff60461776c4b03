/** Sockets. Addresses are plain bytes here, with no alignment. */
import { BUF_CAPACITY, Errno } from "../constants.js";
import { type Slice, U8 } from "../cursor.js";
import type { Result } from "../message.js";
import type { Trusted } from "../untrusted.js";
import { type Call, call, fail, passed } from "./call.js";
import { capped, type Guest } from "./guest.js";
import { NUMBERS } from "./numbers.js";

const SOCKLEN = { size: 4, align: 4 };

/** Where a socket address goes: both pointers checked, the length copied once. */
interface AddressOutput {
  readonly address: Trusted;
  readonly length: Trusted;
  readonly size: number;
}

function word32(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
}

function bytes32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

function readLength(guest: Guest, length: Trusted): number {
  const bytes = new Uint8Array(SOCKLEN.size);
  guest.memory.read(length.address, bytes);
  return word32(bytes);
}

/** Checks an output for an address. A length of zero stops the original; here it is EINVAL. */
function addressOutput(guest: Guest, address: bigint, addrlen: bigint): AddressOutput | Result {
  const length = guest.check(addrlen, SOCKLEN, 1, "writable");
  if (length === null) return fail(Errno.EFAULT);
  const size = readLength(guest, length);
  if (size === 0) return fail(Errno.EINVAL);
  const target = guest.check(address, U8, size, "writable");
  return target === null ? fail(Errno.EFAULT) : { address: target, length, size };
}

/**
 * Gives the program the address and its length. The length is the host's word, unchecked, as Linux may exceed the
 * program's buffer too; never more bytes are copied than the program has room for.
 */
function collectAddress(guest: Guest, output: AddressOutput, address: Slice, length: Slice): void {
  const answered = guest.copyOf(length);
  guest.copyOut(address, output.address, Math.min(output.size, word32(answered)));
  guest.memory.write(output.length.address, answered);
}

/** accept4 and getsockname: the address first, then its length. */
function askAddress(
  guest: Guest,
  address: bigint,
  addrlen: bigint,
  ask: (address: bigint, length: bigint) => Result,
): Result {
  const output = addressOutput(guest, address, addrlen);
  if (!("size" in output)) return output;
  const staged = guest.stage(
    { layout: U8, count: output.size },
    { layout: SOCKLEN, count: 1, from: bytes32(output.size) },
  );
  if (staged === null) return fail(Errno.EMSGSIZE);
  const result = ask(guest.pointer(staged[0]), guest.pointer(staged[1]));
  if ("ok" in result) collectAddress(guest, output, staged[0], staged[1]);
  return result;
}

function accept4(guest: Guest, fd: number, address: bigint, addrlen: bigint, flags: number): Result {
  if (address === 0n) return guest.proxy(NUMBERS.accept4, fd, address, addrlen, flags);
  return askAddress(guest, address, addrlen, (first, second) => guest.proxy(NUMBERS.accept4, fd, first, second, flags));
}

function getsockname(guest: Guest, fd: number, address: bigint, addrlen: bigint): Result {
  return askAddress(guest, address, addrlen, (first, second) => guest.proxy(NUMBERS.getsockname, fd, first, second));
}

/** bind and connect. */
function tellAddress(num: number): Call {
  return call(["int", "word", "word"], (guest, fd, address, addrlen) => {
    if (addrlen > BigInt(BUF_CAPACITY)) return fail(Errno.EINVAL);
    const source = guest.check(address, U8, addrlen, "readable");
    if (source === null) return fail(Errno.EFAULT);
    const staged = guest.stage({ layout: U8, count: addrlen, from: source });
    if (staged === null) return fail(Errno.EMSGSIZE);
    return guest.proxy(num, fd, guest.pointer(staged[0]), addrlen);
  });
}

function recvfrom(
  guest: Guest,
  fd: number,
  address: bigint,
  count: bigint,
  flags: number,
  sender: bigint,
  addrlen: bigint,
): Result {
  const asked = capped(count);
  const length = guest.check(addrlen, SOCKLEN, 1, "writable");
  const size = length === null ? 0 : readLength(guest, length);
  if (asked + size > BUF_CAPACITY) return fail(Errno.EINVAL);
  const target = guest.check(address, U8, asked, "writable");
  if (target === null) return fail(Errno.EFAULT);
  const receive = (from: bigint, fromLength: bigint, data: Slice): Result => {
    const result = guest.proxy(NUMBERS.recvfrom, fd, guest.pointer(data), asked, flags, from, fromLength);
    if ("ok" in result) guest.copyOut(data, target, guest.countOf(result.ok[0], asked));
    return result;
  };
  if (sender === 0n) {
    const staged = guest.stage({ layout: U8, count: asked });
    return staged === null ? fail(Errno.EMSGSIZE) : receive(0n, 0n, staged[0]);
  }
  const output = addressOutput(guest, sender, addrlen);
  if (!("size" in output)) return output;
  const staged = guest.stage(
    { layout: U8, count: asked },
    { layout: U8, count: output.size },
    { layout: SOCKLEN, count: 1, from: bytes32(output.size) },
  );
  if (staged === null) return fail(Errno.EMSGSIZE);
  const result = receive(guest.pointer(staged[1]), guest.pointer(staged[2]), staged[0]);
  if ("ok" in result) collectAddress(guest, output, staged[1], staged[2]);
  return result;
}

function sendto(
  guest: Guest,
  fd: number,
  address: bigint,
  count: bigint,
  flags: number,
  receiver: bigint,
  addrlen: bigint,
): Result {
  const asked = capped(count);
  const source = guest.check(address, U8, asked, "readable");
  const to = receiver === 0n ? undefined : guest.check(receiver, U8, addrlen, "readable");
  if (source === null || to === null) return fail(Errno.EFAULT);
  const data = { layout: U8, count: asked, from: source };
  const staged = guest.stage(data, ...(to === undefined ? [] : [{ layout: U8, count: addrlen, from: to }]));
  if (staged === null) return fail(Errno.EMSGSIZE);
  const pointer = staged[1] === undefined ? 0n : guest.pointer(staged[1]);
  const result = guest.proxy(NUMBERS.sendto, fd, guest.pointer(staged[0]), asked, flags, pointer, addrlen);
  if ("ok" in result) guest.countOf(result.ok[0], asked);
  return result;
}

function setsockopt(guest: Guest, fd: number, level: number, name: number, value: bigint, length: number): Result {
  const source = guest.check(value, U8, length, "readable");
  if (source === null) return fail(Errno.EFAULT);
  const staged = guest.stage({ layout: U8, count: length, from: source });
  if (staged === null) return fail(Errno.EMSGSIZE);
  return guest.proxy(NUMBERS.setsockopt, fd, level, name, guest.pointer(staged[0]), length);
}

export const networkCalls = {
  socket: passed(NUMBERS.socket, ["int", "int", "int"]),
  listen: passed(NUMBERS.listen, ["int", "int"]),
  bind: tellAddress(NUMBERS.bind),
  connect: tellAddress(NUMBERS.connect),
  accept: call(["int", "word", "word"], (guest, fd, address, addrlen) => accept4(guest, fd, address, addrlen, 0)),
  accept4: call(["int", "word", "word", "int"], accept4),
  getsockname: call(["int", "word", "word"], getsockname),
  recvfrom: call(["int", "word", "word", "int", "word", "word"], recvfrom),
  sendto: call(["int", "word", "word", "int", "word", "word"], sendto),
  setsockopt: call(["int", "int", "int", "word", "uint"], setsockopt),
} satisfies Record<string, Call>;
