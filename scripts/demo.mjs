// Shows a real program in a keep: npm run demo. Builds first where nothing is built.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
if (!existsSync(new URL("../dist/index.js", import.meta.url))) {
  console.error("building first ...");
  // What the build says goes to standard error: standard output is the demo's.
  const { status } = spawnSync("npm", ["run", "--silent", "prepare"], { cwd: root, stdio: ["ignore", 2, 2] });
  if (status !== 0) process.exit(1);
}
await import("../examples/compile-in-a-keep/main.mjs");
console.log(`
How that is done: examples/compile-in-a-keep. Every call of a program, as strace shows it:

  dist/cli/start.cjs run --trace --argv0 clang node_modules/@yowasp/clang/gen/llvm.core.wasm --version`);
