/** The general route, outward: a call is allocated in the block, then written. */
import { Argument, Direction, Part, type Plan, type SocketAddressBuffer } from "../sallyport/call.js";
import { plans } from "../sallyport/calls.js";
import { HEADER_BYTES, payloadBytes } from "../sallyport/constants.js";
import { Errno } from "../sallyport/linux.js";
import { clearBytes, copyBytes } from "./copy.js";
import { ALL_ONES, TWO_32, type Wire } from "./wire.js";

/** Where the parts of a staged call lie: private, never read back from the block. */
export interface Staged {
  plan: Plan;
  args: readonly unknown[];
  /** Byte offset of the item in the block. */
  item: number;
  /** Byte offset of its data. */
  data: number;
  /** Bytes after the header. */
  size: number;
  /** For each parameter: offset in the data section, -1 when absent. */
  readonly offset: number[];
  /** For each parameter: bytes staged. */
  readonly length: number[];
  /** For each address parameter: offset of its length variable. */
  readonly lengthOffset: number[];
}

/** Room for one call. */
export const newStaged = (): Staged => ({
  plan: plans.read,
  args: [],
  item: 0,
  data: 0,
  size: 0,
  offset: [],
  length: [],
  lengthOffset: [],
});

/** Bytes of all pieces together. */
function totalLength(pieces: readonly Uint8Array[]): number {
  let total = 0;
  for (const piece of pieces) total += piece.length;
  return total;
}

/** Makes the functions that stage and commit. */
export function createStaging(wire: Wire) {
  const { bytes, halves, limit, compatible, writeSlot, writeItem } = wire;

  /** Allocates a call behind `position`. @returns 0 or an errno; nothing is written */
  function stage(into: Staged, plan: Plan, args: readonly unknown[], position: number): number {
    const data = position + HEADER_BYTES + payloadBytes(plan.kind);
    if (data > limit) return Errno.ENOMEM;
    into.plan = plan;
    into.args = args;
    into.item = position;
    into.data = data;
    let at = data;
    for (const index of plan.allocation) {
      const parameter = plan.parameters[index]!;
      const argument = args[index];
      into.offset[index] = -1;
      into.length[index] = 0;
      if (argument === null || argument === undefined) {
        if (!parameter.optional) return Errno.EINVAL;
        continue;
      }
      const { align } = parameter;
      at += -at & (align - 1);
      let length = byteLengthOf(parameter.argument, argument);
      if (parameter.argument === Argument.RECORD && length !== parameter.size) return Errno.EINVAL;
      if (parameter.argument === Argument.RECORDS && length % parameter.size !== 0) return Errno.EINVAL;
      if (parameter.shrinks) length = Math.min(length, Math.max(0, limit - at));
      if (at + length > limit) return Errno.ENOMEM;
      into.offset[index] = at - data;
      into.length[index] = length;
      at += length;
      if (parameter.argument === Argument.ADDRESS) {
        at += -at & 3;
        if (at + 4 > limit) return Errno.ENOMEM;
        into.lengthOffset[index] = at - data;
        at += 4;
      }
    }
    at += -at & 7;
    if (at > limit) return Errno.ENOMEM;
    into.size = at - position - HEADER_BYTES;
    return 0;
  }

  function byteLengthOf(kind: number, argument: unknown): number {
    if (kind === Argument.PIECES) return totalLength(argument as Uint8Array[]);
    if (kind === Argument.ADDRESS) return (argument as SocketAddressBuffer).bytes.length;
    const length = (argument as Uint8Array).length;
    return kind === Argument.PATH ? length + 1 : length;
  }

  /** Writes a staged call. */
  function commit(staged: Staged): void {
    const { plan, args } = staged;
    writeItem(staged.item, plan.kind, staged.size, plan.number);
    const slots = staged.item + 24;
    for (let slot = 0; slot < plan.slotCount; slot++) commitSlot(staged, slot, slots + 8 * slot);
    if (!compatible) clearOutputs(staged);
    for (const index of plan.allocation) {
      const offset = staged.offset[index]!;
      if (offset < 0) continue;
      commitData(staged, index, args[index], staged.data + offset);
    }
  }

  function commitSlot(staged: Staged, slot: number, at: number): void {
    const { plan } = staged;
    const index = plan.slotParameter[slot]!;
    const parameter = plan.parameters[index]!;
    const argument = staged.args[index];
    if (parameter.argument < Argument.BYTES) {
      commitNumber(parameter.argument, argument as number | bigint, at);
      return;
    }
    const part = plan.slotPart[slot]!;
    const offset = staged.offset[index]!;
    if (offset < 0) {
      const filler = part === Part.LENGTH && parameter.absentLengthZero ? 0 : ALL_ONES;
      writeSlot(at, filler, filler);
    } else if (part === Part.OFFSET) writeSlot(at, offset, 0);
    else if (part === Part.LENGTH_OFFSET) writeSlot(at, staged.lengthOffset[index]!, 0);
    else if (part === Part.COUNT) writeSlot(at, staged.length[index]! / parameter.size, 0);
    else writeSlot(at, staged.length[index]!, 0);
  }

  function commitNumber(kind: number, value: number | bigint, at: number): void {
    if (kind === Argument.WORD) {
      if (typeof value === "bigint") {
        writeSlot(at, Number(value & 0xffffffffn), Number((value >> 32n) & 0xffffffffn));
      } else {
        writeSlot(at, value % TWO_32, Math.floor(value / TWO_32));
      }
      return;
    }
    const low = Number(value) | 0;
    writeSlot(at, low, kind === Argument.UNSIGNED ? 0 : low >> 31);
  }

  /** Clears records and tables that only the host writes, and padding, so that nothing old is shown or read. */
  function clearOutputs(staged: Staged): void {
    const { plan } = staged;
    const end = staged.item + HEADER_BYTES + staged.size;
    if (end - staged.data >= 8) writeSlot(end - 8, 0, 0);
    for (const index of plan.allocation) {
      const parameter = plan.parameters[index]!;
      const offset = staged.offset[index]!;
      if (offset < 0 || parameter.shrinks || (parameter.direction & Direction.OUT) === 0) continue;
      clearBytes(bytes, staged.data + offset, staged.length[index]!);
    }
  }

  function commitData(staged: Staged, index: number, argument: unknown, at: number): void {
    const parameter = staged.plan.parameters[index]!;
    if (parameter.argument === Argument.ADDRESS) {
      const length = (argument as SocketAddressBuffer).length;
      halves[(staged.data + staged.lengthOffset[index]!) >>> 2] = length;
      return;
    }
    if ((parameter.direction & Direction.IN) === 0) return;
    const length = staged.length[index]!;
    if (parameter.argument === Argument.PIECES) {
      gather(argument as Uint8Array[], at, length);
      return;
    }
    const source = argument as Uint8Array;
    if (parameter.argument === Argument.PATH) {
      copyBytes(source, 0, bytes, at, length - 1);
      bytes[at + length - 1] = 0;
      return;
    }
    copyBytes(source, 0, bytes, at, length);
  }

  function gather(pieces: readonly Uint8Array[], at: number, length: number): void {
    let left = length;
    let to = at;
    for (const piece of pieces) {
      const part = piece.length <= left ? piece : piece.subarray(0, left);
      bytes.set(part, to);
      to += part.length;
      left -= part.length;
      if (left === 0) return;
    }
  }

  return { stage, commit };
}
