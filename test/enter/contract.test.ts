import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { runContractSuite } from "./contract-suite.js";
import type { ThreadResult } from "./contract-thread.js";
import { programKind } from "./program-subject.js";
import { inlineKind, softwareKind } from "./subjects.js";

runContractSuite(softwareKind);
runContractSuite(inlineKind);
runContractSuite(programKind);

test("the entry contract on a WebAssembly program in a thread", async (t) => {
  const worker = new Worker(new URL("./contract-thread.js", import.meta.url));
  const [results] = (await once(worker, "message")) as [readonly ThreadResult[]];
  await worker.terminate();
  assert.ok(results.length > 40, `${results.length} tests`);
  for (const { name, skip, failure } of results) {
    await t.test(name, { skip: skip ?? false }, () => assert.equal(failure, undefined));
  }
});
