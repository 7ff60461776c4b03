import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { inspectShim, NOTE_NAME, NoteType, Pf, Pt, type ShimReport } from "postern/sallyport";
import { PosternError } from "#src/errors.js";
import { buildElf, concat, type ElfInput, little, type NoteInput, noteBytes, programHeader } from "./elf-builder.js";

const EXEC = { type: Pt.EXEC, flags: Pf.R | Pf.W | Pf.X, address: 0x20_0000n, size: 0x10_0000n };
const BLOCKS = { type: Pt.LOAD, flags: Pf.R | Pf.W | Pf.KVM_SALLYPORT, address: 0x10_0000n, size: 2n * 69632n };
const REQUIRES: NoteInput = { type: NoteType.REQUIRES, data: "^0.7.1" };
const BLOCK_SIZE: NoteInput = { type: NoteType.BLOCK_SIZE, data: little(8, 69632) };
const NUM_BLOCKS: NoteInput = { type: NoteType.NUM_BLOCKS, data: little(8, 2) };
const KVM: ElfInput = { notes: [REQUIRES, BLOCK_SIZE, NUM_BLOCKS], segments: [EXEC, BLOCKS] };

function codes(report: ShimReport): string[] {
  return report.problems.map(({ code }) => code);
}

function inspect(input: ElfInput, version?: string): ShimReport {
  return inspectShim(buildElf(input), version);
}

function malformed(error: unknown): boolean {
  return error instanceof PosternError && error.code === "EMALFORMED" && Number.isInteger(error.offset);
}

test("the constants are those of the specification", () => {
  assert.equal(NOTE_NAME, "sallyport");
  assert.deepEqual(Object.values(Pt), [1, 0x6340_0000, 0x634a_0001, 0x634a_0002, 0x634a_0003]);
  assert.deepEqual(Object.values(Pf), [1, 2, 4, 2 ** 20, 2 ** 21, 2 ** 22, 2 ** 23, 2 ** 24]);
  assert.deepEqual(
    Object.values(NoteType).map((type) => (type === 0 ? 0 : type - 0x7367_7800)),
    [0, 0, 1, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25],
  );
});

test("a KVM shim of this generation can run, with its blocks and segments", () => {
  assert.deepEqual(inspect(KVM), {
    requires: ["^0.7.1"],
    compatible: true,
    generation: "current",
    blockSize: 69632,
    numBlocks: 2,
    sgx: null,
    snp: null,
    segments: [
      { type: "EXEC", flags: 7, names: ["X", "W", "R"], address: 0x20_0000n, size: 0x10_0000n },
      { type: "LOAD", flags: 0x40_0006, names: ["W", "R", "KVM_SALLYPORT"], address: 0x10_0000n, size: 139_264n },
    ],
    problems: [],
  });
});

test("the parameters of an SGX shim are read with their sizes", () => {
  const notes = [
    REQUIRES,
    BLOCK_SIZE,
    { type: NoteType.SGX_BITS, data: Uint8Array.of(30) },
    { type: NoteType.SGX_SSAP, data: Uint8Array.of(1) },
    { type: NoteType.SGX_PID, data: little(2, 0xabcd) },
    { type: NoteType.SGX_SVN, data: little(2, 3) },
    { type: NoteType.SGX_MISC, data: little(4, 0xffff_fffe) },
    { type: NoteType.SGX_MISCMASK, data: little(4, 1) },
    { type: NoteType.SGX_ATTR, data: little(16, (7n << 64n) | 5n) },
  ];
  const tcs = { type: Pt.LOAD, flags: Pf.R | Pf.SGX_TCS | Pf.SGX_UNMEASURED, size: 4096n };
  const report = inspect({ notes, segments: [EXEC, tcs] });
  assert.deepEqual(report.sgx, {
    bits: 30,
    ssap: 1,
    pid: 0xabcd,
    svn: 3,
    misc: 0xffff_fffe,
    miscmask: 1,
    attr: (7n << 64n) | 5n,
    attrmask: null,
  });
  assert.deepEqual(report.segments[1]?.names, ["R", "SGX_TCS", "SGX_UNMEASURED"]);
  assert.deepEqual([report.numBlocks, report.problems], [null, []]);
});

test("the parameters of a SEV-SNP shim are read with their sizes", () => {
  const id = Uint8Array.from({ length: 16 }, (_, index) => index);
  const notes = [
    ...KVM.notes!,
    { type: NoteType.SNP_POLICY, data: little(8, 2n ** 63n) },
    { type: NoteType.SNP_FAMILY_ID, data: id },
    { type: NoteType.SNP_SVN, data: little(4, 9) },
  ];
  assert.deepEqual(inspect({ ...KVM, notes }).snp, {
    policy: 2n ** 63n,
    familyId: "000102030405060708090a0b0c0d0e0f",
    imageId: null,
    svn: 9,
  });
});

test("notes are found in sections where no segment has them, and once where both have them", () => {
  const report = inspect(KVM);
  for (const place of ["section", "both"] as const) assert.deepEqual(inspect({ ...KVM, place }), report);
});

test("the name may lack its zero byte, and a note of another name is not ours", () => {
  const notes = [
    { ...REQUIRES, name: NOTE_NAME },
    BLOCK_SIZE,
    { ...NUM_BLOCKS, name: "sallyport\0\0" },
    { ...NUM_BLOCKS, name: "GNU\0" },
  ];
  const report = inspect({ ...KVM, notes });
  assert.deepEqual([report.compatible, report.blockSize, report.numBlocks], [true, 69632, null]);
});

test("notes with an alignment of 8 are read too", () => {
  const notes = [{ type: NoteType.SGX_BITS, data: Uint8Array.of(31) }, ...KVM.notes!];
  const report = inspect({ ...KVM, notes, align: 8 });
  assert.deepEqual([report.sgx?.bits, report.blockSize, report.numBlocks], [31, 69632, 2]);
});

test("one requirement that is satisfied is enough", () => {
  const notes = [{ ...REQUIRES, data: "^0.6.0" }, { ...REQUIRES, data: "^0.7.0\0" }, BLOCK_SIZE, NUM_BLOCKS];
  const report = inspect({ ...KVM, notes });
  assert.deepEqual([report.requires, report.compatible, codes(report)], [["^0.6.0", "^0.7.0"], true, []]);
  const older = inspect({ ...KVM, notes }, "0.8.0");
  assert.deepEqual([older.compatible, codes(older)], [false, ["version"]]);
});

test("a shim of the older generation is told apart, and a host of that generation can run it", () => {
  const input = {
    notes: [{ ...REQUIRES, data: "^0.2.0" }],
    segments: [EXEC, { ...BLOCKS, type: Pt.KVM_SALLYPORT, flags: 6 }],
  };
  const report = inspect(input);
  assert.deepEqual([report.generation, report.compatible, codes(report)], ["older", false, ["version"]]);
  assert.equal(report.segments[1]?.type, "KVM_SALLYPORT");
  assert.deepEqual(codes(inspect(input, "0.2.0")), []);
});

/** What is wrong, and the input: each gives exactly this one problem. */
const PROBLEMS: [string, ElfInput][] = [
  ["machine", { ...KVM, machine: 183 }],
  ["no-requirement", { ...KVM, notes: [BLOCK_SIZE, NUM_BLOCKS] }],
  ["bad-requirement", { ...KVM, notes: [...KVM.notes!, { ...REQUIRES, data: "soon" }] }],
  ["version", { ...KVM, notes: [{ ...REQUIRES, data: "^1.0.0" }, BLOCK_SIZE, NUM_BLOCKS] }],
  ["note-size", { ...KVM, notes: [...KVM.notes!, { type: NoteType.SGX_BITS, data: little(4, 30) }] }],
  ["note-conflict", { ...KVM, notes: [...KVM.notes!, { ...NUM_BLOCKS, data: little(8, 1) }] }],
  ["no-block-size", { ...KVM, notes: [REQUIRES, NUM_BLOCKS] }],
  ["no-block-count", { ...KVM, notes: [REQUIRES, BLOCK_SIZE] }],
  ["block-size", { ...KVM, notes: [REQUIRES, NUM_BLOCKS, { ...BLOCK_SIZE, data: little(8, 100) }] }],
  ["block-count", { ...KVM, notes: [REQUIRES, BLOCK_SIZE, { ...NUM_BLOCKS, data: little(8, 0) }] }],
  ["block-room", { ...KVM, notes: [REQUIRES, BLOCK_SIZE, { ...NUM_BLOCKS, data: little(8, 3) }] }],
  ["exec-segment", { ...KVM, segments: [BLOCKS] }],
  ["exec-segment", { ...KVM, segments: [BLOCKS, EXEC, EXEC] }],
];

for (const [code, input] of PROBLEMS) {
  test(`a shim with this and nothing else wrong says so: ${code}`, () => {
    const report = inspect(input);
    assert.deepEqual(codes(report), [code]);
    assert.match(report.problems[0]!.message, /^[A-Z0-9].*\.$/);
  });
}

test("a note that is there twice with the same value is no problem", () => {
  assert.deepEqual(codes(inspect({ ...KVM, notes: [...KVM.notes!, BLOCK_SIZE] })), []);
});

test("a file cut anywhere is malformed, with an offset", () => {
  const segments = [EXEC, BLOCKS, { type: Pt.LOAD, bytes: Uint8Array.of(1, 2, 3, 4, 5) }];
  for (const place of ["segment", "both"] as const) {
    const bytes = buildElf({ ...KVM, segments, place });
    assert.doesNotThrow(() => inspectShim(bytes));
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => inspectShim(bytes.subarray(0, length)), malformed, `length ${length}`);
    }
  }
});

/** Byte offset in the ELF header or first program header, bytes to put there, and what the error points at. */
const BROKEN: [string, number, Uint8Array, number][] = [
  ["other magic", 0, Uint8Array.of(0), 0],
  ["32-bit", 4, Uint8Array.of(1), 4],
  ["big endian", 5, Uint8Array.of(2), 5],
  ["program headers outside", 32, little(8, 2n ** 64n - 1n), 32],
  ["program headers in the header", 32, little(8, 8), 32],
  ["too many program headers", 56, little(2, 0xfffe), 32],
  ["other size of a program header", 54, little(2, 32), 54],
  ["section headers outside", 40, little(8, 2n ** 63n), 40],
  ["other size of a section header", 58, little(2, 0), 58],
  ["segment outside", 72, little(8, 2n ** 64n - 1n), 72],
  ["segment longer than the file", 96, little(8, 2n ** 64n - 4n), 72],
  ["segment around the address space", 80, little(8, 2n ** 64n - 1n), 80],
];

for (const [what, at, value, offset] of BROKEN) {
  test(`malformed: ${what}`, () => {
    const bytes = buildElf({ ...KVM, place: "both" });
    bytes.set(value, at);
    assert.throws(
      () => inspectShim(bytes),
      (error) => malformed(error) && (error as PosternError).offset === offset,
    );
  });
}

test("malformed: a loaded segment with more bytes in the file than in memory", () => {
  const segments = [EXEC, { type: Pt.LOAD, bytes: new Uint8Array(8), size: 7n }];
  assert.throws(() => inspect({ ...KVM, segments }), malformed);
});

test("malformed: notes whose sizes lead outside of their segment", () => {
  const start = 64 + 3 * 56;
  for (const [at, value] of [
    [0, 0xffff_ffff],
    [0, 200],
    [4, 0xffff_ffff],
    [4, 100],
    [4, 0],
  ] as const) {
    const bytes = buildElf({ ...KVM, notes: [REQUIRES] });
    bytes.set(little(4, value), start + at);
    assert.throws(
      () => inspectShim(bytes),
      (error) => malformed(error) && (error as PosternError).offset! >= start,
      `${at} ${value}`,
    );
  }
});

test("zeros behind the last note are padding, other bytes are not", () => {
  const notes = noteBytes(KVM.notes!);
  const withTail = (tail: Uint8Array) =>
    buildElf({ place: "section", segments: [EXEC, BLOCKS, { type: 4, bytes: concat(notes, tail) }] });
  assert.deepEqual(codes(inspectShim(withTail(new Uint8Array(8)))), []);
  assert.throws(() => inspectShim(withTail(Uint8Array.of(0, 0, 0, 1))), malformed);
});

test("many overlapping note segments cost no more than a few", () => {
  const content = noteBytes(Array.from({ length: 4000 }, () => REQUIRES));
  const count = 20_000;
  const header = buildElf({ place: "section" }).slice(0, 64);
  header.set(little(2, count), 56);
  header.set(little(8, 64), 32);
  header.set(little(8, 0), 40);
  const at = 64 + 56 * count;
  const entry = programHeader(4, 4, at, 0n, content.length, BigInt(content.length));
  const bytes = new Uint8Array(at + content.length);
  bytes.set(header);
  for (let index = 0; index < count; index++) bytes.set(entry, 64 + 56 * index);
  bytes.set(content, at);
  const started = performance.now();
  assert.throws(() => inspectShim(bytes), malformed);
  assert.ok(performance.now() - started < 5000);
});

test("any change of any bytes gives a report or EMALFORMED", () => {
  const original = buildElf({ ...KVM, place: "both" });
  const change = fc.tuple(
    fc.nat(original.length - 1),
    fc.oneof(fc.constantFrom(0, 1, 4, 7, 0x7f, 0x80, 0xff), fc.nat(255)),
  );
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 12 }), (changes) => {
      const bytes = original.slice();
      for (const [at, value] of changes) bytes[at] = value;
      try {
        assert.ok(Array.isArray(inspectShim(bytes).problems));
      } catch (error) {
        assert.ok(malformed(error), String(error));
      }
    }),
    { numRuns: 2000, verbose: 1 },
  );
});

test("any bytes behind a good start give a report or EMALFORMED", () => {
  const start = buildElf({}).slice(0, 16);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (noise) => {
      try {
        inspectShim(concat(start, noise));
      } catch (error) {
        assert.ok(malformed(error), String(error));
      }
    }),
    { numRuns: 1000, verbose: 1 },
  );
});

const ASSEMBLY = `
  .macro shim_note type
  .balign 4
  .long 2f - 1f, 4f - 3f, \\type
1: .asciz "sallyport"
2: .balign 4
3:
  .endm
  .section .note.sallyport, "FLAGS", @note
  shim_note ${NoteType.REQUIRES}
  .ascii "^0.7.1"
4:
  shim_note ${NoteType.BLOCK_SIZE}
  .quad 69632
4:
  .text
  .globl _start
_start: hlt
  .section .note.GNU-stack, "", @progbits
`;

const gcc = spawnSync("gcc", ["-dumpmachine"], { encoding: "utf8" });
const skip = gcc.error !== undefined || gcc.status !== 0 ? "gcc is not installed" : false;

for (const [what, flags] of [
  ["a loaded note section, so in a segment", "a"],
  ["a section of notes that is not loaded", ""],
] as const) {
  test(`a file of the system's assembler and linker is read: ${what}`, { skip }, () => {
    const directory = mkdtempSync(join(tmpdir(), "postern-elf-"));
    try {
      const [source, output] = [join(directory, "shim.s"), join(directory, "shim")];
      writeFileSync(source, ASSEMBLY.replace("FLAGS", flags));
      const built = spawnSync("gcc", ["-nostdlib", "-static-pie", "-Wl,--build-id", "-o", output, source], {
        encoding: "utf8",
      });
      assert.equal(built.status, 0, built.stderr);
      const report = inspectShim(readFileSync(output));
      assert.deepEqual([report.requires, report.compatible, report.blockSize], [["^0.7.1"], true, 69632]);
      assert.ok(report.segments.some(({ type, names }) => type === "LOAD" && names.includes("X")));
      const expected = gcc.stdout.startsWith("x86_64") ? ["exec-segment"] : ["machine", "exec-segment"];
      assert.deepEqual(codes(report), expected);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
}
