/**
 * What both versions of the contract promise, as tests that any virtual CPU can be put through. A backend gives a way to
 * make a CPU whose program does what a script says, and runs the suite.
 */
import assert from "node:assert/strict";
import * as nodeTest from "node:test";
import {
  EENTER,
  EEXIT,
  EnclaveException,
  EnclaveRun,
  EnclaveSignal,
  ERESUME,
  enterMerged,
  enterV36,
  type MergedHandler,
  type Registers,
  Trap,
  type V36Handler,
  type VirtualCpu,
  type Word,
} from "postern/enter";

/** What a scripted program does at one arrival. A sally shows these values, in the order rdi, rsi, rdx, r8, r9. */
export type Step =
  | { readonly do: "sally"; readonly values: readonly number[] }
  | { readonly do: "fault"; readonly trapnr: number; readonly errorCode: number; readonly address: number }
  | { readonly do: "finish"; readonly status: number };

/** One scripted CPU. */
export interface Subject<W extends Word> {
  readonly cpu: VirtualCpu<W>;
  readonly tcs: W;
  /** What the program found in rdi, rsi, rdx, r8, r9 at each EENTER, the answers to its sallies included. */
  readonly arrivals: (readonly number[])[];
}

/** A kind of CPU, and what it can do. */
export interface SubjectKind<W extends Word> {
  readonly name: string;
  readonly word: (value: number) => W;
  readonly make: (script: readonly Step[]) => Subject<W>;
  /** A faulted program goes on where it was, at ERESUME. */
  readonly canResume: boolean;
  /** After a fault the program can be entered again, on the next frame; its script goes on. */
  readonly canHandleInside: boolean;
  /** #DB and #BP come to the entry as exceptions (those of real hardware are signals of the process). */
  readonly reportsSignals: boolean;
  /** Trap number, error code and address of a scripted fault, where the CPU's own traps have others than the script says. */
  readonly reported?: (trapnr: number) => readonly [trapnr: number, errorCode: number, address: number];
  /** ENCLU faults for a TCS that is none, and where nothing can be resumed. */
  readonly checksEntry: boolean;
}

const sally = (...values: number[]): Step => ({ do: "sally", values });
const fault = (trapnr: number, errorCode = 0, address = 0): Step => ({ do: "fault", trapnr, errorCode, address });
const PAGE = 0x7000;

/** Everything a test needs for one kind of CPU. */
function toolsFor<W extends Word>(kind: SubjectKind<W>) {
  const { word } = kind;
  const reported = (trapnr: number, errorCode: number, address: number) =>
    kind.reported?.(trapnr) ?? [trapnr, errorCode, address];
  const registers = (...values: number[]): Registers<W> => {
    const [rdi, rsi, rdx, r8, r9] = [0, 1, 2, 3, 4].map((index) => word(values[index] ?? 0)) as [W, W, W, W, W];
    return { rdi, rsi, rdx, r8, r9, rsp: word(0x9000) };
  };
  const values = ({ rdi, rsi, rdx, r8, r9 }: Registers<W>) => [rdi, rsi, rdx, r8, r9].map(Number);
  const run = <Data>(subject: Subject<W>, handler: MergedHandler<W, Data> | null, data: Data) => {
    const made = new EnclaveRun<W, Data>(subject.tcs, word(0), data);
    made.userHandler = handler;
    return made;
  };
  return { ...kind, registers, values, run, reported };
}

type Tools<W extends Word> = ReturnType<typeof toolsFor<W>>;

/** Where tests are told: to node:test, or to a thread's own collection of them. */
export interface TestRunner {
  describe(name: string, body: () => void): unknown;
  test(name: string, body: () => void): unknown;
  test(name: string, options: { readonly skip: string | boolean }, body: () => void): unknown;
}
let { describe, test }: TestRunner = nodeTest;

/** Runs the suite for one kind of CPU. @param runner default: node:test */
export function runContractSuite<W extends Word>(kind: SubjectKind<W>, runner: TestRunner = nodeTest): void {
  const tools = toolsFor(kind);
  ({ describe, test } = runner);
  describe(`the entry contract on ${kind.name}`, () => {
    describe("entering and leaving", () => testPassage(tools));
    describe("answers of a handler", () => testAnswers(tools));
    describe("exceptions", () => testExceptions(tools));
    describe("the run structure", () => testRun(tools));
    describe("signals", () => testSignals(tools));
    describe("errors of the entry itself", () => testEntryFaults(tools));
    describe("handlers that throw", () => testThrow(tools));
  });
}

function testPassage<W extends Word>({ make, registers, values, run }: Tools<W>): void {
  test("registers travel in and out (v36)", () => {
    const subject = make([sally(1, 2, 3, 4, 5)]);
    const crossing = registers(11, 12, 13, 14, 15);
    assert.equal(enterV36(subject.cpu, EENTER, crossing, subject.tcs), 0);
    assert.deepEqual(subject.arrivals[0], [11, 12, 13, 14, 15]);
    assert.deepEqual(values(crossing), [1, 2, 3, 4, 5]);
  });

  test("registers travel in and out, and function tells EEXIT (merged)", () => {
    const subject = make([sally(1, 2, 3, 4, 5)]);
    const crossing = registers(11, 12, 13, 14, 15);
    const structure = run(subject, null, null);
    assert.equal(enterMerged(subject.cpu, EENTER, crossing, structure), 0);
    assert.deepEqual(values(crossing), [1, 2, 3, 4, 5]);
    assert.equal(structure.function, EEXIT);
  });

  test("a program's end is an exit with rdi 0 and its status in r8", () => {
    const subject = make([{ do: "finish", status: 7 }]);
    const crossing = registers(1);
    const structure = run(subject, null, null);
    assert.equal(enterMerged(subject.cpu, EENTER, crossing, structure), 0);
    assert.equal(structure.function, EEXIT);
    assert.deepEqual(values(crossing), [0, 0, 0, 7, 0]);
  });

  test("a thousand sallies in one call", () => {
    const count = 1000;
    const subject = make([...Array.from({ length: count }, (_, n) => sally(n + 1)), { do: "finish", status: 0 }]);
    const seen: number[] = [];
    const handler: MergedHandler<W, null> = (rdi) => {
      seen.push(Number(rdi));
      return Number(rdi) === 0 ? 0 : EENTER;
    };
    assert.equal(enterMerged(subject.cpu, EENTER, registers(), run(subject, handler, null)), 0);
    assert.deepEqual(seen, [...Array.from({ length: count }, (_, n) => n + 1), 0]);
  });
}

function testAnswers<W extends Word>({ make, registers, word, run }: Tools<W>): void {
  test("a leaf enters again, with what the handler left in the registers", () => {
    const subject = make([sally(5, 6), sally(0)]);
    const handler: V36Handler<W> = (rdi, _rsi, _rdx, _ursp, _r8, _r9, _tcs, ret, _e, after) => {
      assert.equal(ret, 0);
      if (Number(rdi) === 0) return 0;
      after.rdi = word(42);
      return EENTER;
    };
    assert.equal(enterV36(subject.cpu, EENTER, registers(9), subject.tcs, null, handler), 0);
    assert.deepEqual(subject.arrivals[1], [42, 6, 0, 0, 0]);
  });

  for (const answer of [1, 4, 5, 0x7fff_ffff]) {
    test(`a positive answer is checked again: ${answer} is no leaf`, () => {
      let calls = 0;
      const one = make([sally(1)]);
      const v36 = enterV36(one.cpu, EENTER, registers(), one.tcs, null, () => {
        calls++;
        return answer;
      });
      const two = make([sally(1)]);
      const merged = enterMerged(
        two.cpu,
        EENTER,
        registers(),
        run(two, () => answer, null),
      );
      assert.deepEqual([v36, merged, calls], [-22, -22, 1]);
    });
  }

  test("a negative answer is returned as it is", () => {
    const one = make([sally(1)]);
    assert.equal(
      enterV36(one.cpu, EENTER, registers(), one.tcs, null, () => -2147483648),
      -2147483648,
    );
    const two = make([sally(1)]);
    assert.equal(
      enterMerged(
        two.cpu,
        EENTER,
        registers(),
        run(two, () => -5, null),
      ),
      -5,
    );
  });

  for (const leaf of [0, 1, 4, 5, 0xffff_ffff, -1]) {
    test(`leaf ${leaf} is refused before anything happens`, () => {
      const subject = make([]);
      const exception = new EnclaveException<W>(word(0));
      const never = () => assert.fail("the handler was called");
      const structure = run(subject, never, null);
      structure.function = 77;
      assert.equal(enterV36(subject.cpu, leaf, registers(), subject.tcs, exception, never), -22);
      assert.equal(enterMerged(subject.cpu, leaf, registers(), structure), -22);
      assert.equal(structure.function, 77);
      assert.equal(exception.leaf, 0);
    });
  }

  for (const answer of [1.5, Number.NaN, 2 ** 31, undefined, null, "2", Promise.resolve(2)]) {
    test(`an answer that is no 32-bit integer is an error of the handler: ${String(answer)}`, () => {
      const subject = make([sally(1)]);
      const handler = (() => answer) as unknown as MergedHandler<W, null>;
      assert.throws(() => enterMerged(subject.cpu, EENTER, registers(), run(subject, handler, null)), {
        code: "EINVALIDARGUMENT",
      });
    });
  }
}

function testExceptions<W extends Word>({ make, registers, values, word, run, ...can }: Tools<W>): void {
  test("v36 without a handler: -14, and the record is filled", () => {
    const subject = make([fault(Trap.PF, 7, PAGE)]);
    const exception = new EnclaveException<W>(word(0));
    exception.reserved.fill(0xaa);
    assert.equal(enterV36(subject.cpu, EENTER, registers(), subject.tcs, exception), -14);
    const { leaf, trapnr, errorCode, address, reserved } = exception;
    assert.deepEqual([leaf, trapnr, errorCode, Number(address)], [ERESUME, ...can.reported(Trap.PF, 7, PAGE)]);
    assert.ok(reserved.every((byte) => byte === 0xaa));
  });

  test("merged without a handler: 0, and function is not 4", () => {
    const subject = make([fault(Trap.PF, 7, PAGE)]);
    const structure = run(subject, null, null);
    assert.equal(enterMerged(subject.cpu, EENTER, registers(), structure), 0);
    const { exceptionVector, exceptionErrorCode, exceptionAddress } = structure;
    assert.equal(structure.function, ERESUME);
    assert.deepEqual(
      [exceptionVector, exceptionErrorCode, Number(exceptionAddress)],
      [...can.reported(Trap.PF, 7, PAGE)],
    );
  });

  test("v36 handlers find trap number, error code and address in the registers, and zeros", () => {
    const subject = make([fault(Trap.PF, 6, PAGE)]);
    const seen: number[] = [];
    const result = enterV36(subject.cpu, EENTER, registers(1, 2, 3, 4, 5), subject.tcs, null, (...parameters) => {
      const [rdi, rsi, rdx, , r8, r9, tcs, ret, exception] = parameters;
      seen.push(...[rdi, rsi, rdx, r8, r9].map(Number), ret);
      assert.equal(tcs, subject.tcs);
      assert.equal(exception, null);
      return 0;
    });
    assert.deepEqual(seen, [...can.reported(Trap.PF, 6, PAGE), 0, 0, -14]);
    assert.equal(result, 0, "0 is success, also for an exception");
  });

  test("nothing is cleared by a later success", () => {
    const subject = make([fault(Trap.UD)]);
    const structure = run(subject, null, null);
    enterMerged(subject.cpu, EENTER, registers(), structure);
    const other = make([sally(1)]);
    structure.tcs = other.tcs;
    assert.equal(enterMerged(other.cpu, EENTER, registers(), structure), 0);
    assert.deepEqual([structure.function, structure.exceptionVector], [EEXIT, Trap.UD]);
  });

  test("a fault, resumed: the program goes on", { skip: can.canResume ? false : "its faults are final" }, () => {
    const subject = make([fault(Trap.PF, 7, PAGE), sally(9)]);
    const structure = run(
      subject,
      (_a, _b, _c, _d, _e, _f, { function: kind }) => (kind === EEXIT ? 0 : ERESUME),
      null,
    );
    const crossing = registers();
    assert.equal(enterMerged(subject.cpu, EENTER, crossing, structure), 0);
    assert.deepEqual(values(crossing), [9, 0, 0, 0, 0]);
  });

  const inside = can.canHandleInside ? false : "it has no second frame";
  test("a fault, handled inside: entered on the next frame", { skip: inside }, () => {
    const subject = make([fault(Trap.UD), sally(0)]);
    const functions: number[] = [];
    const handler: MergedHandler<W, null> = (_a, _b, _c, _d, _e, _f, { function: kind }) => {
      functions.push(kind);
      return kind === EEXIT ? 0 : EENTER;
    };
    assert.equal(enterMerged(subject.cpu, EENTER, registers(), run(subject, handler, null)), 0);
    assert.deepEqual(functions, [ERESUME, EEXIT]);
  });
}

function testRun<W extends Word>({ make, registers, run }: Tools<W>): void {
  test("the caller's data reach the handler, which may change them", () => {
    const subject = make([sally(1)]);
    const data = { count: 1 };
    const handler: MergedHandler<W, { count: number } | null> = (_a, _b, _c, _d, _e, _f, structure) => {
      assert.equal(structure.userData, data);
      structure.userData = null;
      return 0;
    };
    const structure = run(subject, handler, data as { count: number } | null);
    assert.equal(enterMerged(subject.cpu, EENTER, registers(), structure), 0);
    assert.equal(structure.userData, null);
  });

  test("a handler may replace and remove itself", () => {
    const subject = make([sally(1), sally(2), sally(3)]);
    const seen: string[] = [];
    const second: MergedHandler<W, null> = (..._parameters) => {
      seen.push("second");
      _parameters[6].userHandler = null;
      return EENTER;
    };
    const first: MergedHandler<W, null> = (..._parameters) => {
      seen.push("first");
      _parameters[6].userHandler = second;
      return EENTER;
    };
    assert.equal(enterMerged(subject.cpu, EENTER, registers(), run(subject, first, null)), 0);
    assert.deepEqual(seen, ["first", "second"]);
    assert.equal(subject.arrivals.length, 3);
  });

  for (const index of [0, 100, 215]) {
    test(`reserved byte ${40 + index} must be zero, at each entry`, () => {
      const first = make([]);
      const structure = run(first, () => assert.fail("the handler was called"), null);
      structure.reserved[index] = 1;
      structure.function = 9;
      assert.equal(enterMerged(first.cpu, EENTER, registers(), structure), -22);
      assert.equal(structure.function, 9);

      const second = make([sally(1)]);
      const setter: MergedHandler<W, null> = (_a, _b, _c, _d, _e, _f, changed) => {
        changed.reserved[index] = 0x80;
        return EENTER;
      };
      assert.equal(enterMerged(second.cpu, EENTER, registers(), run(second, setter, null)), -22);
      assert.equal(second.arrivals.length, 1);
    });
  }
}

function testSignals<W extends Word>({
  make,
  registers,
  values,
  word,
  run,
  reportsSignals,
  canResume,
}: Tools<W>): void {
  const skip = reportsSignals ? false : "it has no such faults, or they are signals of the process";
  for (const trapnr of [Trap.DB, Trap.BP]) {
    test(`vector ${trapnr} is SIGTRAP: no handler, nothing written`, { skip }, () => {
      const never = () => assert.fail("the handler was called");
      const one = make([fault(trapnr)]);
      const exception = new EnclaveException<W>(word(0));
      const isSignal = (error: unknown) => error instanceof EnclaveSignal && error.trapnr === trapnr;
      assert.throws(() => enterV36(one.cpu, EENTER, registers(), one.tcs, exception, never), isSignal);
      assert.equal(exception.leaf, 0);
      const two = make([fault(trapnr)]);
      const structure = run(two, never, null);
      structure.function = 9;
      assert.throws(() => enterMerged(two.cpu, EENTER, registers(), structure), isSignal);
      assert.equal(structure.function, 9);
    });
  }

  test("a signal handler that returns resumes", { skip: canResume ? skip : "its faults are final" }, () => {
    const subject = make([fault(Trap.DB), sally(4)]);
    const heard: number[] = [];
    const crossing = registers();
    const onSignal = ({ trapnr }: { trapnr: number }) => void heard.push(trapnr);
    assert.equal(enterV36(subject.cpu, EENTER, crossing, subject.tcs, null, null, { onSignal }), 0);
    assert.deepEqual(heard, [Trap.DB]);
    assert.deepEqual(values(crossing), [4, 0, 0, 0, 0]);
  });
}

function testEntryFaults<W extends Word>({ make, registers, values, word, run, checksEntry }: Tools<W>): void {
  const skip = checksEntry ? false : "it does not check entries itself";
  test("nothing to resume: #GP with leaf 3, r8 and r9 kept", { skip }, () => {
    const subject = make([]);
    const crossing = registers(1, 2, 3, 4, 5);
    const exception = new EnclaveException<W>(word(0));
    assert.equal(enterV36(subject.cpu, ERESUME, crossing, subject.tcs, exception), -14);
    assert.deepEqual([exception.leaf, exception.trapnr, exception.errorCode], [ERESUME, Trap.GP, 0]);
    assert.deepEqual(values(crossing), [Trap.GP, 0, 0, 4, 5]);
  });

  test("nothing to resume at a sally either; the program can still be entered", { skip }, () => {
    const subject = make([sally(1), sally(2)]);
    const functions: number[] = [];
    const handler: MergedHandler<W, null> = (_a, _b, _c, _d, _e, _f, { function: kind }) => {
      functions.push(kind);
      return [ERESUME, EENTER, 0][functions.length - 1]!;
    };
    assert.equal(enterMerged(subject.cpu, EENTER, registers(), run(subject, handler, null)), 0);
    assert.deepEqual(functions, [EEXIT, ERESUME, EEXIT]);
    assert.equal(subject.arrivals.length, 2);
  });

  test("what is no TCS: #PF at its address, with the leaf that was asked for", { skip }, () => {
    const subject = make([]);
    const structure = run(subject, null, null);
    structure.tcs = word(0x123000);
    assert.equal(enterMerged(subject.cpu, EENTER, registers(), structure), 0);
    const { exceptionVector, exceptionErrorCode, exceptionAddress } = structure;
    assert.equal(structure.function, EENTER);
    assert.deepEqual([exceptionVector, exceptionErrorCode, Number(exceptionAddress)], [Trap.PF, 0x8005, 0x123000]);
  });
}

function testThrow<W extends Word>({ make, registers, word, run }: Tools<W>): void {
  test("the error reaches the caller, the same object, and the CPU is outside", () => {
    const error = new Error("enough");
    const subject = make([sally(1), sally(2)]);
    const crossing = registers();
    const throwing = () => {
      throw error;
    };
    assert.throws(
      () => enterMerged(subject.cpu, EENTER, crossing, run(subject, throwing, null)),
      (caught) => caught === error,
    );
    assert.equal(crossing.rsp, word(0x9000));
    const other = make([sally(3)]);
    assert.equal(enterV36(other.cpu, EENTER, crossing, other.tcs), 0);
  });

  test("what is thrown need not be an error", () => {
    const subject = make([sally(1)]);
    const throwing: V36Handler<W> = () => {
      throw "bail";
    };
    assert.throws(
      () => enterV36(subject.cpu, EENTER, registers(), subject.tcs, null, throwing),
      (caught) => caught === "bail",
    );
  });
}
