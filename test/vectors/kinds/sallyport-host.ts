/** sallyport-host.jsonl: blocks handed to the host executor, the iterator, the reference check and the size hint. */
import assert from "node:assert/strict";
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { createHost, DescriptorTable, dereference, descriptorRows } from "postern/host";
import { Block, items, sizeHint } from "postern/sallyport";
import { PosternError } from "#src/errors.js";
import { addressOf, LINUX, SYS, syscall1, syscall2, syscall3 } from "#src/kernel/index.js";
import type { VectorCase } from "../replay.js";

const ALL_RIGHTS = 15;

/** A block with the bytes of a hexadecimal text. */
function blockOf(hex: string): Block {
  const bytes = Buffer.from(hex, "hex");
  const block = Block.ofWords(bytes.length / 8);
  block.bytes.set(bytes);
  return block;
}

function pipe(flags: number): [number, number] {
  const pair = new Int32Array(2);
  assert.equal(syscall2(SYS.pipe2, addressOf(pair), flags | LINUX.O_CLOEXEC), 0);
  return [pair[0]!, pair[1]!];
}

/** The descriptors the recording had, as rows of a keep's table; `sink` reads what arrived behind 202. */
function fixtures(): { table: DescriptorTable; sink: () => string; close: () => void } {
  const table = new DescriptorTable(descriptorRows(512));
  const [source, sourceEnd] = pipe(0);
  writeSync(sourceEnd, "hello world");
  closeSync(sourceEnd);
  const [sinkEnd, sink] = pipe(LINUX.O_NONBLOCK);
  const eventValue = syscall2(SYS.eventfd2, 5, 0);
  const socket = syscall3(SYS.socket, 2, 1, 0);
  const epoll = syscall1(SYS.epoll_create1, 0);
  const rows: ReadonlyArray<readonly [number, number]> = [
    [200, source],
    [201, openSync("/dev/null", "r+")],
    [202, sink],
    [205, socket],
    [206, epoll],
    [207, eventValue],
  ];
  for (const [number, native] of rows) {
    // Node opens with close-on-exec; the recording did not.
    syscall3(SYS.fcntl, native, LINUX.F_SETFD, 0);
    table.set(number, native, ALL_RIGHTS, true);
  }
  return {
    table,
    sink: () => {
      const bytes = Buffer.alloc(65536);
      try {
        return bytes.subarray(0, readSync(sinkEnd, bytes)).toString("hex");
      } catch {
        return "";
      }
    },
    close: () => {
      table.clear(closeSync);
      closeSync(sinkEnd);
    },
  };
}

function runExecute(vector: VectorCase): void {
  const block = blockOf(vector.before);
  const { table, sink, close } = fixtures();
  try {
    const host = createHost({ block, descriptors: table, policy: { unrestricted: true }, compatible: true });
    const execute = () => {
      const errno = host.execute();
      return errno === 0 ? { ok: null } : { err: errno };
    };
    if (vector.result.panic === true) assert.throws(execute, PosternError);
    else assert.deepEqual(execute(), vector.result);
    const after = Buffer.from(vector.after, "hex");
    const got = Buffer.from(block.bytes);
    for (const [start, length] of vector.volatile ?? []) {
      after.fill(0, start, start + length);
      got.fill(0, start, start + length);
    }
    assert.equal(got.toString("hex"), after.toString("hex"));
    if (vector.sink !== undefined) assert.equal(sink(), vector.sink);
  } finally {
    close();
  }
}

const KIND_NAMES = ["end", "syscall", "gdbcall", "enarxcall"];

function runIterate(vector: VectorCase): void {
  const block = blockOf(vector.before);
  const found: unknown[] = [];
  const walk = () => {
    for (const item of items(block, { compatible: true })) {
      found.push({ kind: KIND_NAMES[item.kind], payloadOffset: item.payload, dataLen: item.dataLength });
    }
  };
  if (vector.result.panic === true) assert.throws(walk, PosternError);
  else walk();
  assert.deepEqual(found, vector.result.ok ?? vector.result.itemsBefore ?? vector.itemsBefore);
}

function runDereference(vector: VectorCase): void {
  const { dataLen, offset, count, size, align } = vector.args;
  const outcome = (alignment: number) => {
    const at = dereference(dataLen, BigInt(offset), BigInt(count), size, alignment);
    return at < 0 ? { err: -at } : { ok: at };
  };
  assert.deepEqual({ deref: outcome(1), derefAligned: outcome(align) }, vector.result);
}

function runSizeHint(vector: VectorCase): void {
  const words = sizeHint(BigInt(vector.args.itemCount), BigInt(vector.args.dataSize));
  assert.equal(words, vector.result.ok === null ? null : BigInt(vector.result.ok));
}

const RUNNERS: Record<string, (vector: VectorCase) => void> = {
  "host.execute": runExecute,
  "block.iterate": runIterate,
  "host.deref": runDereference,
  "block.sizeHint": runSizeHint,
};

/** Runs one case. */
export function runCase(vector: VectorCase): void {
  const run = RUNNERS[vector.call];
  assert.ok(run !== undefined, `unknown call ${vector.call}`);
  run(vector);
}
