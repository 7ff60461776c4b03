/**
 * A lying host against the guest's engine. For every call, by every way through the engine, in both modes: replies at
 * the edges and at random, and everything else in the block overwritten.
 *
 * Properties: never a crash; never a byte written outside of the outputs that were asked for, nor more of them than the
 * reply allows; always the value the rules give, or a refusal; after an impossible reply nothing runs any more.
 */
import assert from "node:assert/strict";
import * as guest from "postern/guest";
import { Block, type Plan, plans } from "postern/sallyport";
import { PosternError } from "#src/errors.js";
import { Argument } from "#src/sallyport/call.js";
import {
  type ArgumentCase,
  generate,
  isMemory,
  type LyingCase,
  type Member,
  simpler,
  totalOf,
} from "./lying-host-case.js";
import {
  applyOutputs,
  type Expected,
  expected,
  type Handed,
  type Placed,
  readHanded,
  readWindowed,
} from "./lying-host-oracle.js";
import { Random } from "./random.js";
import type { Side } from "./side.js";

type CreateEngine = typeof guest.createEngine;

const GUARD = 24;
const SENTINELS = new Uint8Array(32768);
new Random(1).fill(SENTINELS);
const EXIT_GROUP = plans.exit_group.number;

/** The program's memory in a run: sentinels everywhere, arguments with room between them. */
class Arena {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly longs: BigUint64Array;
  #next = GUARD;

  constructor(members: readonly Member[]) {
    let bytes = 2 * GUARD;
    for (const { args } of members) {
      for (const each of args) if (isMemory(each)) bytes += totalOf(each) + each.lengths.length * (GUARD + 16);
    }
    this.bytes = SENTINELS.slice(0, (bytes + 7) & ~7);
    this.longs = new BigUint64Array(this.bytes.buffer);
  }

  /** Whether every byte is as it was. */
  get untouched(): boolean {
    return Buffer.compare(this.bytes, SENTINELS.subarray(0, this.bytes.length)) === 0;
  }

  place(argument: ArgumentCase): Placed | null {
    if (!isMemory(argument)) return null;
    const pieces = argument.lengths.map((length) => {
      const at = ((this.#next + 7) & ~7) + argument.shift;
      this.#next = at + length + GUARD;
      return { at, length };
    });
    return { pieces, length: totalOf(argument) };
  }

  /** The argument as a caller passes it. */
  value(argument: ArgumentCase, kind: number, placed: Placed | null): unknown {
    if (!isMemory(argument) || placed === null) return argument;
    const pieces = placed.pieces.map(({ at, length }) => this.bytes.subarray(at, at + length));
    if (kind === Argument.PIECES) return pieces;
    return kind === Argument.ADDRESS ? { bytes: pieces[0]!, length: argument.addressLength } : pieces[0]!;
  }
}

/** Everything of one run. */
class Run {
  readonly block: Block;
  readonly arena: Arena;
  readonly plans: readonly Plan[];
  readonly placed: readonly (readonly (Placed | null)[])[];
  readonly args: readonly (readonly unknown[])[];
  readonly engine: guest.Engine;
  handed: Handed[] | undefined;
  /** The block as the host left it. */
  reply = new Uint8Array(0);
  exits = 0;

  constructor(
    readonly attempt: LyingCase,
    createEngine: CreateEngine,
  ) {
    this.block = Block.ofWords(attempt.blockWords);
    this.block.bytes.fill(0xa5);
    this.arena = new Arena(attempt.members);
    this.plans = attempt.members.map(({ name }) => plans[name]);
    this.placed = attempt.members.map(({ args }) => args.map((each) => this.arena.place(each)));
    this.args = attempt.members.map(({ args }, index) =>
      args.map((each, parameter) =>
        this.arena.value(each, this.plans[index]!.parameters[parameter]!.argument, this.placed[index]![parameter]!),
      ),
    );
    const { compatible, window } = attempt;
    this.engine = createEngine({ block: this.block, sally: this.sally, compatible, window });
  }

  readonly sally = (): number => {
    if (this.handed !== undefined) {
      assert.equal(this.block.halves[4], EXIT_GROUP, "a second hand-over only asks for the end");
      this.exits++;
      return 0;
    }
    const { attempt, block } = this;
    this.handed = attempt.window
      ? readWindowed(block, this.plans[0]!, this.placed[0]!)
      : readHanded(block, attempt.members, this.plans, this.placed, this.arena.bytes);
    for (const { at, length, seed } of attempt.trash) new Random(seed).fill(block.bytes.subarray(at, at + length));
    const words = new DataView(block.bytes.buffer);
    this.handed.forEach((handed, index) => {
      const { ret, addressLength } = attempt.members[index]!.answer;
      if (ret !== null) words.setBigUint64(handed.ret, ret, true);
      for (const at of handed.lengthOffset) {
        if (at !== undefined && addressLength !== null) words.setUint32(at, addressLength, true);
      }
    });
    this.reply = block.bytes.slice();
    return attempt.sallyError;
  };

  /** Makes the call, or the batch. */
  call(): guest.BatchResult[] | number {
    const { engine } = this;
    const plan = this.plans[0]!;
    const args = this.args[0]!;
    const single = (value: number | bigint) => [{ value, errno: engine.state.errno }];
    switch (this.attempt.way) {
      case "batch":
        return engine.batch(this.args.map((each, index) => ({ plan: this.plans[index]!, args: each })));
      case "wide":
        return single(engine.callWide(plan, ...args));
      case "numbers":
        return single(engine.numbers(plan, ...(args as number[])));
      case "clock":
        return single(engine.clock(args[0] as number));
      case "transfer": {
        const [fd, , position = -1] = args as number[];
        const { at, length } = this.placed[0]![1]!.pieces[0]!;
        const memory = { bytes: this.arena.bytes, longs: this.arena.longs };
        return single(engine.transfer(plan, fd!, memory, at, length, position >>> 0, position >> 31));
      }
      case "fill": {
        const { at, length } = this.placed[0]![0]!.pieces[0]!;
        const memory = { bytes: this.arena.bytes, longs: this.arena.longs };
        return single(engine.fill(plan, memory, at, length, args[1] as number));
      }
      case "seek": {
        const [fd, offset, whence] = args as number[];
        return single(engine.seek(plan, fd!, offset!, offset! >> 31, whence!));
      }
      default:
        return single(engine.call(plan, ...args));
    }
  }
}

/** Bytes that members need at most. */
function roomOf(members: readonly Member[]): number {
  let bytes = 16;
  for (const { args } of members) {
    bytes += 88 + 8;
    for (const argument of args) if (isMemory(argument)) bytes += totalOf(argument) + 24;
  }
  return bytes;
}

/** Nothing was handed over: then because the block is too small, and nothing has changed. */
function checkRefused(run: Run, results: guest.BatchResult[] | number): void {
  const { attempt } = run;
  if (attempt.members.length > 0) {
    const errno = typeof results === "number" ? -results : results[0]!.errno;
    assert.equal(errno, 12, "refused without a hand-over");
    assert.ok(attempt.blockWords * 8 < roomOf(attempt.members), "refused though there is room");
  }
  assert.ok(run.arena.untouched, "memory of a refused call");
  assert.ok(
    run.block.bytes.every((byte) => byte === 0xa5),
    "block of a refused call",
  );
}

/** What each member must come to, by the reply. */
function outcomes(run: Run): Expected[] {
  const words = new DataView(run.reply.buffer);
  return run.handed!.map((handed, index) => {
    const plan = run.plans[index]!;
    const { limit } = plan;
    const unit = limit >= 0 && plan.parameters[limit]!.argument === Argument.RECORDS ? plan.parameters[limit]!.size : 1;
    const most = limit < 0 ? undefined : (handed.length[limit] ?? 0) / unit;
    return expected(plan, run.attempt.compatible, words.getBigUint64(handed.ret, true), most);
  });
}

function checkResult(result: guest.BatchResult, outcome: Expected): void {
  if ("attacked" in outcome) assert.deepEqual(result, { value: null, errno: 0 });
  else if ("errno" in outcome) assert.equal(result.errno, outcome.errno, "errno");
  else {
    assert.equal(result.errno, 0, "errno");
    const value = typeof result.value === "bigint" ? result.value : BigInt(result.value!);
    const wanted = typeof result.value === "bigint" ? outcome.value : BigInt(Number(outcome.value));
    assert.equal(value, wanted, "value");
  }
}

/** Memory must hold what it held, and the outputs the reply allowed. */
function checkMemory(run: Run, expectations: readonly Expected[]): void {
  const wanted = SENTINELS.slice(0, run.arena.bytes.length);
  const { attempt } = run;
  expectations.forEach((outcome, index) => {
    const plan = run.plans[index]!;
    if (attempt.way === "clock" || attempt.window) return;
    const lengths = applyOutputs(
      plan,
      attempt.compatible,
      outcome,
      run.handed![index]!,
      run.placed[index]!,
      run.reply,
      wanted,
    );
    for (const [parameter, argument] of attempt.members[index]!.args.entries()) {
      if (plan.parameters[parameter]!.argument !== Argument.ADDRESS || !isMemory(argument)) continue;
      const target = run.args[index]![parameter] as { length: number };
      assert.equal(target.length, lengths.get(parameter) ?? argument.addressLength, "length of the address");
    }
  });
  const actual = Buffer.from(run.arena.bytes.buffer);
  if (!actual.equals(wanted)) {
    const at = wanted.findIndex((byte, index) => byte !== actual[index]);
    assert.fail(`memory differs at ${at}: ${actual[at]}, not ${wanted[at]}`);
  }
}

function checkClock(run: Run, outcome: Expected): void {
  if (run.attempt.way !== "clock" || !("value" in outcome)) return;
  const words = new DataView(run.reply.buffer);
  const { data } = run.handed![0]!;
  assert.equal(run.engine.seconds(), words.getUint32(data, true) + words.getInt32(data + 4, true) * 2 ** 32, "seconds");
  assert.equal(run.engine.state.low, words.getUint32(data + 8, true), "nanoseconds");
}

/** After an attack every call throws and the host is not entered again. */
function checkStopped(run: Run): void {
  const { engine } = run;
  assert.ok(engine.state.attacked);
  assert.equal(run.exits, run.attempt.blockWords >= 13 ? 1 : 0, "asked for the end once");
  const handler = guest.createHandler({ engine });
  const calls = [
    () => engine.numbers(plans.close, 1),
    () => engine.call(plans.sync),
    () => engine.batch([]),
    () => handler.getpid(),
    () => handler.futex(new Int32Array(1), 0, 1, null, 0),
    () => handler.syscall(new guest.MemoryPlatform({ buffer: () => new ArrayBuffer(8) }), [39]),
  ];
  for (const call of calls) assert.throws(call, { code: "EATTACKED" });
  assert.equal(run.exits, run.attempt.blockWords >= 13 ? 1 : 0, "entered after the attack");
}

function runCase(attempt: LyingCase, createEngine: CreateEngine): void {
  const run = new Run(attempt, createEngine);
  let results: guest.BatchResult[] | number;
  try {
    results = run.call();
  } catch (error) {
    if (!(error instanceof PosternError) || error.code !== "EATTACKED") throw error;
    assert.ok(run.handed !== undefined && attempt.sallyError === 0, "attacked without a reply");
    assert.notEqual(attempt.way, "batch", "a batch gives its other results");
    const [outcome] = outcomes(run);
    assert.deepEqual(outcome, { attacked: true }, "refused a possible reply");
    checkMemory(run, [{ attacked: true }]);
    checkStopped(run);
    return;
  }
  if (run.handed === undefined) {
    checkRefused(run, results);
    return;
  }
  if (attempt.sallyError !== 0) {
    const errno = typeof results === "number" ? -results : results[0]!.errno;
    assert.equal(errno, attempt.sallyError, "errno of the hand-over");
    assert.ok(run.arena.untouched, "memory after a failed hand-over");
    return;
  }
  assert.ok(typeof results !== "number", "a batch that was handed over has results");
  const expectations = outcomes(run);
  if (attempt.way !== "batch") assert.ok(!("attacked" in expectations[0]!), "an impossible reply went through");
  results.forEach((result, index) => {
    checkResult(result, expectations[index]!);
  });
  checkClock(run, expectations[0]!);
  checkMemory(run, expectations);
  const lied = expectations.some((outcome) => "attacked" in outcome);
  if (lied && !attempt.compatible) checkStopped(run);
  else assert.equal(run.exits, 0);
}

/** The side of a guest over any engine; the real one by default. */
export function lyingHost(createEngine: CreateEngine = guest.createEngine): Side<LyingCase> {
  return { name: "lying-host", generate, simpler, run: (attempt) => runCase(attempt, createEngine) };
}
