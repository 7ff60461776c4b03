/** Replays scripted entries: both versions of the contract against the software enclave. */
import assert from "node:assert/strict";
import {
  createRegisters,
  EENTER,
  type EnclaveCode,
  type EnclaveEvent,
  EnclaveException,
  EnclaveFault,
  EnclaveRun,
  EnclaveSignal,
  type EnclaveThread,
  enterMerged,
  enterV36,
  exit,
  Handles,
  interrupt,
  type MergedHandler,
  PAGE_BYTES,
  Permission,
  type Registers,
  RUN_BYTES,
  RUN_LAYOUT,
  type SignalHandler,
  type SoftwareCpu,
  SoftwareEnclave,
  Structure,
  type V36Handler,
} from "postern/enter";
import type { VectorCase } from "../replay.js";

const CROSSING = ["rdi", "rsi", "rdx", "r8", "r9"] as const;
const RSP = 0x7ffd_0000_1000n;

const word = (value: unknown): bigint => BigInt.asUintN(64, BigInt((value ?? 0) as string | number));
const hex = (value: bigint): string => `0x${value.toString(16)}`;
const hexBytes = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** The enclave of a case: its code takes one entry of the script for each arrival and notes the arrival. */
class Script implements EnclaveCode {
  steps: VectorCase[] = [];
  readonly arrivals: VectorCase[] = [];

  arrive(thread: EnclaveThread): EnclaveEvent {
    const { leaf, cssa, registers } = thread;
    const { rax, rbx, rcx } = registers;
    const values = Object.fromEntries(CROSSING.map((name) => [name, hex(registers[name])]));
    const entered = leaf === EENTER ? { rax: hex(rax), rbx: hex(rbx), rcx: hex(rcx), ...values } : {};
    this.arrivals.push({ leaf, cssa, ...entered });
    const step = this.steps.shift();
    assert.ok(step !== undefined, "the enclave was entered more often than the script says");
    if (step.do === "interrupt") return interrupt;
    if (step.do === "fault") return new EnclaveFault(step.vector, Number(step.error ?? 0), word(step.address));
    assert.equal(step.do, "eexit");
    const moved = registers.rsp + BigInt(step.rspDelta ?? 0);
    return exit({ ...Object.fromEntries(CROSSING.map((name) => [name, word(step[name])])), rsp: moved });
  }
}

/** Everything a case's calls share. */
interface World {
  readonly enclave: SoftwareEnclave;
  readonly cpu: SoftwareCpu;
  readonly script: Script;
}

/** What one call was seen to do. */
interface Seen {
  readonly handlerCalls: VectorCase[];
  readonly signals: VectorCase[];
}

function build(vector: VectorCase): World {
  const script = new Script();
  const { base, size, init = true, tcs } = vector.enclave;
  const enclave = new SoftwareEnclave({ base: word(base), size: word(size), code: script });
  const taken = new Set<number>(tcs.map((each: VectorCase) => Number(each.offset)));
  let free = Number(word(size)) - PAGE_BYTES;
  for (const each of [...tcs].reverse()) {
    const start = placeFrames(enclave, free, Number(each.nssa), taken);
    enclave.addThread({ offset: Number(each.offset), ossa: start, nssa: Number(each.nssa) });
    free = start - PAGE_BYTES;
  }
  if (init) enclave.initialise();
  for (const each of tcs) {
    const thread = enclave.thread(word(base) + word(each.offset))!;
    thread.tcs.set("cssa", each.cssa ?? 0);
    thread.tcs.set("state", each.busy ? 1 : 0);
  }
  return { enclave, cpu: enclave.cpu({ aep: word(vector.aep) }), script };
}

/** Adds `count` frame pages in one piece that ends at `end` or before it. @returns the offset of the first */
function placeFrames(enclave: SoftwareEnclave, end: number, count: number, taken: ReadonlySet<number>): number {
  for (let start = end - (count - 1) * PAGE_BYTES; start >= 0; start -= PAGE_BYTES) {
    const offsets = Array.from({ length: count }, (_, index) => start + index * PAGE_BYTES);
    if (offsets.some((offset) => taken.has(offset))) continue;
    for (const offset of offsets) enclave.addPage(offset, Permission.R | Permission.W);
    return start;
  }
  throw new Error("the frames do not fit into the enclave of this case");
}

/** The scripted handler: notes what `describe` tells of the call, writes what it is told to, answers. */
function takeStep(steps: VectorCase[], registers: Registers, seen: Seen, called: VectorCase): VectorCase {
  seen.handlerCalls.push(called);
  const step = steps.shift();
  assert.ok(step !== undefined, "the handler was called more often than the script says");
  for (const name of CROSSING) if (step.regs?.[name] !== undefined) registers[name] = word(step.regs[name]);
  return step;
}

function answerOf(step: VectorCase): number {
  if ("throw" in step) throw step.throw;
  return step.ret;
}

function describeExit(values: readonly bigint[], rsp: bigint): VectorCase {
  const named = Object.fromEntries(CROSSING.map((name, index) => [name, hex(values[index]!)]));
  return { ...named, rspDelta: Number(BigInt.asIntN(64, rsp - RSP)) };
}

function runV36(world: World, call: VectorCase, seen: Seen, onSignal: SignalHandler | undefined): () => VectorCase {
  const registers = createRegisters({ ...argumentsOf(call.args), rsp: RSP });
  const exception = call.exception === null ? null : EnclaveException.decode(Buffer.from(call.exception, "hex"));
  const bytes = () => (exception === null ? null : hexBytes(exception.encode()));
  const steps: VectorCase[] | null = call.handler;
  const handler: V36Handler | null =
    steps &&
    ((rdi, rsi, rdx, ursp, r8, r9, tcs, ret, e, after) => {
      assert.equal(e, exception);
      const called = { ...describeExit([rdi, rsi, rdx, r8, r9], ursp), tcs: hex(tcs), ret, exception: bytes() };
      return answerOf(takeStep(steps, after, seen, called));
    });
  const leaf = Number(BigInt.asUintN(32, word(call.args.leaf)));
  return () => {
    const outcome = outcomeOf(seen, () =>
      enterV36(world.cpu, leaf, registers, word(call.args.tcs), exception, handler, { onSignal }),
    );
    assert.equal(registers.rsp, RSP, "the caller's stack pointer");
    return { ...outcome, exception: bytes() };
  };
}

function runMerged(world: World, call: VectorCase, seen: Seen, onSignal: SignalHandler | undefined): () => VectorCase {
  const registers = createRegisters({ ...argumentsOf(call.args), rsp: RSP });
  const handles = new Handles();
  const steps: VectorCase[] | null = call.handler;
  const handler: MergedHandler = (rdi, rsi, rdx, rsp, r8, r9, run, after) => {
    assert.ok(steps !== null, "a handler was called where the recording has none");
    const called = { ...describeExit([rdi, rsi, rdx, r8, r9], rsp), run: head(run, handles) };
    const step = takeStep(steps, after, seen, called);
    applySet(run, step.set ?? {}, handles, handler);
    return answerOf(step);
  };
  const run = decodeRun(call.run, handles, handler);
  const leaf = Number(BigInt.asUintN(32, word(call.args.leaf)));
  return () => {
    const outcome = outcomeOf(seen, () => enterMerged(world.cpu, leaf, registers, run, { onSignal }));
    return { ...outcome, run: head(run, handles) };
  };
}

function decodeRun(fields: VectorCase, handles: Handles, handler: MergedHandler): EnclaveRun<bigint, unknown> {
  const bytes = new Uint8Array(RUN_BYTES);
  const structure = new Structure(RUN_LAYOUT, bytes);
  for (const [name, value] of Object.entries(fields)) {
    if (name !== "reserved") structure.set(name as keyof typeof RUN_LAYOUT, word(value));
  }
  for (const [offset, value] of Object.entries(fields.reserved ?? {})) bytes[Number(offset)] = Number(value);
  const handle = structure.get("user_handler");
  if (handle !== 0n) handles.bind(handle, handler);
  return EnclaveRun.decode(bytes, handles);
}

function applySet(run: EnclaveRun<bigint, unknown>, set: VectorCase, handles: Handles, handler: MergedHandler): void {
  if (set.tcs !== undefined) run.tcs = word(set.tcs);
  if (set.user_data !== undefined) run.userData = word(set.user_data);
  for (const [offset, value] of Object.entries(set.reserved ?? {})) run.reserved[Number(offset) - 40] = Number(value);
  if (set.user_handler === undefined) return;
  const handle = word(set.user_handler);
  // A handler under another number is another handler, which does the same.
  const replacement: MergedHandler = (...parameters) => handler(...parameters);
  if (handle !== 0n) handles.bind(handle, replacement);
  run.userHandler = handle === 0n ? null : replacement;
}

const head = (run: EnclaveRun<bigint, unknown>, handles: Handles): string =>
  hexBytes(run.encode(handles).subarray(0, 40));

function argumentsOf(args: VectorCase): Record<(typeof CROSSING)[number], bigint> {
  return Object.fromEntries(CROSSING.map((name) => [name, word(args[name])])) as Record<
    (typeof CROSSING)[number],
    bigint
  >;
}

function outcomeOf(seen: Seen, action: () => number): VectorCase {
  try {
    return { outcome: "return", ret: action() };
  } catch (error) {
    if (error instanceof EnclaveSignal) {
      seen.signals.push({ signal: error.signal, trapnr: error.trapnr });
      return { outcome: "signal" };
    }
    if (error instanceof Error) throw error;
    return { outcome: "throw", value: error };
  }
}

/** Registers the recording leaves open are not compared. */
function withoutOpen(expected: VectorCase[], actual: VectorCase[]): VectorCase[] {
  return actual.map((call, index) => {
    const open = Object.entries(expected[index] ?? {}).filter(
      ([name, value]) => value === null && name !== "exception",
    );
    return { ...call, ...Object.fromEntries(open) };
  });
}

function runCall(world: World, vector: VectorCase, call: VectorCase): void {
  const seen: Seen = { handlerCalls: [], signals: [] };
  const onSignal: SignalHandler | undefined =
    call.onSignal === "resume" ? ({ signal, trapnr }) => void seen.signals.push({ signal, trapnr }) : undefined;
  world.script.steps = [...call.enclave];
  world.script.arrivals.length = 0;
  const copy = { ...call, handler: call.handler && [...call.handler] };
  const execute = (vector.contract === "v36" ? runV36 : runMerged)(world, copy, seen, onSignal);
  const result = execute();
  const { expect } = call;
  const threads = vector.enclave.tcs.map((each: VectorCase) => {
    const thread = world.enclave.thread(world.enclave.base + word(each.offset))!;
    return { offset: each.offset, cssa: thread.cssa, busy: thread.busy };
  });
  const actual = {
    ...result,
    arrivals: world.script.arrivals,
    handlerCalls: withoutOpen(expect.handlerCalls, seen.handlerCalls),
    signals: seen.signals,
    tcs: threads,
  };
  assert.deepEqual(actual, { signals: [], ...expect });
  assert.equal(world.script.steps.length, 0, "entries of the enclave's script were not used");
  assert.equal(copy.handler?.length ?? 0, 0, "entries of the handler's script were not used");
}

/** Runs one case: its calls one after the other on one enclave. */
export function runCase(vector: VectorCase): void {
  assert.ok(vector.contract === "v36" || vector.contract === "merged", `unknown contract ${vector.contract}`);
  const world = build(vector);
  vector.calls.forEach((call: VectorCase, index: number) => {
    try {
      runCall(world, vector, call);
    } catch (error) {
      throw new Error(`call ${index}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  });
}
