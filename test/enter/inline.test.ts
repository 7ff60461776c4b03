import assert from "node:assert/strict";
import { test } from "node:test";
import {
  EENTER,
  EnclaveRun,
  enterMerged,
  InlineCpu,
  type MergedHandler,
  type Registers,
  Trap,
  WASM_WINDOW_BASE,
  wasmTrapOf,
} from "postern/enter";

const word = (value: number) => value;
const registers = (): Registers<number> => ({ rdi: 0, rsi: 0, rdx: 0, r8: 0, r9: 0, rsp: 0 });

function runOf(handler: MergedHandler<number, null> | null): EnclaveRun<number, null> {
  const run = new EnclaveRun<number, null>(1, 0, null);
  run.userHandler = handler;
  return run;
}

function cpuOf(program: (cpu: InlineCpu<number>) => number): InlineCpu<number> {
  return new InlineCpu({ tcs: 1, word, program, trapOf: () => null });
}

test("a program that catches everything cannot go on after its call is over", () => {
  let sallies = 0;
  let caught = 0;
  const cpu = cpuOf((inline) => {
    for (let attempt = 0; attempt < 5; attempt++) {
      try {
        inline.sally();
        sallies++;
      } catch {
        caught++;
      }
    }
    return 3;
  });
  let asked = 0;
  const run = runOf(() => (++asked === 2 ? -7 : EENTER));
  assert.equal(enterMerged(cpu, EENTER, registers(), run), -7);
  assert.deepEqual({ asked, sallies, caught }, { asked: 2, sallies: 1, caught: 4 });
});

test("a handler's error reaches the caller even if the program catches it", () => {
  const error = new Error("stop");
  const cpu = cpuOf((inline) => {
    try {
      inline.sally();
    } catch {
      return 0;
    }
    return 1;
  });
  const throwing = () => {
    throw error;
  };
  assert.throws(
    () => enterMerged(cpu, EENTER, registers(), runOf(throwing)),
    (caught) => caught === error,
  );
});

test("a handler cannot enter the program it serves: it is in the middle of a call", () => {
  const cpu = cpuOf((inline) => {
    inline.sally();
    return 0;
  });
  let inner: EnclaveRun<number, null> | undefined;
  const run = runOf(() => {
    if (inner !== undefined) return 0;
    inner = runOf(null);
    return enterMerged(cpu, EENTER, registers(), inner);
  });
  assert.equal(enterMerged(cpu, EENTER, registers(), run), 0);
  assert.deepEqual([inner?.function, inner?.exceptionVector], [EENTER, Trap.GP]);
});

test("an error that is no trap passes through, and the CPU can be entered again", () => {
  let broken = true;
  const cpu = cpuOf(() => {
    if (broken) throw new TypeError("a bug of the host");
    return 5;
  });
  assert.throws(() => enterMerged(cpu, EENTER, registers(), runOf(null)), TypeError);
  broken = false;
  const crossing = registers();
  assert.equal(enterMerged(cpu, EENTER, crossing, runOf(null)), 0);
  assert.equal(crossing.r8, 5);
});

test("a sally outside of any call is refused", () => {
  assert.throws(() => cpuOf(() => 0).sally(), { name: "Unwind" });
});

/** Module: type () -> (), memory of one page, one exported function `f` with this body. */
function moduleWith(body: readonly number[], imports = false): Uint8Array<ArrayBuffer> {
  const section = (id: number, bytes: readonly number[]) => [id, bytes.length, ...bytes];
  const code = [0, ...body, 0x0b];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 0, 0]),
    ...(imports ? section(2, [1, 1, 0x68, 1, 0x73, 0, 0]) : []), // import h.s
    ...section(3, [1, 0]),
    ...section(4, [1, 0x70, 0, 1]), // a table of one null function
    ...section(5, [1, 0, 1]),
    ...section(7, [1, 1, 0x66, 0, imports ? 1 : 0]),
    ...section(10, [1, code.length, ...code]),
  ]);
}

interface Engine {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { exports: { f: () => void } };
}
const { WebAssembly } = globalThis as unknown as { WebAssembly: Engine };

function instantiate(bytes: Uint8Array, imports: object = {}): () => void {
  return new WebAssembly.Instance(new WebAssembly.Module(bytes), imports).exports.f;
}

const TRAPS: Readonly<Record<string, { body: readonly number[]; expected: readonly [number, number, number] }>> = {
  unreachable: { body: [0x00], expected: [Trap.UD, 0, 0] },
  "division by zero": { body: [0x41, 1, 0x41, 0, 0x6d, 0x1a], expected: [Trap.DE, 0, 0] },
  "remainder by zero": { body: [0x41, 1, 0x41, 0, 0x6f, 0x1a], expected: [Trap.DE, 0, 0] },
  "smallest integer by -1": {
    body: [0x41, 0x80, 0x80, 0x80, 0x80, 0x78, 0x41, 0x7f, 0x6d, 0x1a],
    expected: [Trap.DE, 0, 0],
  },
  "infinity to an integer": { body: [0x43, 0, 0, 0x80, 0x7f, 0xa8, 0x1a], expected: [Trap.XM, 0, 0] },
  "a load out of bounds": {
    body: [0x41, 0x7f, 0x28, 2, 0, 0x1a],
    expected: [Trap.PF, 4, WASM_WINDOW_BASE + 0x10000],
  },
  "call_indirect of a null entry": { body: [0x41, 0, 0x11, 0, 0], expected: [Trap.GP, 0, 0] },
  "call_indirect out of bounds": { body: [0x41, 9, 0x11, 0, 0], expected: [Trap.BR, 0, 0] },
  "endless recursion": { body: [0x10, 0], expected: [Trap.PF, 6, WASM_WINDOW_BASE - 4096] },
};

for (const [name, { body, expected }] of Object.entries(TRAPS)) {
  test(`a real Wasm instance: ${name} is an exception`, () => {
    const call = instantiate(moduleWith(body));
    const cpu = new InlineCpu<number>({
      tcs: 1,
      word,
      program: () => {
        call();
        return 0;
      },
      trapOf: (error) => wasmTrapOf(error, 0x10000),
    });
    const run = runOf(null);
    assert.equal(enterMerged(cpu, EENTER, registers(), run), 0);
    assert.equal(run.function, 3);
    assert.deepEqual([run.exceptionVector, run.exceptionErrorCode, run.exceptionAddress], expected);
    run.userHandler = null;
    assert.equal(enterMerged(cpu, EENTER, registers(), run), 0, "its only frame is taken and lost");
    assert.deepEqual([run.function, run.exceptionVector], [EENTER, Trap.GP]);
  });
}

test("a trap tells its offset in the module", () => {
  const bytes = moduleWith([0x01, 0x00]); // nop, unreachable
  let trap: ReturnType<typeof wasmTrapOf> = null;
  try {
    instantiate(bytes)();
  } catch (error) {
    trap = wasmTrapOf(error, 0);
  }
  assert.equal(trap?.moduleOffset, bytes.length - 2);
});

test("a real Wasm instance: a sally is a call of an import, and unwinding passes through it", () => {
  const bytes = moduleWith([0x10, 0, 0x10, 0, 0x10, 0], true);
  const cpu: InlineCpu<number> = cpuOf((inline) => {
    instantiate(bytes, { h: { s: () => inline.sally() } })();
    return 9;
  });
  let asked = 0;
  assert.equal(
    enterMerged(
      cpu,
      EENTER,
      registers(),
      runOf(() => (++asked < 4 ? EENTER : 0)),
    ),
    0,
  );
  assert.equal(asked, 4, "three sallies and the end");
  asked = 0;
  assert.equal(
    enterMerged(
      cpu,
      EENTER,
      registers(),
      runOf(() => (++asked < 2 ? EENTER : -3)),
    ),
    -3,
  );
  assert.equal(asked, 2);
});

test("errors of the host are no traps", () => {
  for (const error of [new Error("unreachable"), new RangeError("no"), new TypeError("x"), "unreachable", null, 7]) {
    assert.equal(wasmTrapOf(error, 0), null);
  }
});
