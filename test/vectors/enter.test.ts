import assert from "node:assert/strict";
import { test } from "node:test";
import { replayFile, vectorFiles } from "./replay.js";

for (const file of vectorFiles("enter.jsonl")) {
  test(`every recorded entry of ${file} goes as recorded`, async () => {
    const outcome = await replayFile(file);
    assert.deepEqual(outcome.failures, []);
    assert.ok(outcome.passed > 0);
  });
}
