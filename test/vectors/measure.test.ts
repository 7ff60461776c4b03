/** Replays the recorded measurements. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { replayFile, vectorFiles } from "./replay.js";

for (const [index, file] of vectorFiles("measure.jsonl").entries()) {
  test(`every recorded measurement comes out the same (${index === 0 ? "own copy" : "shared folder"})`, async () => {
    const { passed, failures } = await replayFile(file);
    assert.deepEqual(failures, []);
    assert.ok(passed >= 60);
  });
}
