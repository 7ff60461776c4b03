// A program shares the stack with the host's functions, and can make any of them end in the middle.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { run } from "postern";
import { behaviour, descriptorsAre, openDescriptors, temporaryDirectory } from "./process.js";

// On the calling thread, whose stack is the smaller one; the host's part is the same in both backends.
test("no descriptor stays open where a call runs out of stack", async (t) => {
  const directory = temporaryDirectory(t);
  writeFileSync(join(directory, "f"), "");
  const options = { backend: "inline", dirs: [{ host: directory, guest: "/" }] } as const;
  await run(behaviour("show"), options);
  const before = openDescriptors().length;
  for (let round = 0; round < 2; round++) {
    const { exit } = await run(behaviour("deep_open"), options);
    assert.equal(exit.kind, "trapped");
  }
  assert.ok(await descriptorsAre(before), openDescriptors().join("\n"));
});
