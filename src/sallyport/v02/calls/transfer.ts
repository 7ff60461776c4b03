/** Bytes in and out of descriptors. */
import { Errno } from "../constants.js";
import { U8 } from "../cursor.js";
import type { Result } from "../message.js";
import { type Call, call, fail } from "./call.js";
import { capped, type Guest, success } from "./guest.js";
import { NUMBERS } from "./numbers.js";

const IOVEC = { size: 16, align: 8 };

function read(guest: Guest, fd: number, address: bigint, count: bigint): Result {
  const target = guest.check(address, U8, count, "writable");
  if (target === null) return fail(Errno.EFAULT);
  const asked = capped(count);
  const staged = guest.stage({ layout: U8, count: asked });
  if (staged === null) return fail(Errno.EMSGSIZE);
  const result = guest.proxy(NUMBERS.read, fd, guest.pointer(staged[0]), asked);
  if ("ok" in result) guest.copyOut(staged[0], target, guest.countOf(result.ok[0], asked));
  return result;
}

function write(guest: Guest, fd: number, address: bigint, count: bigint): Result {
  const asked = capped(count);
  const source = guest.check(address, U8, asked, "readable");
  if (source === null) return fail(Errno.EFAULT);
  const staged = guest.stage({ layout: U8, count: asked, from: source });
  if (staged === null) return fail(Errno.EMSGSIZE);
  const result = guest.proxy(NUMBERS.write, fd, guest.pointer(staged[0]), asked);
  if ("ok" in result) guest.countOf(result.ok[0], asked);
  return result;
}

/** One call for each vector. A failing one is the result of all, whatever the ones before it moved. */
function eachVector(stopWhenShort: boolean, transfer: typeof read) {
  return (guest: Guest, fd: number, address: bigint, count: number): Result => {
    const vectors = guest.check(address, IOVEC, count, "readable");
    if (vectors === null) return fail(Errno.EFAULT);
    const vector = new DataView(new ArrayBuffer(IOVEC.size));
    let sum = 0;
    for (let index = 0; index < count; index++) {
      guest.memory.read(vectors.address + BigInt(index * IOVEC.size), new Uint8Array(vector.buffer));
      const length = vector.getBigUint64(8, true);
      const result = transfer(guest, fd, vector.getBigUint64(0, true), length);
      if ("err" in result) return result;
      const moved = result.ok[0].low;
      sum += moved;
      if (stopWhenShort && BigInt(moved) !== length) break;
    }
    return success(sum);
  };
}

export const transferCalls: Record<"read" | "readv" | "write" | "writev", Call> = {
  read: call(["int", "word", "word"], read),
  readv: call(["int", "word", "int"], eachVector(false, read)),
  write: call(["int", "word", "word"], write),
  writev: call(["int", "word", "int"], eachVector(true, write)),
};
