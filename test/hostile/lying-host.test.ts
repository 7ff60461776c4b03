import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { createEngine, type Engine } from "postern/guest";
import { Block, type CallName, plans } from "postern/sallyport";
import { PosternError } from "#src/errors.js";
import { Argument, Direction, type Plan, Route } from "#src/sallyport/call.js";
import { lyingHost } from "./lying-host.js";
import { Random } from "./random.js";
import { registersSide } from "./registers.js";
import { runSeries } from "./side.js";
import { WEAKNESSES, weakened } from "./weakened.js";

const fresh = Date.now() >>> 0;

for (const seed of [1, fresh]) {
  test(`a guest believes nothing impossible, and writes nothing it was not asked for (seed ${seed})`, () => {
    assert.equal(runSeries(lyingHost(), { seed, cases: 8000 }).failure, undefined);
  });

  test(`system calls from hostile registers under a lying host stay in their memory (seed ${seed})`, () => {
    assert.equal(runSeries(registersSide, { seed, cases: 3000 }).failure, undefined);
  });
}

test("a copy of the engine that nothing was taken out of holds", async () => {
  const side = lyingHost(await weakened({ name: "nothing", find: /TWO_32 - 4095/, replace: "TWO_32 - 4095" }));
  assert.equal(runSeries(side, { seed: 1, cases: 4000 }).failure, undefined);
});

for (const weakness of WEAKNESSES) {
  test(`a guest without this check is caught: ${weakness.name}`, async () => {
    const side = lyingHost(await weakened(weakness));
    assert.notEqual(runSeries(side, { seed: 1, cases: 100_000 }).failure, undefined);
  });
}

/** Arguments for a call: small numbers, and memory of a few bytes; `memory` holds all of it. */
function argumentsOf(plan: Plan, memory: Uint8Array): unknown[] {
  let at = 0;
  const take = (length: number): Uint8Array => {
    at += length;
    return memory.subarray(at - length, at);
  };
  return plan.parameters.map(({ argument, size }) => {
    if (argument < Argument.BYTES) return 3;
    if (argument === Argument.PIECES) return [take(3), take(5)];
    if (argument === Argument.ADDRESS) return { bytes: take(16), length: 16 };
    return take(argument === Argument.RECORD ? size : argument === Argument.RECORDS ? 2 * size : 8);
  });
}

/** Words of a block in which the host's words change each time they are read: first as given, then huge. */
function restless(halves: Uint32Array, reads: Map<number, number>, active: () => boolean): Uint32Array {
  return new Proxy(halves, {
    get(target, key) {
      const index = Number(key);
      if (!Number.isInteger(index)) return Reflect.get(target, key);
      if (!active()) return target[index];
      const count = reads.get(index) ?? 0;
      reads.set(index, count + 1);
      return count === 0 ? target[index] : 0xfffffff0;
    },
    set: (target, key, value) => Reflect.set(target, key, value),
  });
}

/** The ways a call can take through the engine. */
function waysOf(plan: Plan, memory: Uint8Array): ((engine: Engine) => number)[] {
  const ways = [(engine: Engine) => engine.call(plan, ...argumentsOf(plan, memory))];
  if (plan.route === Route.NUMBERS) ways.push((engine) => engine.numbers(plan, 3, 3, 3));
  if (plan.name === "lseek") ways.push((engine) => engine.seek(plan, 3, 3, 0, 3));
  if (plan.name === "getrandom") {
    const transfer = { bytes: memory, longs: new BigUint64Array(memory.buffer) };
    ways.push((engine) => engine.fill(plan, transfer, 5, 8, 3));
  }
  if (plan.name === "statx") ways.push((engine) => engine.status(3, memory, 4, 0, 0x7ff, new Uint8Array(256)));
  if (plan.name === "openat2") ways.push((engine) => engine.open(3, memory, 4, 0, 0));
  if (plan.name === "clock_gettime") ways.push((engine) => engine.clock(1));
  if (plan.route === Route.TRANSFER) {
    const transfer = { bytes: memory, longs: new BigUint64Array(memory.buffer) };
    ways.push((engine) => engine.transfer(plan, 3, transfer, 5, 8));
  }
  return ways;
}

function checkReads(plan: Plan, way: (engine: Engine) => number, compatible: boolean): void {
  const real = Block.ofWords(512);
  const reads = new Map<number, number>();
  let replied = false;
  const halves = restless(real.halves, reads, () => replied);
  const block = { bytes: real.bytes, halves, byteLength: real.byteLength } as Block;
  const sally = (): number => {
    // A second hand-over means that the guest believed a word it read a second time.
    assert.ok(!replied || plan.final, `${plan.name}: found an attack in a fine reply`);
    const ret = plan.kind === 1 ? 18 : 14;
    real.halves[ret] = 2;
    real.halves[ret + 1] = 0;
    replied = true;
    return 0;
  };
  const engine = createEngine({ block, sally, compatible });
  try {
    way(engine);
  } catch (error) {
    assert.ok(plan.final && error instanceof PosternError);
  }
  assert.ok(reads.size >= 2, `${plan.name}: reads the return word`);
  for (const [index, count] of reads) assert.equal(count, 1, `${plan.name}: half ${index} is read ${count} times`);
}

for (const compatible of [true, false]) {
  test(`each word of a reply is read once (${compatible ? "compatible" : "own"} mode)`, () => {
    for (const plan of Object.values(plans)) {
      const memory = new Uint8Array(1024).fill(0x33);
      for (const way of waysOf(plan, memory)) checkReads(plan, way, compatible);
    }
  });
}

/** Memory that a call may change: everything else must stay. */
function outputBytes(plan: Plan, args: readonly unknown[]): Set<number> {
  const allowed = new Set<number>();
  args.forEach((argument, index) => {
    const { direction, argument: kind } = plan.parameters[index]!;
    if (kind < Argument.BYTES || (direction & Direction.OUT) === 0) return;
    const pieces = (
      kind === Argument.PIECES
        ? argument
        : [kind === Argument.ADDRESS ? (argument as { bytes: unknown }).bytes : argument]
    ) as Uint8Array[];
    for (const { byteOffset, length } of pieces) for (let i = 0; i < length; i++) allowed.add(byteOffset + i);
  });
  return allowed;
}

/** Most that a call may answer, by what is asked for above; undefined where any value will do. */
function mostOf(plan: Plan): number | undefined {
  if (plan.limit < 0) return undefined;
  return plan.parameters[plan.limit]!.argument === Argument.RECORDS ? 2 : 8;
}

const nobody = new Int32Array(new SharedArrayBuffer(4));

/** A hand-over in which the other thread gets a chance to run. */
function yieldBriefly(): number {
  if (Math.random() < 0.01) Atomics.wait(nobody, 0, 0, 0.1);
  return 0;
}

test("a block that another thread keeps rewriting makes no guest crash, stray or exceed what was asked", async () => {
  const buffer = new SharedArrayBuffer(1024);
  const control = new SharedArrayBuffer(8);
  const running = new Int32Array(control);
  running[0] = 1;
  const worker = new Worker(new URL("./rewriting-worker.js", import.meta.url), {
    workerData: { buffer, control, seed: fresh },
  });
  try {
    while (Atomics.load(running, 1) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    const random = new Random(fresh);
    const names = Object.keys(plans) as CallName[];
    const block = new Block(buffer);
    let attacks = 0;
    let answers = 0;
    const started = performance.now();
    const enough = (): boolean => performance.now() > started + 400 && attacks > 0 && answers > 0;
    // On a busy machine the other thread may have to wait for its turn.
    while (!enough() && performance.now() < started + 20_000) {
      const plan = plans[random.pick(names)];
      const memory = new Uint8Array(1024).fill(0x33);
      const args = argumentsOf(plan, memory);
      const compatible = random.once(2);
      const engine = createEngine({ block, compatible, sally: yieldBriefly });
      try {
        const value = engine.call(plan, ...args);
        const { errno } = engine.state;
        const most = mostOf(plan);
        if (errno === 0 && most !== undefined) assert.ok(value <= most, `${plan.name} answered ${value}`);
        assert.ok(errno <= (compatible ? 4097 : 4095), `${plan.name}: errno ${errno}`);
        answers++;
      } catch (error) {
        assert.ok(error instanceof PosternError && error.code === "EATTACKED", String(error));
        attacks++;
      }
      const allowed = outputBytes(plan, args);
      const strayed = memory.findIndex((byte, at) => byte !== 0x33 && !allowed.has(at));
      assert.equal(strayed, -1, `${plan.name} (seed ${fresh}): byte ${strayed} of the program changed`);
    }
    assert.ok(attacks > 0 && answers > 0, "both happened");
  } finally {
    Atomics.store(running, 0, 0);
    await worker.terminate();
  }
});
