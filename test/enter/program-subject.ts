/** A scripted CPU that is the one of the keep backends: a real WebAssembly program with real traps. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type InlineCpu, type Registers, Trap, WASM_WINDOW_BASE, wasmTrapOf } from "postern/enter";
import { createProgramCpu, type ExceptionEntry } from "#src/keep/backends/cpu.js";
import { WebAssembly } from "#src/wasm/index.js";
import type { Step, Subject, SubjectKind } from "./contract-suite.js";

const FILE = new URL("../../../test/fixtures/programs/behaviours/scripted.wasm", import.meta.url);
const MEMORY_BYTES = 65536;
const TCS = 4096;
/** What the program does by its own numbers; see scripted.wat. */
const SALLY = 0;
const FAULTS: Readonly<Record<number, number>> = { [Trap.UD]: 1, [Trap.PF]: 2, [Trap.DE]: 3 };
const FINISH = 4;

function make(script: readonly Step[]): Subject<number> {
  const steps = [...script];
  const arrivals: number[][] = [];
  let pending: number | undefined;
  function step(cpu: InlineCpu<number>): number {
    if (pending !== undefined) {
      const status = pending;
      pending = undefined;
      return status;
    }
    const { registers } = cpu;
    arrivals.push(numbers(registers));
    const next = steps.shift();
    assert.ok(next, "more arrivals than steps");
    if (next.do === "finish") {
      pending = next.status;
      return FINISH;
    }
    if (next.do === "fault") {
      const fault = FAULTS[next.trapnr];
      assert.ok(fault, `WebAssembly has no fault ${next.trapnr}`);
      return fault;
    }
    const [rdi, rsi, rdx, r8, r9] = [0, 1, 2, 3, 4].map((index) => next.values[index] ?? 0);
    Object.assign(registers, { rdi, rsi, rdx, r8, r9 });
    return SALLY;
  }
  const cpu: InlineCpu<number> = createProgramCpu({
    tcs: TCS,
    program: () => exports.run(),
    exceptionEntry: () => exports.__keep_exception,
    trapOf: (error) => wasmTrapOf(error, MEMORY_BYTES),
  });
  const imports = { script: { step: () => step(cpu), sally: () => cpu.sally() } };
  const module = new WebAssembly.Module(new Uint8Array(readFileSync(fileURLToPath(FILE))));
  const exports = new WebAssembly.Instance(module, imports).exports as unknown as {
    readonly run: () => number;
    readonly __keep_exception: ExceptionEntry;
  };
  return { cpu, tcs: TCS, arrivals };
}

const numbers = ({ rdi, rsi, rdx, r8, r9 }: Omit<Registers<number>, "rsp">) => [rdi, rsi, rdx, r8, r9];

/** The virtual CPU of a WebAssembly program, as the keep backends make it. */
export const programKind: SubjectKind<number> = {
  name: "a WebAssembly program",
  word: (value) => value,
  make,
  canResume: false,
  canHandleInside: true,
  // WebAssembly has no trap that is #DB or #BP.
  reportsSignals: false,
  reported: (trapnr) => (trapnr === Trap.PF ? [trapnr, 4, WASM_WINDOW_BASE + MEMORY_BYTES] : [trapnr, 0, 0]),
  checksEntry: true,
};
