import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  Attribute,
  buildEnclave,
  createRegisters,
  EENTER,
  EEXIT,
  EnclaveFault,
  type EnclaveGenerator,
  type EnclaveProgram,
  EnclaveRun,
  type EnclaveThread,
  ERESUME,
  enterMerged,
  exit,
  interrupt,
  type MergedHandler,
  MiscSelect,
  PAGE_BYTES,
  PageFault,
  Permission,
  type Registers,
  type SoftwareCpu,
  SoftwareEnclave,
  Trap,
} from "postern/enter";

const BASE = 0x7f40_0000_0000n;
const RW = Permission.R | Permission.W;

function runOf(tcs: bigint, handler: MergedHandler<bigint, null> | null = null): EnclaveRun<bigint, null> {
  const run = new EnclaveRun<bigint, null>(tcs, 0n, null);
  run.userHandler = handler;
  return run;
}

/** One entry without a handler: [function, vector, error code, address]. */
function once(cpu: SoftwareCpu, tcs: bigint, leaf = EENTER, registers: Registers = createRegisters()) {
  const run = runOf(tcs);
  assert.equal(enterMerged(cpu, leaf, registers, run), 0);
  const { exceptionVector, exceptionErrorCode, exceptionAddress } = run;
  return run.function === EEXIT ? [EEXIT] : [run.function, exceptionVector, exceptionErrorCode, exceptionAddress];
}

const GP = (leaf: number) => [leaf, Trap.GP, 0, 0n];

/** An enclave by hand, so that each rule of EENTER can be broken. */
function custom(options: {
  code?: EnclaveProgram;
  attributes?: bigint;
  xfrm?: bigint;
  miscselect?: number;
  flags?: bigint;
  nssa?: number;
  frames?: number;
  framePermissions?: number;
  ssaFrameSize?: number;
  init?: boolean;
}) {
  const {
    code = () => exit(),
    nssa = 1,
    frames = nssa,
    framePermissions = RW,
    ssaFrameSize = 1,
    init = true,
  } = options;
  const { attributes, xfrm, miscselect, flags } = options;
  const enclave = new SoftwareEnclave({
    base: BASE,
    size: 0x10000n,
    code,
    ssaFrameSize,
    ...(attributes === undefined ? {} : { attributes }),
    ...(xfrm === undefined ? {} : { xfrm }),
    ...(miscselect === undefined ? {} : { miscselect }),
  });
  const tcs = enclave.addThread({ offset: 0, ossa: PAGE_BYTES, nssa, oentry: 0x123, ...(flags ? { flags } : {}) });
  for (let page = 0; page < frames * ssaFrameSize; page++) enclave.addPage((page + 1) * PAGE_BYTES, framePermissions);
  if (init) enclave.initialise();
  return { enclave, tcs, thread: enclave.thread(tcs)!, cpu: enclave.cpu() };
}

describe("EENTER refuses", () => {
  test("a TCS address that is not page aligned, before anything else", () => {
    const { cpu, tcs } = custom({ init: false });
    assert.deepEqual(once(cpu, tcs + 8n), GP(EENTER));
  });

  test("what is no TCS: a page of another kind, no page, another place, with #PF at it", () => {
    const { cpu } = custom({ init: false });
    for (const address of [BASE + 0x1000n, BASE + 0xf000n, BASE - 0x1000n, 0n]) {
      assert.deepEqual(once(cpu, address), [EENTER, Trap.PF, 0x8005, address]);
    }
  });

  const refusals: Readonly<Record<string, Parameters<typeof custom>[0]>> = {
    "an enclave that is not initialised": { init: false },
    "an enclave of another mode": { attributes: 0n },
    "extended state the processor lacks": { xfrm: 0x83n },
    "a TCS with a reserved flag": { flags: 2n },
    "a TCS without a frame": { nssa: 0, frames: 1 },
  };
  for (const [name, options] of Object.entries(refusals)) {
    test(`${name}, with #GP`, () => {
      const { cpu, tcs, thread } = custom(options);
      assert.deepEqual(once(cpu, tcs), GP(EENTER));
      assert.equal(thread.busy, false);
    });
  }

  test("frames that are missing or not writable, with #PF at the page", () => {
    const missing = custom({ nssa: 1, frames: 0 });
    const error = PageFault.SGX | PageFault.P | PageFault.W | PageFault.U;
    assert.deepEqual(once(missing.cpu, missing.tcs), [EENTER, Trap.PF, error, BASE + 0x1000n]);
    const readOnly = custom({ framePermissions: Permission.R });
    assert.deepEqual(once(readOnly.cpu, readOnly.tcs), [EENTER, Trap.PF, error, BASE + 0x1000n]);
  });

  test("a TCS that is in use by another processor, and any entry from inside", () => {
    const seen: unknown[] = [];
    const { enclave, cpu, tcs, thread } = custom({
      nssa: 2,
      code: () => {
        seen.push(once(enclave.cpu(), tcs), once(cpu, tcs));
        return exit({ rdi: 5n });
      },
    });
    const registers = createRegisters();
    assert.deepEqual(once(cpu, tcs, EENTER, registers), [EEXIT]);
    assert.deepEqual(seen, [GP(EENTER), GP(EENTER)]);
    assert.equal(registers.rdi, 5n);
    assert.equal(thread.busy, false);
  });
});

describe("EENTER and EEXIT", () => {
  test("inside: rax is the depth, rbx the TCS, rcx the address after ENCLU, rip the entry point", () => {
    const seen: bigint[] = [];
    const { enclave, tcs, thread } = custom({
      code: ({ registers: { rax, rbx, rcx, rip, rsp, r12 } }) => {
        seen.push(rax, rbx, rcx, rip, rsp, r12);
        return exit();
      },
    });
    const cpu = enclave.cpu({ aep: 0x5000n });
    cpu.state.r12 = 12n;
    once(cpu, tcs, EENTER, createRegisters({ rsp: 0x8000n }));
    assert.deepEqual(seen, [0n, tcs, 0x5003n, BASE + 0x123n, 0x8000n, 12n]);
    assert.equal(thread.tcs.get("aep"), 0x5000n);
    assert.deepEqual([cpu.state.rip, cpu.state.rcx], [0x5003n, 0x5000n]);
  });

  test("FS and GS are the enclave's inside and the host's outside, after both kinds of exit", () => {
    const events = [exit(), new EnclaveFault(Trap.UD)];
    const seen: bigint[] = [];
    const enclave = new SoftwareEnclave({
      base: BASE,
      size: 0x4000n,
      code: ({ registers }) => {
        seen.push(registers.fsbase, registers.gsbase);
        return events.shift()!;
      },
    });
    const tcs = enclave.addThread({ offset: 0, ossa: 0x1000, nssa: 1, ofsbase: 0x2000, ogsbase: 0x3000 });
    enclave.addPage(0x1000, RW);
    const cpu = enclave.initialise().cpu();
    Object.assign(cpu.state, { fsbase: 1n, gsbase: 2n });
    for (let entry = 0; entry < 2; entry++) {
      once(cpu, tcs);
      assert.deepEqual([cpu.state.fsbase, cpu.state.gsbase], [1n, 2n]);
    }
    assert.deepEqual(seen, [BASE + 0x2000n, BASE + 0x3000n, BASE + 0x2000n, BASE + 0x3000n]);
    assert.equal(enclave.thread(tcs)!.frame(0).gpr.get("fsbase"), BASE + 0x2000n);
  });

  test("an exit to another address than the one given ends the call with an error, and the TCS is idle", () => {
    const { cpu, tcs, thread } = custom({ code: () => exit({}, 0x41414141n) });
    assert.throws(() => once(cpu, tcs), { code: "EBADPROGRAM" });
    assert.equal(thread.busy, false);
  });
});

describe("an asynchronous exit", () => {
  const filled = (thread: EnclaveThread) => {
    const names = ["rbp", "r10", "r11", "r12", "r13", "r14", "r15", "rdi", "rsi", "rdx", "r8", "r9"] as const;
    names.forEach((name, index) => {
      thread.registers[name] = BigInt(index + 1);
    });
    thread.registers.rflags = 0x1_0ed7n;
  };

  test("saves everything to frame CSSA, counts it, and leaves the synthetic state", () => {
    const { enclave, tcs, thread } = custom({
      nssa: 2,
      code: (inside) => {
        filled(inside);
        inside.registers.rsp = 0xdead_0000n;
        return new EnclaveFault(Trap.DE);
      },
    });
    const cpu = enclave.cpu({ aep: 0x5000n });
    cpu.state.rbp = 0xb0n;
    const registers = createRegisters({ rsp: 0x8000n });
    assert.deepEqual(once(cpu, tcs, EENTER, registers), [ERESUME, Trap.DE, 0, 0n]);
    const { state } = cpu;
    assert.deepEqual([thread.cssa, thread.busy], [1, false]);
    assert.deepEqual([state.rax, state.rbx, state.rcx, state.rip], [3n, tcs, 0x5000n, 0x5000n]);
    assert.deepEqual([state.rsp, state.rbp, registers.rsp], [0x8000n, 0xb0n, 0x8000n]);
    assert.deepEqual([state.r10, state.r11, state.r12, state.r13, state.r14, state.r15], [0n, 0n, 0n, 0n, 0n, 0n]);
    assert.equal(state.rflags, 0x0602n, "CF PF AF ZF SF OF RF are cleared, the others kept");
    const { gpr } = thread.frame(0);
    assert.deepEqual(
      [gpr.get("rsp"), gpr.get("ursp"), gpr.get("urbp"), gpr.get("rbp"), gpr.get("r15"), gpr.get("rflags")],
      [0xdead_0000n, 0x8000n, 0xb0n, 1n, 7n, 0x1_0ed7n],
    );
  });

  const reported: readonly [vector: number, miscselect: number, exitinfo: bigint][] = [
    [Trap.DE, 0, 0x8000_0300n],
    [Trap.BP, 0, 0x8000_0603n],
    [Trap.UD, 0, 0x8000_0306n],
    [Trap.XM, 0, 0x8000_0313n],
    [Trap.GP, 0, 0n],
    [Trap.PF, 0, 0n],
    [Trap.GP, MiscSelect.EXINFO, 0x8000_030dn],
    [Trap.PF, MiscSelect.EXINFO, 0x8000_030en],
    [Trap.CP, MiscSelect.EXINFO, 0n],
    [Trap.CP, MiscSelect.CPINFO, 0x8000_0315n],
    [8, 3, 0n],
    [12, 3, 0n],
  ];
  for (const [vector, miscselect, exitinfo] of reported) {
    test(`vector ${vector} with MISCSELECT ${miscselect}: EXITINFO 0x${exitinfo.toString(16)}`, () => {
      const { cpu, tcs, thread } = custom({ miscselect, code: () => new EnclaveFault(vector, 5, BASE + 0x2345n) });
      const onSignal = () => {
        throw "signal";
      };
      try {
        enterMerged(cpu, EENTER, createRegisters(), runOf(tcs), { onSignal });
      } catch (error) {
        assert.equal(error, "signal");
      }
      const { gpr, exinfo } = thread.frame(0);
      assert.equal(gpr.get("exitinfo"), exitinfo);
      const detailed = exitinfo !== 0n && miscselect === MiscSelect.EXINFO;
      const address = vector === Trap.PF ? BASE + 0x2345n : 0n;
      assert.deepEqual([exinfo.get("maddr"), exinfo.get("errcd")], detailed ? [address, 5n] : [0n, 0n]);
    });
  }

  test("the caller hears the page of a page fault only, and no address of other faults", () => {
    const pf = custom({ code: () => new EnclaveFault(Trap.PF, 6, BASE + 0x2345n) });
    assert.deepEqual(once(pf.cpu, pf.tcs), [ERESUME, Trap.PF, 6, BASE + 0x2000n]);
    const ac = custom({ code: () => new EnclaveFault(Trap.AC, 0, BASE + 0x2345n) });
    assert.deepEqual(once(ac.cpu, ac.tcs), [ERESUME, Trap.AC, 0, 0n]);
  });

  test("a frame of several pages is filled from its end", () => {
    const { cpu, tcs, enclave } = custom({
      ssaFrameSize: 2,
      attributes: Attribute.MODE64BIT | Attribute.DEBUG,
      code: ({ registers }) => {
        registers.rax = 0x11n;
        registers.rcx = 0x22n;
        registers.rdx = 0x33n;
        registers.rbx = 0x44n;
        return new EnclaveFault(Trap.UD);
      },
    });
    once(cpu, tcs);
    const frame = enclave.debugRead(BASE + 0x1000n, 2 * PAGE_BYTES);
    const gprsgx = new BigUint64Array(frame.slice(frame.length - 184).buffer);
    assert.deepEqual([...gprsgx.subarray(0, 4)], [0x11n, 0x22n, 0x33n, 0x44n]);
    assert.ok(frame.subarray(0, frame.length - 200).every((byte) => byte === 0));
  });

  test("interrupts leave no trace but a frame used for a moment", () => {
    let left = 3;
    const { cpu, tcs, thread } = custom({ code: () => (left-- > 0 ? interrupt : exit({ rdi: 9n })) });
    const registers = createRegisters();
    assert.deepEqual(once(cpu, tcs, EENTER, registers), [EEXIT]);
    assert.deepEqual([registers.rdi, thread.cssa, thread.frame(0).gpr.get("exitinfo")], [9n, 0, 0n]);
  });
});

test("interrupts without end are given up, and the thread can be resumed later", () => {
  let quiet = false;
  const { enclave, tcs, thread } = custom({ code: { arrive: () => (quiet ? exit({ rdi: 3n }) : interrupt) } });
  const cpu = enclave.cpu({ interruptsMax: 10 });
  assert.throws(() => once(cpu, tcs), { code: "ERESOURCE" });
  assert.deepEqual([thread.busy, thread.cssa], [false, 1]);
  quiet = true;
  const registers = createRegisters();
  assert.deepEqual(once(cpu, tcs, ERESUME, registers), [EEXIT]);
  assert.equal(registers.rdi, 3n);
});

describe("ERESUME", () => {
  test("restores the frame, whatever the caller passes and the handler inside changed", () => {
    const seen: bigint[] = [];
    const program = function* (thread: EnclaveThread): EnclaveGenerator {
      if (thread.cssa === 1) {
        const { gpr } = thread.frame(0);
        gpr.set("rdi", 77n);
        gpr.set("rip", gpr.get("rip") + 2n);
        yield exit();
        return;
      }
      const { rip } = thread.registers;
      yield new EnclaveFault(Trap.UD);
      seen.push(thread.registers.rdi, thread.registers.rip - rip, thread.registers.r9);
    };
    const { cpu, tcs, thread } = custom({ nssa: 2, code: program });
    const registers = createRegisters({ r9: 9n });
    assert.deepEqual(once(cpu, tcs, EENTER, registers), [ERESUME, Trap.UD, 0, 0n]);
    assert.deepEqual(once(cpu, tcs, EENTER, registers), [EEXIT]);
    assert.equal(thread.cssa, 1);
    Object.assign(registers, { rdi: 1n, r9: 1n });
    assert.deepEqual(once(cpu, tcs, ERESUME, registers), [EEXIT]);
    assert.deepEqual([seen, thread.cssa], [[77n, 2n, 9n], 0]);
  });

  test("needs a frame that can go on: one whose code is gone is dead, and stays", () => {
    const { cpu, tcs, thread } = custom({
      nssa: 2,
      code: function* (inside): EnclaveGenerator {
        inside.read(0n, 1); // throws: nothing is mapped there
        yield exit();
      },
    });
    assert.deepEqual(once(cpu, tcs), [ERESUME, Trap.PF, PageFault.U, 0n]);
    assert.deepEqual(once(cpu, tcs, ERESUME), GP(ERESUME));
    assert.equal(thread.cssa, 1);
  });

  test("nothing saved: #GP", () => {
    const { cpu, tcs } = custom({});
    assert.deepEqual(once(cpu, tcs, ERESUME), GP(ERESUME));
  });
});

describe("a program as a generator", () => {
  test("goes on at the next EENTER after its exit, and starts anew after its end", () => {
    let started = 0;
    const { cpu, tcs } = custom({
      code: function* (thread): EnclaveGenerator {
        started++;
        yield exit({ rdi: 1n });
        return thread.registers.rdi + 1n;
      },
    });
    const registers = createRegisters();
    once(cpu, tcs, EENTER, registers);
    registers.rdi = 41n;
    once(cpu, tcs, EENTER, registers);
    assert.deepEqual([registers.rdi, registers.r8], [0n, 42n]);
    once(cpu, tcs, EENTER, registers);
    assert.deepEqual([registers.rdi, started], [1n, 2]);
  });

  test("each thread runs its own", () => {
    const { enclave, threads } = buildEnclave({
      threads: 2,
      code: function* (): EnclaveGenerator {
        for (let count = 1n; ; count++) yield exit({ rdi: count });
      },
    });
    const counts = [0, 1, 0, 0, 1].map((index) => {
      const registers = createRegisters();
      once(enclave.cpu(), threads[index]!, EENTER, registers);
      return registers.rdi;
    });
    assert.deepEqual(counts, [1n, 1n, 2n, 3n, 2n]);
  });

  const broken: Readonly<Record<string, unknown>> = {
    "no event": { kind: "other" },
    nothing: undefined,
    "a register that is no BigInt": { kind: "exit", registers: { rdi: 1 } },
    "a vector of nine bits": { kind: "fault", vector: 256, errorCode: 0, address: 0n },
    "an error code that is no integer": { kind: "fault", vector: 6, errorCode: 0.5, address: 0n },
    "an address that is no BigInt": { kind: "fault", vector: 14, errorCode: 0, address: 4096 },
  };
  for (const [name, event] of Object.entries(broken)) {
    test(`gives ${name}: a typed error, and the TCS is idle`, () => {
      const { cpu, tcs, thread } = custom({ code: { arrive: () => event as ReturnType<typeof exit> } });
      assert.throws(() => once(cpu, tcs), { code: "EBADPROGRAM" });
      assert.equal(thread.busy, false);
    });
  }

  test("throws a fault with an impossible vector: a typed error, and the TCS is idle", () => {
    const { cpu, tcs, thread } = custom({
      code: () => {
        throw new EnclaveFault(300);
      },
    });
    assert.throws(() => once(cpu, tcs), { code: "EBADPROGRAM" });
    assert.equal(thread.busy, false);
  });

  test("throws an error of its own: it reaches the caller, and the TCS is idle", () => {
    const error = new Error("bug");
    const { cpu, tcs, thread } = custom({
      code: () => {
        throw error;
      },
    });
    assert.throws(
      () => once(cpu, tcs),
      (caught) => caught === error,
    );
    assert.equal(thread.busy, false);
  });
});

describe("memory", () => {
  const read: EnclaveProgram = function* (thread): EnclaveGenerator {
    const bytes = yield* thread.attempt(() => thread.read(thread.registers.rdi, 4));
    return bytes === undefined ? 999 : bytes[0]!;
  };
  const build = (code: EnclaveProgram, permissions: number) =>
    buildEnclave({ code, data: [{ permissions, bytes: Uint8Array.of(7, 8, 9) }] });

  test("what the enclave's own rights refuse is a page fault with the SGX bit", () => {
    const { enclave, threads, data } = build(read, Permission.X);
    const registers = createRegisters({ rdi: data[0]! });
    const expected = PageFault.SGX | PageFault.P | PageFault.U;
    assert.deepEqual(once(enclave.cpu(), threads[0]!, EENTER, registers), [ERESUME, Trap.PF, expected, data[0]]);
  });

  test("a TCS cannot be read from inside", () => {
    const { enclave, threads } = build(read, RW);
    const registers = createRegisters({ rdi: threads[0]! });
    assert.equal(once(enclave.cpu(), threads[0]!, EENTER, registers)[1], Trap.PF);
  });

  test("what the host's page table refuses has no SGX bit; repaired outside and resumed, the access is tried again", () => {
    const { enclave, threads, data } = build(read, Permission.R);
    const cpu = enclave.cpu();
    const registers = createRegisters({ rdi: data[0]! });
    enclave.protect(data[0]!, 1, 0);
    assert.deepEqual(once(cpu, threads[0]!, EENTER, registers), [ERESUME, Trap.PF, PageFault.U, data[0]]);
    assert.deepEqual(once(cpu, threads[0]!, ERESUME), [ERESUME, Trap.PF, PageFault.U, data[0]], "not repaired yet");
    enclave.protect(data[0]!, 1, Permission.R);
    const crossing = createRegisters();
    assert.deepEqual(once(cpu, threads[0]!, ERESUME, crossing), [EEXIT]);
    assert.equal(crossing.r8, 7n);
  });

  test("a write that ends on a page that refuses writes nothing", () => {
    const { enclave, data } = buildEnclave({
      code: () => exit(),
      debug: true,
      data: [
        { permissions: RW, bytes: new Uint8Array(PAGE_BYTES) },
        { permissions: Permission.R, bytes: new Uint8Array(PAGE_BYTES) },
      ],
    });
    assert.throws(() => enclave.memory.write(data[1]! - 2n, Uint8Array.of(1, 2, 3)), EnclaveFault);
    assert.deepEqual([...enclave.debugRead(data[1]! - 2n, 2)], [0, 0]);
  });

  test("the host sees inside only with DEBUG", () => {
    const closed = build(read, RW).enclave;
    assert.throws(() => closed.debugRead(closed.base, 1), { code: "EUNSUPPORTED", errno: 1 });
    assert.throws(() => closed.debugWrite(closed.base, new Uint8Array(1)), { code: "EUNSUPPORTED", errno: 1 });
    const { enclave, data } = buildEnclave({
      code: read,
      debug: true,
      data: [{ permissions: 0, bytes: Uint8Array.of(7) }],
    });
    enclave.debugWrite(data[0]! + 1n, Uint8Array.of(5));
    assert.deepEqual([...enclave.debugRead(data[0]!, 3)], [7, 5, 0]);
    assert.throws(() => enclave.debugRead(0n, 1), { code: "EINVALIDARGUMENT" });
  });
});

describe("building an enclave refuses", () => {
  const code = () => exit();
  const fresh = () => new SoftwareEnclave({ base: BASE, size: 0x10000n, code });
  const refusals: Readonly<Record<string, () => unknown>> = {
    "a size that is no power of two": () => new SoftwareEnclave({ base: 0n, size: 0x3000n, code }),
    "a size below a page": () => new SoftwareEnclave({ base: 0n, size: 0x800n, code }),
    "a base that is no multiple of the size": () => new SoftwareEnclave({ base: 0x1000n, size: 0x10000n, code }),
    "an end beyond the address space": () => new SoftwareEnclave({ base: 2n ** 64n, size: 2n ** 64n, code }),
    "frames without pages": () => new SoftwareEnclave({ base: BASE, size: 0x1000n, ssaFrameSize: 0, code }),
    "XFRM without SSE": () => new SoftwareEnclave({ base: BASE, size: 0x1000n, xfrm: 1n, code }),
    "INIT from the start": () => new SoftwareEnclave({ base: BASE, size: 0x1000n, attributes: 5n, code }),
    "a page that is not aligned": () => fresh().addPage(8, RW),
    "a page outside": () => fresh().addPage(0x10000, RW),
    "a negative offset": () => fresh().addPage(-PAGE_BYTES, RW),
    "a page that is writable but not readable": () => fresh().addPage(0, Permission.W),
    "unknown permissions": () => fresh().addPage(0, 8),
    "more data than a page": () => fresh().addPage(0, RW, new Uint8Array(PAGE_BYTES + 1)),
    "a page twice": () => {
      const enclave = fresh();
      enclave.addPage(0, RW);
      enclave.addPage(0, RW);
    },
    "a page after initialisation": () => fresh().initialise().addPage(0, RW),
    "initialisation twice": () => fresh().initialise().initialise(),
    "no thread": () => buildEnclave({ code, threads: 0 }),
    "too many pages": () => buildEnclave({ code, nssa: 2 ** 30 }),
    "half a frame": () => fresh().addThread({ offset: 0, ossa: 0, nssa: 0.5 }),
  };
  for (const [name, action] of Object.entries(refusals)) {
    test(name, () => {
      assert.throws(action, { code: "EINVALIDARGUMENT" });
    });
  }

  test("registers and TCS addresses that are no BigInts", () => {
    const { cpu, tcs } = custom({});
    const registers = { ...createRegisters(), rsi: 5 as unknown as bigint };
    assert.throws(() => once(cpu, tcs, EENTER, registers), { code: "EINVALIDARGUMENT" });
    assert.throws(() => once(cpu, 4096 as unknown as bigint), { code: "EINVALIDARGUMENT" });
  });
});

test("the SECS has its fields where the manual has them", () => {
  const { enclave } = custom({});
  const secs = new DataView(enclave.encodeSecs().buffer);
  assert.deepEqual(
    [secs.getBigUint64(0, true), secs.getBigUint64(8, true), secs.getUint32(16, true), secs.getUint32(20, true)],
    [0x10000n, BASE, 1, MiscSelect.EXINFO],
  );
  assert.deepEqual([secs.getBigUint64(48, true), secs.getBigUint64(56, true)], [5n, 3n]);
});
