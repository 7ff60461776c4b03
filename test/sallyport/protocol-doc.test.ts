import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

test("the tables of calls and the pictures of blocks in docs/sallyport.md are those of the code and the recordings", () => {
  const script = fileURLToPath(new URL("../../../scripts/generate-protocol-doc.mjs", import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, [script, "--check"], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
});
