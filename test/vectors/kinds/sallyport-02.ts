/** Replays recorded cases of the older generation. */
import assert from "node:assert/strict";
import { v02 } from "postern/host";
import {
  BLOCK_ALIGN,
  BLOCK_SIZE,
  Block,
  BUF_CAPACITY,
  type Cursor,
  KVM_SYSCALL_TRIGGER_PORT,
  type Layout,
  MAX_UDP_PACKET_SIZE,
  MESSAGE_SIZE,
  OutOfSpace,
  REPLY_SIZE,
  REQUEST_SIZE,
  REQUIRES,
  type Register,
  Reply,
  request,
  VERSION,
} from "postern/sallyport/v02";
import type { VectorCase } from "../replay.js";

type Recorded = number | string;

const CONSTANTS = {
  request: REQUEST_SIZE,
  reply: REPLY_SIZE,
  message: MESSAGE_SIZE,
  block: BLOCK_SIZE,
  blockAlign: BLOCK_ALIGN,
  bufCapacity: BUF_CAPACITY,
  maxUdp: MAX_UDP_PACKET_SIZE,
  port: KVM_SYSCALL_TRIGGER_PORT,
  version: VERSION,
  requires: REQUIRES,
};

/** A recorded integer; those beyond 2^53 are hexadecimal text. */
function integer(value: Recorded): bigint {
  return BigInt(value);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** A register as the recording writes it: a number where that is exact (negative beyond the sign), else text. */
function recorded(register: Register): Recorded {
  const value = register.toBigInt();
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : `0x${value.toString(16)}`;
}

/** Turns recorded integers to the form {@link recorded} gives, so that both can be compared. */
function normal(value: Recorded): Recorded {
  const unsigned = BigInt.asUintN(64, integer(value));
  return unsigned <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(unsigned) : `0x${unsigned.toString(16)}`;
}

function requestOf(args: VectorCase) {
  return request(integer(args.num), ...(args.arg as Recorded[]).map(integer));
}

function allocations(operations: readonly (Layout & { count: Recorded })[]): (number | string)[] {
  const results: (number | string)[] = [];
  let cursor: Cursor = new Block().cursor();
  for (const { size, align, count } of operations) {
    const allocation = cursor.alloc({ size, align }, integer(count));
    if (allocation === OutOfSpace) return [...results, "OutOfSpace"];
    results.push(allocation.slice.bytes.length === 0 ? "empty" : allocation.slice.offset);
    cursor = allocation.cursor;
  }
  return results;
}

const CALLS: Record<string, (vector: VectorCase) => unknown> = {
  "v02.constants": ({ result }) => ({ ok: pick(CONSTANTS, Object.keys(result.ok)) }),
  "v02.request": ({ args }) => ({ ok: hex(requestOf(args).toBytes()) }),
  "v02.replyFromResult": ({ args }) => {
    const reply = Reply.fromResult("err" in args ? { err: args.err } : { ok: new Reply(pair(args.ok)).ret });
    return { ok: hex(reply.toBytes()) };
  },
  "v02.resultFromReply": ({ args }) => {
    const result = Reply.fromBytes(Buffer.from(args.reply, "hex")).toResult();
    return "err" in result ? result : { ok: result.ok.map(recorded) };
  },
  "v02.cursorAlloc": ({ args }) => ({ ok: allocations(args.ops) }),
  "v02.requestSyscall": ({ args }) => ({ ok: hex(v02.requestSyscall(requestOf(args)).toBytes()) }),
};

function pick(from: Record<string, unknown>, names: string[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, from[name]]));
}

function pair(values: Recorded[]): [bigint, bigint] {
  return [integer(values[0]!), integer(values[1]!)];
}

function expected({ call, result }: VectorCase): unknown {
  return call === "v02.resultFromReply" && "ok" in result ? { ok: result.ok.map(normal) } : result;
}

export function runCase(vector: VectorCase): void {
  const run = CALLS[vector.call];
  assert.ok(run, `no such call: ${vector.call}`);
  assert.deepEqual(run(vector), expected(vector));
}
