import assert from "node:assert/strict";
import { test } from "node:test";
import {
  buildEnclave,
  createRegisters,
  EENTER,
  EnclaveFault,
  type EnclaveGenerator,
  EnclaveRun,
  type EnclaveThread,
  enterMerged,
  exit,
  handleInside,
  type InsideOptions,
  Trap,
} from "postern/enter";

type Sally = InsideOptions<bigint, null>["sally"];

function runInside(code: Parameters<typeof buildEnclave>[0]["code"], sally: Sally, options: { frames?: number } = {}) {
  const { enclave, threads } = buildEnclave({ code, nssa: options.frames ?? 3 });
  const run = new EnclaveRun<bigint, null>(threads[0]!, 0n, null);
  run.userHandler = handleInside<bigint, null>({ ...options, exceptionsMax: 20, sally });
  const result = enterMerged(enclave.cpu(), EENTER, createRegisters(), run);
  return { result, cssa: enclave.thread(threads[0]!)!.cssa };
}

/** Skips the two bytes of the instruction that faulted, as a handler of #UD does. */
function* skipInstruction(thread: EnclaveThread): EnclaveGenerator {
  const { gpr } = thread.frame(thread.cssa - 1);
  gpr.set("rip", gpr.get("rip") + 2n);
  yield exit();
}

test("the program never hears of an exception its own handler repaired, nor does the host's sally", () => {
  const sallies: bigint[] = [];
  const outcome = runInside(
    function* (thread): EnclaveGenerator {
      if (thread.cssa > 0) return yield* skipInstruction(thread);
      const skipped = yield* thread.attempt<string>(() => {
        throw new EnclaveFault(Trap.UD);
      });
      assert.equal(skipped, undefined);
      yield exit({ rdi: 7n });
      return 3;
    },
    (rdi, _rsi, _rdx, _rsp, r8) => {
      sallies.push(rdi, r8);
      return rdi === 7n ? EENTER : 0;
    },
  );
  assert.deepEqual([outcome, sallies], [{ result: 0, cssa: 0 }, [7n, 0n, 0n, 3n]]);
});

test("a fault in the handler inside is handled on the frame above it", () => {
  const depths: number[] = [];
  const outcome = runInside(
    function* (thread): EnclaveGenerator {
      depths.push(thread.cssa);
      if (thread.cssa === 2) return yield* skipInstruction(thread);
      yield* thread.attempt(() => {
        throw new EnclaveFault(Trap.UD);
      });
      if (thread.cssa === 1) return yield* skipInstruction(thread);
      return 0;
    },
    () => 0,
  );
  assert.deepEqual([outcome, depths], [{ result: 0, cssa: 0 }, [0, 1, 2]]);
});

test("without a frame left the call gives up with -EPROTO", () => {
  const outcome = runInside(
    () => new EnclaveFault(Trap.UD),
    () => assert.fail("the program left"),
    { frames: 2 },
  );
  assert.deepEqual(outcome, { result: -71, cssa: 2 });
});

test("exceptions without end are given up with -EPROTO", () => {
  const outcome = runInside(
    function* (thread): EnclaveGenerator {
      if (thread.cssa > 0) {
        yield exit(); // repairs nothing
        return;
      }
      yield* thread.attempt(() => {
        throw new EnclaveFault(Trap.PF, 4, 0n);
      });
    },
    () => 0,
  );
  assert.equal(outcome.result, -71);
});

test("a fault of ENCLU itself is given up with -EPROTO", () => {
  const { enclave } = buildEnclave({ code: () => exit() });
  const run = new EnclaveRun<bigint, null>(0x1000n, 0n, null);
  run.userHandler = handleInside<bigint, null>({ sally: () => 0 });
  assert.equal(enterMerged(enclave.cpu(), EENTER, createRegisters(), run), -71);
});
