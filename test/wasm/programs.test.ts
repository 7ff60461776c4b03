import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { examine, limitMemory, WebAssembly } from "#src/wasm/index.js";

const FIXTURES = fileURLToPath(new URL("../../../test/fixtures/programs/conformance", import.meta.url));

test("programs that compilers made are commands that can run, and stay valid when their memory is limited", () => {
  const files = readdirSync(FIXTURES).filter((name) => name.endsWith(".wasm"));
  assert.ok(files.length > 20);
  for (const file of files) {
    const bytes = new Uint8Array(readFileSync(join(FIXTURES, file)));
    const { info, classification } = examine(bytes);
    assert.deepEqual(classification, { kind: "command", runnable: true, loadable: true, problems: [] }, file);
    const module = new WebAssembly.Module(limitMemory(bytes, info!, 1024));
    const engine = WebAssembly.Module.imports(module).map(({ module, name }) => `${module}.${name}`);
    assert.deepEqual(
      info!.imports.map(({ module, name }) => `${module}.${name}`),
      engine,
      file,
    );
  }
});
