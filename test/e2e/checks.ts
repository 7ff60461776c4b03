// Turns the lines `ok NAME`, `not ok NAME: ...` and `skip NAME: ...` of a test program into subtests.
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { RunResult } from "./programs.js";

/** Makes a subtest of each line, and one that says the program came to its end. */
export async function report(t: TestContext, result: RunResult): Promise<void> {
  const lines = result.stdout.toString("utf8").split("\n");
  let count = 0;
  let failures = 0;
  for (const line of lines) {
    const good = /^ok (.*)$/.exec(line);
    const bad = /^not ok (.*)$/.exec(line);
    const skipped = /^skip ([^:]*): (.*)$/.exec(line);
    if (good) {
      count++;
      await t.test(good[1], () => {});
    } else if (bad) {
      count++;
      failures++;
      const [name, ...detail] = bad[1].split(/(: got )/);
      await t.test(name, () => assert.fail(detail.join("").slice(2)));
    } else if (skipped) await t.test(skipped[1], { skip: skipped[2] }, () => {});
  }
  await t.test("comes to its end", () => {
    assert.ok(!result.timedOut, `took too long, after ${count} checks; standard error: ${result.stderr}`);
    assert.ok(
      lines.includes(`done ${count}`),
      `ended after ${count} checks with status ${result.status}; standard error: ${result.stderr}`,
    );
    assert.equal(result.status, Math.min(failures, 100), "the exit status is the number of failures");
    assert.ok(count > 0, "some checks were made");
  });
}
