import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { PosternError } from "postern";
import {
  buildEnclave,
  createException,
  createRegisters,
  EENTER,
  type EnclaveCode,
  type EnclaveEvent,
  EnclaveException,
  EnclaveFault,
  EnclaveRun,
  EnclaveSignal,
  enterMerged,
  enterV36,
  exit,
  Handles,
  interrupt,
  RUN_BYTES,
} from "postern/enter";

const SEED = Number(process.env.POSTERN_TEST_SEED ?? Date.now() % 2 ** 31);

/** Checks a property; its seed is in the message if it fails. */
function holds(property: Parameters<typeof fc.assert>[0], numRuns = 300): void {
  fc.assert(property as fc.IProperty<unknown>, { seed: SEED, numRuns });
}

type Step = { do: "eexit"; rdi: number } | { do: "fault"; vector: number } | { do: "interrupt" };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant("eexit" as const), rdi: fc.nat(100) }),
  fc.record({ do: fc.constant("fault" as const), vector: fc.constantFrom(0, 1, 3, 6, 13, 14) }),
  fc.record({ do: fc.constant("interrupt" as const) }),
);

const scenario = fc.record({
  contract: fc.constantFrom("v36" as const, "merged" as const),
  nssa: fc.integer({ min: 1, max: 4 }),
  leaf: fc.oneof({ weight: 8, arbitrary: fc.constantFrom(2, 3) }, fc.constantFrom(0, 1, 4, 0xffff_ffff)),
  steps: fc.array(step, { maxLength: 12 }),
  /** Answers of the handler; null: there is none. When they are used up it answers 0. */
  answers: fc.option(fc.array(fc.constantFrom(2, 2, 2, 3, 3, 3, 0, -1, -5, 1, 4), { maxLength: 12 })),
  signals: fc.boolean(),
});
type Scenario = typeof scenario extends fc.Arbitrary<infer Value> ? Value : never;

/** What can be observed from outside. */
interface Observed {
  outcome: string;
  arrivals: string[];
  exits: string[];
  cssa: number;
}

/** The contract again, written down in the shortest way: what must be observed. */
function expected({ contract, nssa, leaf, steps, answers, signals }: Scenario): Observed {
  const seen: Observed = { outcome: "", arrivals: [], exits: [], cssa: 0 };
  const script = [...steps];
  const replies = answers && [...answers];
  let asked: number = leaf;
  let checked = false;
  for (;;) {
    if (!checked && asked !== 2 && asked !== 3) return { ...seen, outcome: "-22" };
    checked = false;
    let told: string;
    if (asked === 2 ? seen.cssa >= nssa : seen.cssa === 0) told = `${asked}:13`;
    else {
      if (asked === 3) seen.cssa--;
      seen.arrivals.push(`${asked}@${seen.cssa}`);
      const now = script.shift() ?? { do: "eexit", rdi: 0 };
      if (now.do !== "eexit") seen.cssa++;
      const isSignal = now.do === "fault" && (now.vector === 1 || now.vector === 3);
      if (isSignal && !signals) return { ...seen, outcome: `signal ${now.vector}` };
      if (isSignal || now.do === "interrupt") {
        asked = 3;
        checked = true;
        continue;
      }
      told = now.do === "eexit" ? `exit ${now.rdi}` : `3:${now.vector}`;
    }
    const isException = !told.startsWith("exit");
    if (replies === null) return { ...seen, outcome: isException && contract === "v36" ? "-14" : "0" };
    seen.exits.push(told);
    asked = replies.shift() ?? 0;
    if (asked <= 0) return { ...seen, outcome: String(asked) };
  }
}

function observed({ contract, nssa, leaf, steps, answers, signals }: Scenario): Observed {
  const seen: Observed = { outcome: "", arrivals: [], exits: [], cssa: 0 };
  const script = [...steps];
  const replies = answers && [...answers];
  const code: EnclaveCode = {
    arrive({ leaf: how, cssa }): EnclaveEvent {
      seen.arrivals.push(`${how}@${cssa}`);
      const now = script.shift() ?? { do: "eexit", rdi: 0 };
      if (now.do === "interrupt") return interrupt;
      return now.do === "fault" ? new EnclaveFault(now.vector) : exit({ rdi: BigInt(now.rdi) });
    },
  };
  const { enclave, threads } = buildEnclave({ code, nssa });
  const [cpu, tcs, registers] = [enclave.cpu(), threads[0]!, createRegisters()];
  const options = signals ? { onSignal: () => {} } : {};
  const record = (told: string) => {
    seen.exits.push(told);
    return replies!.shift() ?? 0;
  };
  try {
    if (contract === "v36") {
      const exception = createException();
      const handler = (rdi: bigint, ...rest: unknown[]) =>
        record(rest[6] === 0 ? `exit ${rdi}` : `${exception.leaf}:${exception.trapnr}`);
      seen.outcome = String(enterV36(cpu, leaf, registers, tcs, exception, replies && handler, options));
    } else {
      const run = new EnclaveRun<bigint, null>(tcs, 0n, null);
      run.userHandler =
        replies && ((rdi) => record(run.function === 4 ? `exit ${rdi}` : `${run.function}:${run.exceptionVector}`));
      seen.outcome = String(enterMerged(cpu, leaf, registers, run, options));
    }
  } catch (error) {
    if (!(error instanceof EnclaveSignal)) throw error;
    seen.outcome = `signal ${error.trapnr}`;
  }
  const thread = enclave.thread(tcs)!;
  assert.equal(thread.busy, false);
  seen.cssa = thread.cssa;
  return seen;
}

describe(`properties (seed ${SEED})`, () => {
  test("every course of events is the one the contract describes", () => {
    holds(
      fc.property(scenario, (each) => {
        assert.deepEqual(observed(each), expected(each));
      }),
      2000,
    );
  });

  test("a run structure survives decoding and encoding, all 256 bytes of it", () => {
    const bytes = fc.uint8Array({ minLength: RUN_BYTES, maxLength: RUN_BYTES });
    holds(
      fc.property(bytes, (structure) => {
        const handles = new Handles();
        const handle = new DataView(structure.buffer, structure.byteOffset).getBigUint64(24, true);
        if (handle !== 0n) handles.bind(handle, () => 0);
        const run = EnclaveRun.decode(structure, handles);
        assert.deepEqual(run.encode(handles), Uint8Array.from(structure));
        assert.equal(
          run.hasReservedBits(),
          structure.subarray(40).some((byte) => byte !== 0),
        );
      }),
    );
  });

  test("an exception record survives decoding and encoding", () => {
    holds(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        assert.deepEqual(EnclaveException.decode(bytes).encode(), Uint8Array.from(bytes));
      }),
    );
  });

  test("whatever code inside gives, the caller gets a result or a typed error, and the TCS is idle", () => {
    const word = fc.oneof(fc.bigInt(), fc.integer(), fc.constant(undefined), fc.string());
    const event = fc.oneof(
      fc.anything(),
      fc.record({ kind: fc.constant("exit"), registers: fc.record({ rdi: word, rsp: word }) }),
      fc.record({ kind: fc.constant("exit"), registers: fc.anything() }),
      fc.record({ kind: fc.constant("fault"), vector: fc.integer(), errorCode: fc.double(), address: word }),
      fc.record({ kind: fc.constant("finish"), status: word }),
    );
    holds(
      fc.property(fc.array(event, { minLength: 1, maxLength: 4 }), fc.integer(), (given, answer) => {
        const events = [...given];
        const code: EnclaveCode = { arrive: () => (events.shift() ?? exit()) as EnclaveEvent };
        const { enclave, threads } = buildEnclave({ code });
        const run = new EnclaveRun<bigint, null>(threads[0]!, 0n, null);
        // Finite: a handler that answers 2 or 3 for ever is obeyed for ever.
        const answers = [EENTER, EENTER, EENTER, answer];
        run.userHandler = () => answers.shift() ?? 0;
        try {
          enterMerged(enclave.cpu(), EENTER, createRegisters(), run);
        } catch (error) {
          assert.ok(error instanceof PosternError, String(error));
        }
        assert.equal(enclave.thread(threads[0]!)!.busy, false);
      }),
    );
  });

  test("a fault without an address is refused, also where no address is looked at", () => {
    for (const vector of [0, 14]) {
      const event = { kind: "fault", vector, errorCode: 0, address: undefined } as unknown as EnclaveEvent;
      const { enclave, threads } = buildEnclave({ code: { arrive: () => event } });
      const run = new EnclaveRun<bigint, null>(threads[0]!, 0n, null);
      const enter = () => enterMerged(enclave.cpu(), EENTER, createRegisters(), run);
      assert.throws(enter, { code: "EBADPROGRAM", message: /gave nothing as address/ });
      assert.equal(enclave.thread(threads[0]!)!.busy, false);
    }
  });

  test("whatever a handler answers, and whatever leaf is asked for, is a result or a typed error", () => {
    holds(
      fc.property(fc.anything(), fc.anything(), (leaf, answer) => {
        const { enclave, threads } = buildEnclave({ code: () => exit() });
        const run = new EnclaveRun<bigint, null>(threads[0]!, 0n, null);
        let left = 2;
        run.userHandler = () => (left-- > 0 ? (answer as number) : 0);
        try {
          assert.equal(typeof enterMerged(enclave.cpu(), leaf as number, createRegisters(), run), "number");
        } catch (error) {
          assert.ok(error instanceof PosternError, String(error));
        }
      }),
      1000,
    );
  });
});
