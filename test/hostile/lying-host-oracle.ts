/** What the guest must make of a reply: written from the protocol's rules, apart from the engine. */

import assert from "node:assert/strict";
import { type Block, items, Kind, type Plan } from "postern/sallyport";
import { Argument, Collect, Direction, type Parameter, Result } from "#src/sallyport/call.js";
import type { Member } from "./lying-host-case.js";

/** A memory argument in the arena: where its pieces lie. */
export interface Placed {
  readonly pieces: readonly { at: number; length: number }[];
  readonly length: number;
}

/** One item as the guest handed it over: where its parts lie in the block, and how much was asked for. */
export interface Handed {
  readonly ret: number;
  readonly data: number;
  /** For each parameter: byte offset in the block, -1 when absent. */
  readonly offset: readonly number[];
  /** For each parameter: bytes that travel. */
  readonly length: readonly number[];
  /** For each socket address: byte offset of its length. */
  readonly lengthOffset: readonly number[];
}

/** What must come of a member. */
export type Expected = { attacked: true } | { errno: number } | { value: bigint };

const DESCRIPTORS = new Set(["dup", "dup2", "dup3"]);

function plainValue(plan: Plan, compatible: boolean, word: bigint): Expected {
  const signed = BigInt.asIntN(64, word);
  const overflow = { errno: 75 };
  switch (!compatible && DESCRIPTORS.has(plan.name) ? Result.INT : plan.result) {
    case Result.UNIT:
      return { value: 0n };
    case Result.INT:
      return word < 2n ** 31n ? { value: word } : overflow;
    case Result.BYTE:
    case Result.OPTIONAL_BYTE:
      return word < 256n ? { value: word } : overflow;
    case Result.TRUNCATED:
      if (!compatible && BigInt.asIntN(32, signed) !== signed) return overflow;
      return { value: BigInt.asIntN(32, signed) };
    default:
      return { value: word };
  }
}

/** @param most what the value may be at most; undefined for no limit */
export function expected(plan: Plan, compatible: boolean, word: bigint, most: number | undefined): Expected {
  const signed = BigInt.asIntN(64, word);
  if (plan.result === Result.OPTIONAL_BYTE && (signed === -1n || (!compatible && word === 256n))) return { value: -1n };
  if (signed < 0n && signed >= (compatible ? -4097n : -4095n)) return { errno: Number(-signed) };
  const outcome = plainValue(plan, compatible, word);
  if (!("value" in outcome)) return outcome;
  if (plan.final) return { attacked: true };
  return most !== undefined && outcome.value > BigInt(most) ? { attacked: true } : outcome;
}

/** Copies what the host may have written into the arena, as the guest must. @returns socket address lengths */
export function applyOutputs(
  plan: Plan,
  compatible: boolean,
  outcome: Expected,
  handed: Handed,
  placed: readonly (Placed | null)[],
  reply: Uint8Array,
  arena: Uint8Array,
): Map<number, number> {
  const lengths = new Map<number, number>();
  for (const index of plan.allocation) {
    const parameter = plan.parameters[index]!;
    const target = placed[index];
    if (target == null || (parameter.direction & Direction.OUT) === 0 || !collected(parameter, compatible, outcome)) {
      continue;
    }
    const at = handed.offset[index]!;
    const value = "value" in outcome ? Number(outcome.value) : 0;
    let count =
      plan.limit === index ? value * (parameter.argument === Argument.RECORDS ? parameter.size : 1) : target.length;
    if (parameter.argument === Argument.ADDRESS) {
      const length = new DataView(reply.buffer, reply.byteOffset).getUint32(handed.lengthOffset[index]!, true);
      count = Math.min(target.length, length);
      lengths.set(index, compatible ? length : count);
    }
    if (!compatible && (plan.name === "poll" || plan.name === "ppoll") && plan.limit === index) {
      // Of a pollfd, only what happened (16 bits at 6) is the host's.
      for (let byte = 0; byte < target.length; byte++) {
        if (byte % 8 >= 6) arena[target.pieces[0]!.at + byte] = reply[at + byte]!;
      }
      continue;
    }
    let from = at;
    for (const piece of target.pieces) {
      const part = Math.min(piece.length, at + count - from);
      arena.set(reply.subarray(from, from + part), piece.at);
      from += part;
    }
  }
  return lengths;
}

function collected(parameter: Parameter, compatible: boolean, outcome: Expected): boolean {
  if ("attacked" in outcome) return false;
  const errno = "errno" in outcome ? outcome.errno : 0;
  if (parameter.collect === Collect.INTERRUPTED) return errno === 4;
  return errno === 0 || (compatible && parameter.collect === Collect.ALWAYS);
}

const ALL_ONES = 2n ** 64n - 1n;

/** Reads what the guest handed over, and checks that it is well formed and says what the members say. */
export function readHanded(
  block: Block,
  members: readonly Member[],
  plans: readonly Plan[],
  placed: readonly (readonly (Placed | null)[])[],
  arena: Uint8Array,
): Handed[] {
  const found = [...items(block)];
  assert.equal(found.length, members.length, "items in the block");
  const words = new DataView(block.bytes.buffer, block.bytes.byteOffset, block.byteLength);
  return found.map((item, index) => {
    const plan = plans[index]!;
    assert.equal(item.kind, plan.kind, "kind");
    assert.equal(words.getBigUint64(item.payload, true), BigInt(plan.number), "number");
    const ret = item.data - (plan.kind === Kind.SYSCALL ? 16 : 8);
    assert.equal(words.getBigInt64(ret, true), -38n, "return word before the call");
    const slot = (number: number): bigint => words.getBigUint64(item.payload + 8 + 8 * number, true);
    const handed = {
      ret,
      data: item.data,
      offset: [] as number[],
      length: [] as number[],
      lengthOffset: [] as number[],
    };
    for (const parameter of plan.allocation) {
      const target = placed[index]![parameter]!;
      const offset = slot(plan.offsetSlot[parameter]!);
      handed.offset[parameter] = offset === ALL_ONES ? -1 : item.data + Number(offset);
      assert.equal(offset === ALL_ONES, target === null, "an argument that is left out is NULL");
      if (target === null) continue;
      const { argument, size, align, direction } = plan.parameters[parameter]!;
      assert.equal(offset % BigInt(align), 0n, "alignment");
      const lengthSlot = plan.lengthSlot[parameter]!;
      const unit = argument === Argument.RECORDS ? size : 1;
      const length =
        lengthSlot < 0 ? target.length + (argument === Argument.PATH ? 1 : 0) : Number(slot(lengthSlot)) * unit;
      assert.ok(length <= target.length + 1 && Number(offset) + length <= item.dataLength, "inside of the item");
      handed.length[parameter] = length;
      if (argument === Argument.ADDRESS) {
        handed.lengthOffset[parameter] = item.data + Number(slot(plan.lengthOffsetSlot[parameter]!));
      }
      if ((direction & Direction.IN) !== 0) checkInput(block, handed.offset[parameter]!, length, target, arena);
    }
    return handed;
  });
}

/** The same for one transfer through the window: the block has no data, its buffer is a place in the program's memory. */
export function readWindowed(block: Block, plan: Plan, placed: readonly (Placed | null)[]): Handed[] {
  const [item, ...others] = [...items(block)];
  assert.ok(item !== undefined && others.length === 0 && item.dataLength === 0, "one item without data");
  const words = new DataView(block.bytes.buffer, block.bytes.byteOffset, block.byteLength);
  assert.equal(words.getBigUint64(item.payload, true), BigInt(plan.number), "number");
  const index = plan.allocation[0]!;
  const { pieces, length } = placed[index]!;
  const slot = (number: number): bigint => words.getBigUint64(item.payload + 8 + 8 * number, true);
  assert.equal(slot(plan.offsetSlot[index]!), 2n ** 32n + BigInt(pieces[0]!.at), "a reference into the memory");
  assert.equal(slot(plan.lengthSlot[index]!), BigInt(length), "length");
  const lengths: number[] = [];
  lengths[index] = length;
  return [{ ret: item.data - 16, data: item.data, offset: [], length: lengths, lengthOffset: [] }];
}

function checkInput(block: Block, at: number, length: number, target: Placed, arena: Uint8Array): void {
  let from = at;
  for (const piece of target.pieces) {
    for (let byte = 0; byte < piece.length && from < at + length; byte++, from++) {
      assert.equal(block.bytes[from], arena[piece.at + byte], "input bytes");
    }
  }
}
