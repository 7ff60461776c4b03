/** sallyport-guest.jsonl: a call of the guest against a scripted host, through the handler of `postern/guest`. */
import assert from "node:assert/strict";
import {
  type BatchResults,
  createEngine,
  createHandler,
  type Handler,
  MemoryPlatform,
  type Request,
  request,
  type SignalActionSlot,
  ThreadStorage,
} from "postern/guest";
import { Block, type CallName, plans } from "postern/sallyport";
import { PosternError } from "#src/errors.js";
import { Route } from "#src/sallyport/call.js";
import type { VectorCase } from "../replay.js";

/** A number, or a text for what a double cannot hold. */
const wordOf = (value: unknown): number | bigint => (typeof value === "string" ? BigInt(value) : Number(value));

/** How a recorded result writes an integer. */
function written(value: number | bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : `0x${BigInt.asUintN(64, BigInt(value)).toString(16)}`;
}

/** Bytes of a hexadecimal text or a fill. */
function bytesOf(value: unknown): Uint8Array {
  if (typeof value === "string") return new Uint8Array(Buffer.from(value, "hex"));
  const { fill, len } = value as { fill: string; len: number };
  return new Uint8Array(len).fill(Number.parseInt(fill, 16));
}

/** Structures in a row, from a list of texts. */
const joined = (list: readonly string[]): Uint8Array => new Uint8Array(Buffer.from(list.join(""), "hex"));

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

function sameBytes(actual: Uint8Array, expected: unknown, what: string): void {
  assert.equal(hex(actual), hex(bytesOf(expected)), what);
}

/** A host that expects blocks and answers as recorded. */
class ScriptedHost {
  readonly block: Block;
  readonly script: readonly { before: string; after: string }[];
  entered = 0;
  exits = 0;

  constructor(readonly vector: VectorCase) {
    this.block = Block.ofWords(vector.blockWords);
    this.block.bytes.fill(Number.parseInt(vector.fill, 16));
    const first = vector.before === null ? [] : [{ before: vector.before, after: vector.after }];
    this.script = [...first, ...(vector.more ?? [])];
  }

  readonly sally = (): number => {
    const exchange = this.script[this.entered];
    if (exchange === undefined) {
      // Only a guest that found the last reply impossible may come again: it asks for its end.
      assert.equal(this.block.halves[4], plans.exit_group.number, "an exchange that was not recorded");
      this.exits++;
      return 0;
    }
    this.entered++;
    assert.equal(hex(this.block.bytes), exchange.before, `block handed over (exchange ${this.entered})`);
    this.block.bytes.set(Buffer.from(exchange.after, "hex"));
    return this.vector.sallyErr ?? 0;
  };
}

export interface Prepared {
  readonly args: unknown[];
  /** Checks what is left in the outputs. */
  readonly check: (out: Record<string, unknown>) => void;
}

/** What kind of value each parameter has, where its name does not say bytes. */
const NUMBERS = new Set(
  (
    "fd oldfd newfd flags status backlog domain type protocol sockfd clockid timeout cmd arg request level optname mode " +
    "initval epfd op how sigsetsize byte leaf sub_leaf prot page_type expected_val"
  ).split(" "),
);
const WORDS = new Set(["size_exponent", "pages", "addr", "length", "index"]);

/** Names under which structures in a row are recorded. */
const ROWS = new Set(["fds", "events"]);

function prepareAddress(args: VectorCase, name: string): Prepared {
  if (args[name] === null) return { args: [null], check: () => {} };
  const target = { bytes: bytesOf(args[name]), length: args.addrlen as number };
  return {
    args: [target],
    check: (out) => {
      sameBytes(target.bytes, out[name], name);
      assert.equal(target.length, out.addrlen, "addrlen");
    },
  };
}

function prepareBytes(value: unknown, name: string): Prepared {
  const bytes = value === null ? null : bytesOf(value);
  return {
    args: [bytes],
    check: (out) => {
      if (name in out && bytes !== null) sameBytes(bytes, out[name], name);
    },
  };
}

function prepareList(value: readonly string[], name: string): Prepared {
  if (ROWS.has(name)) {
    const bytes = joined(value);
    return { args: [bytes], check: (out) => assert.equal(hex(bytes), (out[name] as string[]).join(""), name) };
  }
  const pieces = value.map(bytesOf);
  return {
    args: [pieces],
    check: (out) => {
      if (!(name in out)) return;
      for (const [index, piece] of pieces.entries()) sameBytes(piece, (out[name] as unknown[])[index], name);
    },
  };
}

function prepareOne(args: VectorCase, name: string): Prepared {
  const value = args[name];
  if (name === "addrlen") return { args: [], check: () => {} };
  if ((name === "addr" || name === "src_addr") && "addrlen" in args) return prepareAddress(args, name);
  if (typeof value === "boolean") return { args: [Number(value)], check: () => {} };
  if (Array.isArray(value)) return prepareList(value, name);
  const isNumber = NUMBERS.has(name) || name === "tidptr" || (WORDS.has(name) && typeof value === "number");
  if (isNumber || (WORDS.has(name) && /^0x/.test(String(value)))) {
    const number = value === null ? null : wordOf(value);
    return { args: [number], check: (out) => name in out && assert.equal(number, out[name], name) };
  }
  return prepareBytes(value, name);
}

/** The call's arguments in order, and the check of its outputs. */
export function prepare(args: VectorCase): Prepared {
  // A timeout is a number for poll and a structure for park.
  const parts = Object.keys(args).map((name) =>
    name === "timeout" && typeof args[name] !== "number" ? prepareBytes(args[name], name) : prepareOne(args, name),
  );
  return {
    args: parts.flatMap((part) => part.args),
    check: (out) => {
      for (const part of parts) part.check(out);
    },
  };
}

const UNITS = new Set(
  (
    "bind clock_getres clock_gettime close connect dup dup2 dup3 epoll_ctl exit exit_group getsockname listen nanosleep " +
    "sync rt_sigprocmask sigaltstack rt_sigaction fstat uname gdb_write gdb_flush gdb_on_session_start cpuid " +
    "get_sgx_target_info mmap_host mprotect_host munmap_host modify_sgx_page_type unpark spawn new_sallyport"
  ).split(" "),
);

/** An outcome as the recording writes it. */
function outcome(call: string, value: number | bigint, errno: number): VectorCase {
  if (errno !== 0) return { err: errno };
  if (UNITS.has(call)) {
    assert.equal(value, 0);
    return { ok: null };
  }
  if (call === "gdb_peek" && value === -1) return { ok: null };
  return { ok: written(value) };
}

type AnyMethods = Record<string, (...args: readonly unknown[]) => number | bigint>;

function runCall(handler: Handler, call: string, args: readonly unknown[]): VectorCase {
  const value = (handler as unknown as AnyMethods)[call]!(...args);
  return outcome(call, value, handler.errno);
}

function runRandom(handler: Handler, vector: VectorCase): VectorCase {
  const buffer = bytesOf(vector.args.buf);
  const result = runCall(handler, "getrandom", [buffer, vector.args.flags]);
  if ("random" in vector.out) assert.deepEqual(result, { ok: vector.out.random });
  else sameBytes(buffer, vector.out.buf, "buf");
  return result;
}

const quads = (bytes: Uint8Array | null): number[] | null =>
  bytes === null ? null : [...new BigUint64Array(bytes.slice().buffer)].map(Number);

function runSignalAction(handler: Handler, vector: VectorCase): VectorCase[] {
  const { signum, sigsetsize, act, oldactInit } = vector.args;
  const bytes = (words: number[]) => new Uint8Array(new BigUint64Array(words.map(BigInt)).buffer);
  const seen: unknown[] = [];
  const results = [bytes(act), null].map((action) => {
    const old: SignalActionSlot = { action: bytes(oldactInit) };
    const value = handler.rt_sigaction(signum, action, old, sigsetsize);
    seen.push(quads(old.action));
    return outcome("rt_sigaction", value, handler.errno);
  });
  assert.deepEqual(seen, vector.out.oldact, "oldact");
  return results;
}

function runFutex(handler: Handler, { args }: VectorCase): VectorCase {
  const timeout = args.timeout === null ? null : bytesOf(args.timeout);
  const value = handler.futex(new Int32Array([args.uaddr]), args.futex_op, args.val, timeout, args.val3);
  return outcome("futex", value, handler.errno);
}

/** Ranges of bytes that differ. */
function changes(before: Uint8Array, after: Uint8Array): [number, string][] {
  const list: [number, string][] = [];
  for (let at = 0; at < after.length; at++) {
    if (after[at] === before[at]) continue;
    const start = at;
    while (at < after.length && after[at] !== before[at]) at++;
    list.push([start, hex(after.subarray(start, at))]);
  }
  return list;
}

function runSyscall(handler: Handler, { args, out }: VectorCase): VectorCase {
  const memory = new Uint8Array(args.memLen);
  for (const [offset, text] of args.mem) memory.set(Buffer.from(text, "hex"), offset);
  const before = memory.slice();
  const platform = new MemoryPlatform({ buffer: () => memory.buffer, base: args.memBase, trackBorrows: false });
  try {
    const value = handler.syscall(platform, args.registers.map(wordOf));
    return handler.errno !== 0 ? { err: handler.errno } : { ok: [written(value), 0] };
  } finally {
    assert.deepEqual(changes(before, memory), out.memChanged, "memory");
  }
}

function runBatch(handler: Handler, vector: VectorCase): VectorCase {
  const members = (vector.args as VectorCase[]).map(({ call, args }) => ({ call: call as string, ...prepare(args) }));
  const requests = members.map(({ call, args }) =>
    (request as (name: string, ...args: unknown[]) => Request)(call, ...args),
  );
  const results = handler.batch(requests);
  if (typeof results === "number") return { err: -results };
  // Outputs are recorded by the call's name: of two of the same name, those of the last.
  for (const { call, check } of new Map(members.map((each) => [each.call, each])).values()) {
    const own = Object.entries(vector.out).filter(([key]) => key.startsWith(`${call}.`));
    check(Object.fromEntries(own.map(([key, value]) => [key.slice(call.length + 1), value])));
  }
  return {
    ok: (results as BatchResults).map((each, index) => {
      const { value, errno } = each as { value: number | bigint | null; errno: number };
      return value === null ? { attacked: true } : outcome(members[index]!.call, value, errno);
    }),
  };
}

const SPECIAL: Record<string, (handler: Handler, vector: VectorCase) => VectorCase | VectorCase[]> = {
  batch: runBatch,
  futex: runFutex,
  getrandom: runRandom,
  rt_sigaction: runSignalAction,
  syscall: runSyscall,
};

/** Runs `run`; an attack is an outcome. */
function attackedOr<T>(run: () => T): T | VectorCase {
  try {
    return run();
  } catch (error) {
    if (error instanceof PosternError && error.code === "EATTACKED") return { attacked: true };
    throw error;
  }
}

/** Where the original aborts, any refusal will do. */
function sameResult(actual: unknown, expected: unknown): void {
  if (Array.isArray(expected)) {
    for (const [index, each] of expected.entries()) sameResult((actual as unknown[])[index], each);
    return;
  }
  if ((expected as VectorCase).panic === true) assert.equal(typeof (actual as VectorCase).err, "number");
  else assert.deepEqual(actual, expected);
}

/** Runs a case in one way; `viaEngine` takes the engine's general route where the handler takes a short one. */
function runOnce(vector: VectorCase, viaEngine: boolean): void {
  const host = new ScriptedHost(vector);
  const engine = createEngine({ block: host.block, sally: host.sally, compatible: true });
  const handler = createHandler({ engine, thread: new ThreadStorage() });
  const special = SPECIAL[vector.call];
  const prepared = special === undefined ? prepare(vector.args) : null;
  const result = attackedOr(() => {
    if (special !== undefined) return special(handler, vector);
    if (!viaEngine) return runCall(handler, vector.call, prepared!.args);
    const value = engine.call(plans[vector.call as CallName], ...prepared!.args);
    return outcome(vector.call, value, handler.errno);
  });
  sameResult(result, vector.result);
  prepared?.check(vector.out);
  assert.equal(host.entered, vector.exchanges, "exchanges");
  if ((result as VectorCase).attacked === true) {
    assert.equal(host.exits, vector.blockWords >= 13 ? 1 : 0, "asked for its end");
    assert.throws(() => handler.getpid(), { code: "EATTACKED" });
    assert.equal(host.entered, vector.exchanges, "calls after the attack");
  } else {
    assert.equal(host.exits, 0);
  }
  if (vector.exchanges === 0) {
    const fill = Number.parseInt(vector.fill, 16);
    assert.ok(
      host.block.bytes.every((byte) => byte === fill),
      "a block that was never handed over is unchanged",
    );
  }
}

/** The engine's short way for a descriptor and one buffer. */
function runTransfer(vector: VectorCase): void {
  const host = new ScriptedHost(vector);
  const engine = createEngine({ block: host.block, sally: host.sally, compatible: true });
  const start = 8;
  const data = bytesOf(vector.args.buf);
  const bytes = new Uint8Array((start + data.length + 15) & ~7);
  bytes.set(data, start);
  const memory = { bytes, longs: new BigUint64Array(bytes.buffer) };
  const plan = plans[vector.call as CallName];
  const result = attackedOr(() => {
    const value = engine.transfer(plan, vector.args.fd, memory, start, data.length);
    return outcome(vector.call, value, engine.state.errno);
  });
  sameResult(result, vector.result);
  if (vector.out.buf !== undefined) sameBytes(bytes.subarray(start, start + data.length), vector.out.buf, "buf");
}

/** Runs one case, by every route of the engine that its call has. */
export function runCase(vector: VectorCase): void {
  runOnce(vector, false);
  const plan = plans[vector.call as CallName];
  const leaves = vector.exchanges > 0 && SPECIAL[vector.call] === undefined;
  if (plan?.route === Route.NUMBERS && leaves) runOnce(vector, true);
  if (plan?.route === Route.TRANSFER && leaves) runTransfer(vector);
}
