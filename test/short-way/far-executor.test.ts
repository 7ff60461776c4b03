// System calls and functions by machine code over words that lie elsewhere.
import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { executor, type FarExecutor, farExecutor } from "#src/kernel/executor.js";
import { addressOf, LINUX, STRUCTS, SYS, syscall2, syscall3, viewOf } from "#src/kernel/index.js";
import { CODE_BYTES, mapCode } from "#src/kernel/machine-code.js";

const skip = executor === undefined && "there is machine code for x86-64 only";
const EBADF = 9n;
const ENOSYS = 38n;
const ENOENT = 2n;
const [SEEK_SET, SEEK_CUR] = [0n, 1n];
const WORDS = 10;
const RESULT = 7;
/** Behind the page of code: six arguments, the stack's address, what is answered. */
const [STACK, ANSWER] = [6, 7];
const UNTOUCHED = 0x5a5a5a5a5a5a5a5an;

/** Words for an executor, between words that nobody may touch. */
class Words {
  readonly all = new BigInt64Array(WORDS + 2).fill(UNTOUCHED);
  readonly words = this.all.subarray(1, WORDS + 1);
  readonly address = addressOf(this.words);

  /** Sets words from the first on, runs, and looks whether others stayed as they were. @returns the result */
  run(entry: () => void, ...values: readonly (number | bigint)[]): bigint {
    for (const [index, value] of values.entries()) this.words[index] = BigInt(value);
    const before = this.all.slice();
    entry();
    before[1 + RESULT] = this.words[RESULT]!;
    assert.deepEqual([...this.all], [...before], "words besides the result");
    return this.words[RESULT]!;
  }
}

/** A function that notes its arguments and its stack, and answers what stands behind them. @returns code and data */
function notingFunction(): { readonly address: number; readonly noted: BigInt64Array } {
  const registers = [
    [0x48, 0x89, 0x3d], // mov [rip + data], rdi
    [0x48, 0x89, 0x35], // rsi
    [0x48, 0x89, 0x15], // rdx
    [0x48, 0x89, 0x0d], // rcx
    [0x4c, 0x89, 0x05], // r8
    [0x4c, 0x89, 0x0d], // r9
    [0x48, 0x89, 0x25], // rsp
    [0x48, 0x8b, 0x05], // mov rax, [rip + data]
  ];
  const code = registers.flatMap((instruction, index) => {
    const distance = CODE_BYTES + 8 * index - 7 * (index + 1);
    return [...instruction, distance & 0xff, distance >> 8, 0, 0];
  });
  const address = mapCode([...code, 0xc3], CODE_BYTES);
  return { address, noted: new BigInt64Array(viewOf(address + CODE_BYTES, 64)) };
}

describe("an executor over words that lie elsewhere", { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), "postern-far-"));
  const path = Buffer.from(`${join(folder, "file")}\0`);
  const missing = Buffer.from(`${join(folder, "missing")}\0`);
  writeFileSync(join(folder, "file"), "x".repeat(12288));
  after(() => rmSync(folder, { recursive: true }));

  /** Gives an executor and words it is aimed at. */
  function aimed<T>(act: (far: FarExecutor, words: Words) => T): T {
    const far = farExecutor()!;
    const words = new Words();
    far.aim(words.address);
    try {
      return act(far, words);
    } finally {
      far.release();
    }
  }

  it("gives what Linux answers, failures included", () =>
    aimed((far, words) => {
      assert.equal(words.run(far.run, SYS.getpid, 0, 0, 0, 0, 0, 0), BigInt(process.pid));
      assert.equal(words.run(far.run, SYS.lseek, -1, 0, SEEK_SET), -EBADF);
      assert.equal(words.run(far.run, 100_000), -ENOSYS);
    }));

  it("passes six arguments in their order", () =>
    aimed((far, words) => {
      const file = openSync(join(folder, "file"), "r");
      const { PROT_READ, MAP_PRIVATE } = LINUX;
      // Each of them refused or seen in the result: the length, the protection, the descriptor, the offset.
      const page = words.run(far.run, SYS.mmap, 0, 4096, PROT_READ, MAP_PRIVATE, file, 8192);
      closeSync(file);
      assert.ok(page > 2n ** 32n, `${page}`);
      assert.deepEqual(Buffer.from(viewOf(Number(page), 4096)), Buffer.alloc(4096, "x"));
      assert.equal(words.run(far.run, SYS.munmap, page, 4096), 0n);
    }));

  it("passes all 64 bits of an argument, and gives all 64 bits of a result", () =>
    aimed((far, words) => {
      const name = Buffer.from("far\0");
      const file = syscall2(SYS.memfd_create, addressOf(name), 1);
      for (const position of [2n ** 53n + 1n, 2n ** 63n - 1n, 0x0123456789abcdefn]) {
        assert.equal(words.run(far.run, SYS.lseek, file, position, SEEK_SET), position);
        assert.equal(words.run(far.run, SYS.lseek, file, 0, SEEK_CUR), position);
      }
      closeSync(file);
    }));

  it("makes a second call with the first one's result, where there is one", () => {
    const status = new Uint8Array(STRUCTS.stat.size).fill(0xff);
    const open = readdirSync("/proc/self/fd").length;
    const mode = () => new DataView(status.buffer).getUint32(STRUCTS.stat.fields.st_mode.offset, true);
    aimed((far, words) => {
      const call = (name: Uint8Array) =>
        words.run(far.runThen, SYS.openat, -100, addressOf(name), 0, 0, 0, 0, 0, SYS.fstat, addressOf(status));
      assert.equal(call(missing), -ENOENT);
      assert.ok(
        status.every((byte) => byte === 0xff),
        "a second call after one that failed",
      );
      const native = Number(call(path));
      assert.ok(native > 2);
      assert.equal(mode() & 0o170000, 0o100000);
      closeSync(native);
      // What the second call answers is lost, and the first one's result stays.
      const failing = words.run(far.runThen, SYS.openat, -100, addressOf(path), 0, 0, 0, 0, 0, SYS.fstat, 1);
      assert.equal(failing, BigInt(native));
      closeSync(native);
    });
    assert.equal(readdirSync("/proc/self/fd").length, open);
  });

  it("calls a function with six arguments in their order, on a stack that is aligned", () =>
    aimed((far, words) => {
      const { address, noted } = notingFunction();
      const values = [1n, -2n, 2n ** 63n - 1n, -(2n ** 63n), 0x0123456789abcdefn, 2n ** 53n + 1n];
      for (const answer of [0n, -1n, 2n ** 62n + 1n, -(2n ** 63n)]) {
        noted[ANSWER] = answer;
        assert.equal(words.run(far.runFunction, address, ...values), answer);
        assert.deepEqual([...noted.subarray(0, 6)], values);
        assert.equal(BigInt.asUintN(64, noted[STACK]!) % 16n, 8n, "the stack where a function begins");
      }
    }));

  it("works on the words it was aimed at last, and others on theirs", () => {
    const [one, other] = [farExecutor()!, farExecutor()!];
    const [first, second, third] = [new Words(), new Words(), new Words()];
    assert.notEqual(one, other);
    one.aim(first.address);
    other.aim(second.address);
    for (const words of [first, second, third]) words.words.set([BigInt(SYS.lseek), -1n, 0n]);
    one.run();
    assert.deepEqual(
      [first, second].map(({ words }) => words[RESULT]),
      [-EBADF, UNTOUCHED],
    );
    other.run();
    assert.equal(second.words[RESULT], -EBADF);
    one.aim(third.address);
    first.words[RESULT] = UNTOUCHED;
    one.run();
    assert.deepEqual(
      [first, third].map(({ words }) => words[RESULT]),
      [UNTOUCHED, -EBADF],
    );
    one.release();
    other.release();
  });

  it("does nothing any more once it is released, and serves the next one", () => {
    const far = farExecutor()!;
    const [old, next] = [new Words(), new Words()];
    far.aim(old.address);
    old.words.set([BigInt(SYS.lseek), -1n, 0n]);
    far.release();
    for (const entry of [far.run, far.runThen]) entry();
    assert.equal(old.words[RESULT], UNTOUCHED);
    const again = farExecutor()!;
    assert.equal(again, far, "others get new pages while there are used ones");
    again.aim(next.address);
    assert.equal(next.run(again.run, SYS.lseek, -1, 0, SEEK_SET), -EBADF);
    assert.equal(old.words[RESULT], UNTOUCHED);
    again.release();
  });

  it("leaves alone what system calls of the same thread work on", () =>
    aimed((far, words) => {
      const before = executor!.words.slice();
      words.run(far.run, SYS.lseek, -1, 0, SEEK_SET);
      assert.deepEqual(executor!.words, before);
      assert.equal(syscall3(SYS.lseek, -1, 0, 0), Number(-EBADF));
      assert.equal(words.words[RESULT], -EBADF);
    }));
});
