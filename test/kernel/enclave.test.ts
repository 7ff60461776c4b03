import assert from "node:assert/strict";
import { once } from "node:events";
import { after, describe, test } from "node:test";
import { Worker } from "node:worker_threads";
import {
  createRegisters,
  EENTER,
  EEXIT,
  EnclaveRun,
  type Entry,
  ERESUME,
  enterMerged,
  HardwareCpu,
  RUN_LAYOUT,
  Structure,
  Trap,
} from "postern/enter";
import { addressOf, viewOf } from "#src/kernel/address.js";
import { architecture } from "#src/kernel/architecture.js";
import { sgx } from "#src/kernel/capabilities.js";
import { createEnclaveEntry, type EnclaveEntry, openEnclaveEntry, THUNK } from "#src/kernel/enclave.js";
import { allocate, mmap, mprotect } from "#src/kernel/memory.js";
import { LINUX } from "#src/kernel/numbers.js";
import { vdsoSymbol } from "#src/kernel/vdso.js";
import { runContractSuite, type Step, type Subject } from "../enter/contract-suite.js";

const skip = architecture === "x86_64" ? false : "machine code for x86-64 only";
const PAGE_BYTES = 4096;

/**
 * A stand-in for the vDSO's function: the checks of the merged contract, then what the script at `run.tcs` says. It
 * leaves the processor as a bad enclave might: R10 to R15 zero, DF and AC set, MXCSR changed, something on the x87 stack.
 *
 * Script: function 0 (2, 3 or 4), rdi 8, rsi 16, rdx 24, r8 32, r9 40 out; rdi 64 ... r9 96, rcx 104 in; scratch 112.
 */
const STAND_IN = [
  [0x55, 0x48, 0x89, 0xe5, 0x53], // push rbp; mov rbp, rsp; push rbx
  [0x83, 0xf9, 0x02, 0x0f, 0x82, 0xa6, 0, 0, 0], // cmp ecx, 2; jb inval
  [0x83, 0xf9, 0x03, 0x0f, 0x87, 0x9d, 0, 0, 0], // cmp ecx, 3; ja inval
  [0x48, 0x8b, 0x45, 0x10], // mov rax, [rbp+16]: run
  [0x41, 0xba, 0x05, 0, 0, 0], // mov r10d, 5
  [0x4a, 0x83, 0x3c, 0xd0, 0x00], // check: cmp qword [rax+r10*8], 0
  [0x0f, 0x85, 0x88, 0, 0, 0], // jne inval
  [0x41, 0xff, 0xc2, 0x41, 0x83, 0xfa, 0x20, 0x75, 0xec], // inc r10d; cmp r10d, 32; jne check
  [0x48, 0x8b, 0x18], // mov rbx, [rax]: the script
  [0x48, 0x89, 0x7b, 0x40, 0x48, 0x89, 0x73, 0x48, 0x48, 0x89, 0x53, 0x50], // store rdi, rsi, rdx
  [0x4c, 0x89, 0x43, 0x58, 0x4c, 0x89, 0x4b, 0x60, 0x48, 0x89, 0x4b, 0x68], // store r8, r9, rcx
  [0x8b, 0x0b], // mov ecx, [rbx]: what happens
  [0x48, 0x8b, 0x7b, 0x08, 0x48, 0x8b, 0x73, 0x10, 0x48, 0x8b, 0x53, 0x18], // load rdi, rsi, rdx
  [0x89, 0x48, 0x08], // mov [rax+8], ecx: run.function
  [0x83, 0xf9, 0x04, 0x74, 0x19], // cmp ecx, 4; je eexit
  [0x66, 0x89, 0x78, 0x0c, 0x66, 0x89, 0x70, 0x0e, 0x48, 0x89, 0x50, 0x10], // vector, error code, address
  [0x83, 0xf9, 0x03, 0x75, 0x38], // cmp ecx, 3; jne done: ENCLU itself faulted
  [0x45, 0x31, 0xc0, 0x45, 0x31, 0xc9, 0xeb, 0x08], // xor r8d, r8d; xor r9d, r9d; jmp clear
  [0x4c, 0x8b, 0x43, 0x20, 0x4c, 0x8b, 0x4b, 0x28], // eexit: load r8, r9
  [0x45, 0x31, 0xd2, 0x45, 0x31, 0xdb, 0x45, 0x31, 0xe4], // clear: xor r10d .. r12d
  [0x45, 0x31, 0xed, 0x45, 0x31, 0xf6, 0x45, 0x31, 0xff], // xor r13d .. r15d
  [0x9c, 0x81, 0x0c, 0x24, 0x00, 0x04, 0x04, 0x00, 0x9d], // pushfq; or dword [rsp], AC | DF; popfq
  [0xc7, 0x43, 0x70, 0x80, 0x7f, 0, 0, 0x0f, 0xae, 0x53, 0x70], // mxcsr = 0x7f80: rounds towards zero
  [0xd9, 0xe8], // fld1
  [0x31, 0xc0, 0x5b, 0xc9, 0xc3], // done: xor eax, eax; pop rbx; leave; ret
  [0xb8, 0xea, 0xff, 0xff, 0xff, 0x5b, 0xc9, 0xc3], // inval: mov eax, -22; pop rbx; leave; ret
].flat();

/**
 * Puts known values into the registers that a function must preserve, calls the thunk at RSI with the block at RDI, and
 * answers with what differs afterwards, and with DF and AC.
 */
const CHECKER = [
  [0x53, 0x55, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57], // push rbx, rbp, r12, r13, r14, r15
  [0x48, 0x83, 0xec, 0x08], // sub rsp, 8
  [0xbb, 0x01, 0x01, 0, 0, 0xbd, 0x02, 0x01, 0, 0], // mov ebx, 0x101; mov ebp, 0x102
  [0x41, 0xbc, 0x03, 0x01, 0, 0, 0x41, 0xbd, 0x04, 0x01, 0, 0], // mov r12d, 0x103; mov r13d, 0x104
  [0x41, 0xbe, 0x05, 0x01, 0, 0, 0x41, 0xbf, 0x06, 0x01, 0, 0], // mov r14d, 0x105; mov r15d, 0x106
  [0xff, 0xd6], // call rsi
  [0x48, 0x81, 0xf3, 0x01, 0x01, 0, 0, 0x48, 0x81, 0xf5, 0x02, 0x01, 0, 0], // xor rbx, 0x101; xor rbp, 0x102
  [0x49, 0x81, 0xf4, 0x03, 0x01, 0, 0, 0x49, 0x81, 0xf5, 0x04, 0x01, 0, 0], // xor r12, 0x103; xor r13, 0x104
  [0x49, 0x81, 0xf6, 0x05, 0x01, 0, 0, 0x49, 0x81, 0xf7, 0x06, 0x01, 0, 0], // xor r14, 0x105; xor r15, 0x106
  [0x48, 0x09, 0xeb, 0x4c, 0x09, 0xe3, 0x4c, 0x09, 0xeb], // or rbx, rbp; or rbx, r12; or rbx, r13
  [0x4c, 0x09, 0xf3, 0x4c, 0x09, 0xfb], // or rbx, r14; or rbx, r15
  [0x9c, 0x58, 0x25, 0x00, 0x04, 0x04, 0x00, 0x09, 0xd8], // pushfq; pop rax; and eax, AC | DF; or eax, ebx
  [0x48, 0x83, 0xc4, 0x08], // add rsp, 8
  [0x41, 0x5f, 0x41, 0x5e, 0x41, 0x5d, 0x41, 0x5c, 0x5d, 0x5b, 0xc3], // pop r15, r14, r13, r12, rbp, rbx; ret
].flat();

function mapCode(code: readonly number[]): number {
  const address = mmap(0, PAGE_BYTES, 3, LINUX.MAP_PRIVATE | LINUX.MAP_ANONYMOUS, -1, 0);
  new Uint8Array(viewOf(address, PAGE_BYTES)).set(code);
  mprotect(address, PAGE_BYTES, LINUX.PROT_READ | LINUX.PROT_EXEC);
  return address;
}

const standIn = skip === false ? mapCode(STAND_IN) : 0;
const releases: (() => void)[] = [];
after(() => {
  for (const release of releases) release();
});

/** The hardware CPU over the stand-in; each entry does the next step of the script. */
function makeStandIn(script: readonly Step[]): Subject<bigint> {
  const steps = [...script];
  const arrivals: number[][] = [];
  const entry = createEnclaveEntry(standIn);
  const memory = allocate(PAGE_BYTES);
  releases.push(entry.release, memory.release);
  const words = new BigUint64Array(memory.buffer);
  const hardware = new HardwareCpu(entry);
  const cpu = {
    enter(leaf: 2 | 3, call: Entry<bigint>) {
      const step = steps.shift();
      assert.ok(step, "more arrivals than steps");
      words.set(outputs(step));
      const exit = hardware.enter(leaf, call);
      if (leaf === EENTER) arrivals.push([...words.subarray(8, 13)].map(Number));
      assert.equal(Number(words[13]), leaf);
      return exit;
    },
  };
  return { cpu, tcs: BigInt(memory.address), arrivals };
}

function outputs(step: Step): bigint[] {
  if (step.do === "fault") return [ERESUME, step.trapnr, step.errorCode, step.address, 0, 0].map(BigInt);
  if (step.do === "finish") return [EEXIT, 0, 0, 0, step.status, 0].map(BigInt);
  return [EEXIT, ...[0, 1, 2, 3, 4].map((index) => step.values[index] ?? 0)].map(BigInt);
}

if (skip === false) {
  runContractSuite<bigint>({
    name: "native code behind the thunk",
    word: BigInt,
    make: makeStandIn,
    canResume: true,
    canHandleInside: true,
    reportsSignals: false,
    checksEntry: false,
  });
}

describe("the thunk", { skip }, () => {
  const withEntry = (use: (entry: EnclaveEntry, words: BigUint64Array, tcs: bigint) => void) => {
    const entry = createEnclaveEntry(standIn);
    const memory = allocate(PAGE_BYTES);
    new Structure(RUN_LAYOUT, entry.run).set("tcs", memory.address);
    try {
      use(entry, new BigUint64Array(memory.buffer), BigInt(memory.address));
    } finally {
      entry.release();
      memory.release();
    }
  };

  test("carries all 64 bits of the five registers both ways", () => {
    withEntry((entry, words) => {
      const sent = [0xfedc_ba98_7654_3210n, 2n ** 64n - 1n, 0n, 0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn];
      const answer = [...sent].reverse();
      words.set([4n, ...answer]);
      entry.registers.set(sent);
      assert.equal(entry.call(EENTER), 0);
      assert.deepEqual([...words.subarray(8, 13)], sent);
      assert.deepEqual([...entry.registers], answer);
    });
  });

  test("a call through it changes no register that a function must preserve, and no flag", () => {
    const damaged = [...THUNK];
    const popR15 = damaged.length - 11;
    assert.deepEqual(damaged.splice(popR15, 2, 0x41, 0x5b), [0x41, 0x5f], "pop r15 becomes pop r11");
    const checker = createEnclaveEntry(mapCode(CHECKER));
    withEntry((entry, words) => {
      for (const happens of [EEXIT, ERESUME]) {
        words.set([BigInt(happens), 14n, 7n, 0x7000n]);
        new DataView(entry.registers.buffer).setUint32(40, EENTER, true);
        const differences = [THUNK, damaged].map((code) => {
          checker.registers.set([BigInt(addressOf(entry.registers)), BigInt(mapCode(code))]);
          return checker.call(0);
        });
        assert.deepEqual(differences, [0, 0x106], "the thunk, and for comparison one that loses R15");
      }
    });
    checker.release();
  });

  test("floating point rounds as before", () => {
    const sum = (left: number, right: number) => new BigUint64Array(Float64Array.of(left + right).buffer)[0];
    withEntry((entry, words) => {
      for (const happens of [4n, 3n]) {
        words.set([happens, 14n, 7n, 0x7000n]);
        assert.equal(entry.call(EENTER), 0);
        assert.equal(sum(0.1, 0.2), 0x3fd3_3333_3333_3334n);
      }
    });
  });

  test("can be called a hundred thousand times", () => {
    withEntry((entry, words) => {
      words.set([3n, 14n, 7n, 0x7000n]);
      for (let round = 0; round < 100_000; round++) {
        if (entry.call(EENTER) !== 0) assert.fail("the stand-in refused");
      }
    });
  });

  test("passes the contract's refusals on: a bad leaf, a reserved byte", () => {
    withEntry((entry) => {
      assert.equal(entry.call(1), -22);
      assert.equal(entry.call(4), -22);
      assert.equal(entry.call(0xffff_ffff), -22);
      entry.run[255] = 1;
      assert.equal(entry.call(EENTER), -22);
    });
  });

  test("a fault of ENCLU itself leaves r8 and r9 as they were", () => {
    withEntry((entry, words, tcs) => {
      words.set([2n, BigInt(Trap.GP), 0n, 0n]);
      const run = new EnclaveRun<bigint, null>(tcs, 0n, null);
      const registers = createRegisters({ r8: 8n, r9: 9n });
      assert.equal(enterMerged(new HardwareCpu(entry), EENTER, registers, run), 0);
      assert.deepEqual([run.function, run.exceptionVector], [EENTER, Trap.GP]);
      assert.deepEqual([registers.rdi, registers.r8, registers.r9], [13n, 8n, 9n]);
    });
  });

  test("an answer no contract allows is an error, not a result", () => {
    withEntry((entry, words, tcs) => {
      words.set([9n, 0n, 0n, 0n]);
      const run = new EnclaveRun<bigint, null>(tcs, 0n, null);
      assert.throws(() => enterMerged(new HardwareCpu(entry), EENTER, createRegisters(), run), { code: "ESYSTEM" });
    });
  });

  test("calls the vDSO: time and processor, by symbols found in the auxiliary vector's image", (context) => {
    const time = vdsoSymbol("__vdso_time", "LINUX_2.6");
    if (time === null) return context.skip("this kernel's vDSO has no __vdso_time");
    const entry = createEnclaveEntry(time);
    const memory = allocate(PAGE_BYTES);
    entry.registers[0] = BigInt(memory.address);
    const before = Math.floor(Date.now() / 1000);
    const low = entry.call(0);
    const stored = Number(new BigInt64Array(memory.buffer)[0]);
    assert.ok(stored >= before - 2 && stored <= before + 5, `time ${stored}, expected about ${before}`);
    assert.equal(low, stored | 0, "the thunk returns what the function returns");
    entry.release();
    memory.release();
  });

  test("works in a worker, which has its own copy of everything", async () => {
    const worker = new Worker(new URL("./enclave-worker.js", import.meta.url), { workerData: standIn });
    const [answer] = await once(worker, "message");
    assert.equal(answer, -22);
    await worker.terminate();
  });

  test("refuses what is no address, and calls after release", () => {
    for (const target of [0, -1, 100, 1.5, Number.NaN, 2 ** 60]) {
      assert.throws(() => createEnclaveEntry(target), { code: "EINVALIDARGUMENT" });
    }
    const entry = createEnclaveEntry(standIn);
    entry.release();
    entry.release();
    assert.throws(() => entry.call(EENTER), { code: "EINVALIDARGUMENT" });
  });
});

test("without the hardware, the message names what is missing", (context) => {
  if (sgx().present) return context.skip("this machine has SGX");
  assert.throws(openEnclaveEntry, (error: Error & { code: string }) => {
    assert.equal(error.code, "EUNSUPPORTED");
    assert.match(error.message, /cannot enter SGX enclaves: .*(processor flag sgx|x86-64|sgx_enclave)/);
    return true;
  });
});

test("with the hardware, ENCLU on what is no TCS is reported, and nothing crashes", (context) => {
  const capability = sgx();
  if (!capability.present) return context.skip(capability.detail);
  const entry = openEnclaveEntry();
  const run = new EnclaveRun<bigint, null>(0x1000n, 0n, null);
  assert.equal(enterMerged(new HardwareCpu(entry), EENTER, createRegisters(), run), 0);
  assert.equal(run.function, EENTER);
  assert.ok([Trap.GP, Trap.PF].includes(run.exceptionVector));
  entry.release();
});
