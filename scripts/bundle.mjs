// Bundles `postern run` and the thread of keeps from what tsc wrote: node scripts/bundle.mjs, after tsc.
//
// Node opens, resolves and links each module file on its own, a third of a millisecond apiece, and a run of a program needs
// more than a hundred. docs/rationale.md has the measurement. The library is not bundled: applications bundle for themselves.
import { chmodSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
rmSync(`${root}dist/bundle`, { recursive: true, force: true });
// CommonJS: built-in modules are loaded where they are used first, Node's module loader is not, and what the engine has
// compiled can be kept (src/compiled.cts).
await build({
  absWorkingDir: root,
  entryPoints: { run: "dist/cli/main.js", worker: "dist/keep/backends/worker.js" },
  outdir: "dist/bundle",
  outExtension: { ".js": ".cjs" },
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  packages: "external",
  // The other commands: never loaded by `run`.
  external: ["inspect", "doctor", "measure", "completion"].map((name) => `./${name}.js`),
  supported: { "dynamic-import": false },
  define: { "import.meta.url": "moduleUrl" },
  banner: { js: '(function (require, path) { const moduleUrl = require("node:url").pathToFileURL(path).href;' },
  footer: { js: "})" },
  minify: true,
  logLevel: "warning",
});
chmodSync(`${root}dist/cli/start.cjs`, 0o755);
