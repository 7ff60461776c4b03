import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../../../examples/software-enclave/main.mjs", import.meta.url));

test("the example: a question, a page that is repaired outside, an instruction that is skipped inside", () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program], { encoding: "utf8", timeout: 30_000 });
  assert.equal(stderr, "");
  assert.deepEqual(stdout.split("\n"), [
    "asked a question",
    "exception 14 at 0x7f4000000000",
    "exception 6 at 0x0",
    "repaired inside",
    "finished with status 42",
    "the call returned 0",
    "",
  ]);
  assert.equal(status, 0);
});
