import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { type Outcome, root, withTree } from "./checks.js";

/** Runs scripts/test.mjs on compiled tests that are given as text; their sources are empty. */
function runTests(
  compiled: Readonly<Record<string, string>>,
  args: readonly string[],
  sources = Object.keys(compiled),
) {
  const files = {
    "package.json": '{ "type": "module" }',
    ...Object.fromEntries(Object.entries(compiled).map(([name, text]) => [`build/test/${name}.test.js`, text])),
    ...Object.fromEntries(sources.map((name) => [`test/${name}.test.ts`, ""])),
  };
  return withTree([], files, (folder): Outcome => {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const script = join(root, "scripts/test.mjs");
    const options = { encoding: "utf8", env } as const;
    const result = spawnSync(process.execPath, [script, "--root", folder, ...args], options);
    if (result.error !== undefined) throw result.error;
    return { status: result.status, output: result.stdout + result.stderr };
  });
}

const TESTS = `import assert from "node:assert/strict";
import { describe, it } from "node:test";
describe("outer", () => {
  it("passes", () => {});
  it("fails", () => assert.equal(1, 2, "one is not two"));
  it("is skipped", { skip: "the moon is not full" }, () => {});
  it("is to be done", { todo: "later" }, () => assert.fail("not yet"));
});
`;
const PASSES = `import { it } from "node:test";\nit("alone", () => console.log("hello from alone"));\n`;
const SUMMARY =
  /# tests \d+\n# suites \d+\n# pass \d+\n# fail \d+\n# cancelled \d+\n# skipped \d+\n# todo \d+\n# duration_ms [\d.]+\n$/;

describe("scripts/test.mjs", () => {
  let all: Outcome;
  before(() => {
    all = runTests({ "a/tests": TESTS, "b/passes": PASSES }, []);
  });

  it("fails when a test fails, and shows which, where and why", () => {
    assert.equal(all.status, 1, all.output);
    assert.match(
      all.output,
      /^FAILED {2}outer > fails\n {2}at build\/test\/a\/tests\.test\.js:5\n(.*\n)*? +.*one is not two/m,
    );
    assert.match(all.output, /^# failed:\n# {3}outer > fails\n# tests/m);
  });

  it("lists skipped tests with their reasons", () => {
    assert.match(all.output, /^# skipped:\n# {3}outer > is skipped: the moon is not full\n/m);
  });

  it("does not count what is to be done as failed", () => {
    assert.doesNotMatch(all.output, /^FAILED {2}outer > is to be done/m);
    assert.match(all.output, /^# fail 1$/m);
    assert.match(all.output, /^# todo 1$/m);
  });

  it("shows what tests print, and a line for each outermost test", () => {
    assert.match(all.output, /^hello from alone$/m);
    assert.match(all.output, /^ok +[\d.]+ s {2}alone$/m);
    assert.match(all.output, /^not ok +[\d.]+ s {2}outer$/m);
  });

  it("ends with the summary of node", () => {
    assert.match(all.output, SUMMARY);
  });

  it("runs the files whose path holds a part", () => {
    const { status, output } = runTests({ "a/tests": TESTS, "b/passes": PASSES }, ["b/pass"]);
    assert.equal(status, 0, output);
    assert.match(output, /^# tests 1$/m);
  });

  it("runs the tests whose name matches, and does not call the others skipped", () => {
    const { status, output } = runTests({ "a/tests": TESTS }, ["--name", "^passes$"]);
    assert.equal(status, 0, output);
    assert.match(output, /^# pass 1$/m);
    assert.doesNotMatch(output, /# skipped:/);
  });

  it("ends files that hang when their time is over", () => {
    const hangs = `import { it } from "node:test";\nit("hangs", () => new Promise((resolve) => setTimeout(resolve, 60_000)));\n`;
    const spins = `import { it } from "node:test";\nit("spins", () => { for (;;); });\n`;
    const start = performance.now();
    const { status, output } = runTests({ hangs, spins, passes: PASSES }, ["--timeout", "1", "--jobs", "2"]);
    assert.equal(status, 1, output);
    assert.match(output, /test timed out after 1000ms/);
    assert.match(output, /^# failed:\n# {3}.*hangs(\.test\.js)?\n# {3}.*spins\.test\.js\n/m);
    assert.match(output, /^ok +[\d.]+ s {2}alone$/m);
    assert.match(output, SUMMARY);
    assert.ok(performance.now() - start < 30_000, "not after a minute");
  });

  it("fails a file that cannot be loaded", () => {
    const { status, output } = runTests({ broken: "import './nowhere.js';\n" }, []);
    assert.equal(status, 1, output);
    assert.match(output, /^# fail 1$/m);
  });

  it("says what to do when the build is missing", () => {
    const { status, output } = runTests({}, [], ["one", "two"]);
    assert.equal(status, 1);
    assert.match(output, /test\/one\.test\.ts and 1 more are not built; run npm run build/);
  });

  it("does not run a compiled test whose source is gone", () => {
    const { status, output } = runTests({ old: "throw new Error('gone');\n", passes: PASSES }, [], ["passes"]);
    assert.equal(status, 0, output);
  });

  it("fails when nothing matches, and for an option that it does not know", () => {
    assert.match(runTests({ passes: PASSES }, ["nowhere"]).output, /no test file has nowhere in its path/);
    const { status, output } = runTests({ passes: PASSES }, ["--fast"]);
    assert.equal(status, 1);
    assert.match(output, /--fast(.*\n)+usage:/);
  });
});
