import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../../../examples/compile-in-a-keep/main.mjs", import.meta.url));

describe("the example: clang compiles in a keep, and the result runs in another", () => {
  let output = "";
  before(() => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [program], { encoding: "utf8", timeout: 100_000 });
    assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
    output = stdout;
  });

  test("clang and wasm-ld succeed, and the calls they made are counted", () => {
    assert.match(output, /^ {2}it compiled +picture\.c, in [\d.]+ s, with \d+ calls: \d+ /m);
    assert.match(output, /^ {2}it linked +picture\.wasm, in [\d.]+ s$/m);
  });

  test("a file of the host cannot be read through the compiler", () => {
    for (const path of ["/etc/passwd", "/project/link-to-passwd", "/project/../../../etc/passwd"]) {
      assert.ok(output.includes(`clang: error: no such file or directory: '${path}'\n`), path);
    }
  });

  test("the program draws 22 rows", () => {
    const rows = output.split("\n").filter((line) => /^[ .,:;=+o*%#@-]{72}$/.test(line));
    assert.equal(rows.length, 22);
    assert.match(rows[11]!, /@{50}/);
  });

  test("the program gets nothing but its output", () => {
    const attempts = output.split("\n").slice(-7, -1);
    assert.deepEqual(attempts, [
      "  read /etc/passwd           No such file or directory",
      "  leave a file behind        No such file or directory",
      "  list the directory         No such file or directory",
      "  read from descriptor 3     Bad file descriptor",
      "  take a connection on it    Bad file descriptor",
      "  see who you are            not told",
    ]);
  });
});
