import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { optimiseLater } from "#src/cli/tiering.js";

// The object itself: what an import gives cannot be watched.
const v8: typeof import("node:v8") = createRequire(import.meta.url)("node:v8");
const isOld = Number.parseInt(process.versions.v8, 10) < 12;

test("functions of large programs are optimised later, and only while those are compiled", (t) => {
  const directory = mkdtempSync(join(tmpdir(), "postern-tiering-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = (name: string, bytes: number) => {
    writeFileSync(join(directory, name), new Uint8Array(bytes));
    return join(directory, name);
  };
  const set = t.mock.method(v8, "setFlagsFromString", () => {});
  const flags = () => set.mock.calls.map((call) => call.arguments[0]);

  const small = file("small", 1000);
  for (const path of [small, join(directory, "absent"), join(small, "below"), directory]) optimiseLater(path)();
  assert.deepEqual(flags(), []);

  const compiled = optimiseLater(file("large", 300_000));
  assert.deepEqual(flags(), isOld ? ["--wasm-tiering-budget=13000000"] : []);
  compiled();
  assert.deepEqual(flags().slice(1), isOld ? ["--wasm-tiering-budget=1800000"] : []);

  set.mock.resetCalls();
  process.execArgv.push("--wasm-tiering-budget=5");
  optimiseLater(join(directory, "large"))();
  process.execArgv.pop();
  assert.deepEqual(flags(), [], "who chose a budget keeps it");
});
