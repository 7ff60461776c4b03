// npm run demo ends with a command to try: it must work as printed.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../", import.meta.url));

test("the command that the demo ends with runs as printed", () => {
  const script = readFileSync(new URL("../../../scripts/demo.mjs", import.meta.url), "utf8");
  const [, command] = /\n {2}(dist\/.*?)`\);/.exec(script) ?? [];
  assert.ok(command !== undefined, script);
  const [file, ...words] = command.split(" ");
  const { status, stdout, stderr } = spawnSync(file!, words, { cwd: root, encoding: "utf8" });
  assert.equal(status, 0, stderr);
  assert.match(stdout, /clang version/);
  assert.match(stderr, /^write\(1, /m);
});
