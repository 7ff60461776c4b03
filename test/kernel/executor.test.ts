// System calls through pages of our own.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Keep } from "postern";
import { executor } from "#src/kernel/executor.js";
import { architecture, LINUX, SYS, syscall2, syscall3, syscall5, syscallWide } from "#src/kernel/index.js";
import { program } from "../e2e/programs.js";

const EBADF = 9;
const EINVAL = 22;
const SEEK_SET = 0;
const skip = architecture === "x86_64" ? false : "there is machine code for x86-64 only";

/** The mappings of this process that hold code of nobody's file. */
function anonymousCode(): string[] {
  return readFileSync("/proc/self/maps", "utf8")
    .split("\n")
    .filter((line) => / r-xp 00000000 00:00 0 *$/.test(line));
}

it("without pages everything goes through libc, with the same answers", () => {
  const withoutPages = "data:text/javascript,globalThis[Symbol.for('postern.executor')] = 0";
  const tests = fileURLToPath(new URL("./syscall.test.js", import.meta.url));
  const { status, stdout } = spawnSync(process.execPath, ["--import", withoutPages, tests], { encoding: "utf8" });
  assert.equal(status, 0, stdout);
});

describe("the executor", { skip }, () => {
  it("is what system calls go through", () => assert.notEqual(executor, undefined));

  it("gives the same answers for numbers and for words, failures included", () => {
    assert.equal(syscall3(SYS.lseek, -1, 0, SEEK_SET), -EBADF);
    assert.equal(syscall3(SYS.lseek, -1, 0n, SEEK_SET), -EBADF);
    assert.equal(syscall5(SYS.linkat, -1, 0, -1, 0, -1), -EINVAL);
    assert.equal(syscall5(SYS.linkat, -1, 0n, -1, 0, -1), -EINVAL);
    assert.equal(syscall3(SYS.lseek, 0, 0, 99), -EINVAL);
  });

  it("passes all 64 bits of a word, and gives all 64 bits back", () => {
    const page = syscallWide(SYS.mmap, 0, 4096, LINUX.PROT_READ, LINUX.MAP_PRIVATE | LINUX.MAP_ANONYMOUS, -1, 0);
    assert.ok(page > 2n ** 32n);
    assert.equal(syscall2(SYS.munmap, page, 4096), 0);
    assert.equal(executor!.words[1], page);
    assert.equal(syscall3(SYS.lseek, -1, 2n ** 63n - 1n, SEEK_SET), -EBADF);
    assert.equal(executor!.words[2], 2n ** 63n - 1n);
  });

  it("has a page of code that cannot be written", () => {
    assert.ok(anonymousCode().some((line) => /^(\w+)000-(\w+)000 /.test(line)));
  });

  it("leaves no page behind for threads that are gone", async () => {
    const keep = async () => {
      const each = await Keep.launch({ program: program("behaviours/loop"), stdio: "ignore" });
      await each.stop();
    };
    await Promise.all([keep(), keep(), keep()]);
    const before = anonymousCode().length;
    for (let round = 0; round < 4; round++) await Promise.all([keep(), keep(), keep()]);
    assert.ok(anonymousCode().length <= before + 1, `${before} before, ${anonymousCode().length} after`);
  });
});
