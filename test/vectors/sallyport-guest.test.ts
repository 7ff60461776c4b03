import assert from "node:assert/strict";
import { test } from "node:test";
import { replayFile, vectorFiles } from "./replay.js";

for (const file of vectorFiles("sallyport-guest.jsonl")) {
  test(`the guest does what was recorded: ${file}`, async () => {
    const outcome = await replayFile(file);
    assert.deepEqual(outcome.failures, []);
    assert.ok(outcome.passed > 0);
  });
}
