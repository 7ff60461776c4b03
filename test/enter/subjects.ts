/** Scripted CPUs of the kinds this part has itself. */
import assert from "node:assert/strict";
import {
  buildEnclave,
  EENTER,
  type EnclaveCode,
  EnclaveFault,
  exit,
  InlineCpu,
  type InlineTrap,
  type Registers,
} from "postern/enter";
import type { Step, Subject, SubjectKind } from "./contract-suite.js";

const numbers = ({ rdi, rsi, rdx, r8, r9 }: Omit<Registers<bigint | number>, "rsp">) =>
  [rdi, rsi, rdx, r8, r9].map(Number);

function makeSoftware(script: readonly Step[]): Subject<bigint> {
  const steps = [...script];
  const arrivals: number[][] = [];
  const code: EnclaveCode = {
    arrive(thread) {
      if (thread.leaf === EENTER) arrivals.push(numbers(thread.registers));
      const step = steps.shift();
      assert.ok(step, "more arrivals than steps");
      if (step.do === "finish") return { kind: "finish", status: BigInt(step.status) };
      if (step.do === "fault") return new EnclaveFault(step.trapnr, step.errorCode, BigInt(step.address));
      const [rdi, rsi, rdx, r8, r9] = [0, 1, 2, 3, 4].map((index) => BigInt(step.values[index] ?? 0));
      return exit({ rdi, rsi, rdx, r8, r9 });
    },
  };
  const { enclave, threads } = buildEnclave({ code });
  return { cpu: enclave.cpu(), tcs: threads[0]!, arrivals };
}

/** The software enclave. */
export const softwareKind: SubjectKind<bigint> = {
  name: "the software enclave",
  word: BigInt,
  make: makeSoftware,
  canResume: true,
  canHandleInside: true,
  reportsSignals: true,
  checksEntry: true,
};

/** A trap of a scripted inline program. */
class ScriptedTrap extends Error implements InlineTrap<number> {
  readonly trapnr: number;
  readonly errorCode: number;
  readonly address: number;

  constructor(step: Step & { do: "fault" }) {
    super("scripted");
    this.trapnr = step.trapnr;
    this.errorCode = step.errorCode;
    this.address = step.address;
  }
}

function play(cpu: InlineCpu<number>, steps: Step[], arrivals: number[][]): number {
  for (;;) {
    arrivals.push(numbers(cpu.registers));
    const step = steps.shift();
    assert.ok(step, "more arrivals than steps");
    if (step.do === "finish") return step.status;
    if (step.do === "fault") throw new ScriptedTrap(step);
    const { registers } = cpu;
    const [rdi, rsi, rdx, r8, r9] = [0, 1, 2, 3, 4].map((index) => step.values[index] ?? 0);
    Object.assign(registers, { rdi, rsi, rdx, r8, r9 });
    cpu.sally();
  }
}

function makeInline(script: readonly Step[]): Subject<number> {
  const steps = [...script];
  const arrivals: number[][] = [];
  const cpu = new InlineCpu<number>({
    tcs: 1,
    word: (value) => value,
    program: (inline) => play(inline, steps, arrivals),
    trapOf: (error) => (error instanceof ScriptedTrap ? error : null),
    crash: (inline) => void play(inline, steps, arrivals),
  });
  return { cpu, tcs: 1, arrivals };
}

/** A program on the caller's stack, whose sallies are calls. Its words are numbers. */
export const inlineKind: SubjectKind<number> = {
  name: "an inline program",
  word: (value) => value,
  make: makeInline,
  canResume: false,
  canHandleInside: true,
  reportsSignals: true,
  checksEntry: true,
};
