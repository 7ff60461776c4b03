import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../../../examples/reactor/main.mjs", import.meta.url));

test("the example: a program that keeps its state between calls, and is stopped in one", () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program], { encoding: "utf8", timeout: 60_000 });
  assert.equal(stderr, "");
  assert.deepEqual(stdout.split("\n"), [
    "[ '_initialize', 'add', 'spin' ]",
    "40n",
    "42n",
    "ESTOPPED",
    "{ kind: 'stopped', reason: 'request' }",
    "",
  ]);
  assert.equal(status, 0);
});
