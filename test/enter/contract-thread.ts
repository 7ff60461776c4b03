/** Runs the contract suite in a thread and posts what came of each test; see contract.test.ts. */
import { parentPort } from "node:worker_threads";
import { runContractSuite, type TestRunner } from "./contract-suite.js";
import { programKind } from "./program-subject.js";

/** What came of one test. */
export interface ThreadResult {
  readonly name: string;
  /** Why it was skipped. */
  readonly skip?: string;
  /** Why it failed. */
  readonly failure?: string;
}

const results: ThreadResult[] = [];
const path: string[] = [];

function attempt(name: string, body: () => void): ThreadResult {
  try {
    body();
    return { name };
  } catch (error) {
    return { name, failure: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

const runner: TestRunner = {
  describe(name, body) {
    path.push(name);
    body();
    path.pop();
  },
  test(...parameters: unknown[]) {
    const body = parameters.at(-1) as () => void;
    const { skip = false } = (parameters.length === 3 ? parameters[1] : {}) as { skip?: string | boolean };
    const name = [...path, parameters[0]].join(": ");
    results.push(skip === false ? attempt(name, body) : { name, skip: String(skip) });
  },
};

runContractSuite(programKind, runner);
parentPort!.postMessage(results);
