import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../../../examples/plugin-host/main.mjs", import.meta.url));

/** What the example says about each plug-in, in its first line, and what the plug-in wrote. */
const EXPECTED: Readonly<Record<string, readonly [RegExp, readonly string[]]>> = {
  upper: [/^did its work$/, ["HELLO, PLUG-IN"]],
  loop: [/^its time was up/, []],
  sleep: [/^its time was up/, []],
  fill: [/^its time was up/, []],
  flood: [/^its time was up/, ["spam spam spam spam spam spam ... (65536 bytes)"]],
  bomb: [/^the program trapped: unreachable/, []],
  greedy: [/needs at least 4096MiB of memory and may use 16MiB/, []],
  crash: [/^the program trapped: memory access out of bounds$/, []],
  recurse: [/^the program trapped: call stack exhausted/, []],
  escape: [/^did its work$/, ["63", "63", "63", "54", "63", "08", "21"].map((error) => `refused ${error}`)],
  tables: [/tables have 30000000 elements, at most 1048576 are supported; build it with fewer$/, []],
  broken: [/it is a text file; give a \.wasm file$/, []],
};

describe("the example: an application that runs plug-ins it does not trust", () => {
  let output = "";
  before(() => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [program], { encoding: "utf8", timeout: 100_000 });
    assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
    output = stdout;
  });

  for (const [name, [outcome, lines]] of Object.entries(EXPECTED)) {
    test(name, () => {
      const [, said, written] = new RegExp(`^${name} +(.*)\\n((?: +\\| .*\\n)*)`, "m").exec(output)!;
      assert.match(said!, outcome);
      const shown = [...written!.matchAll(/^ +\| (.*)$/gm)].map(([, line]) => line);
      assert.deepEqual(shown, lines);
    });
  }

  test("nobody got the secret", () => assert.doesNotMatch(output, /secret|root:/));

  test("the application is there afterwards", () => assert.match(output, /\nThe application is well; /));
});
