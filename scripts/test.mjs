// Runs the compiled tests: node scripts/test.mjs [options] [part of a path ...]. All of them, or those whose path holds a
// given part. Build first. The last lines are node's own summary; failed and skipped tests are listed above it.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { isAbsolute, join, relative, resolve } from "node:path";
import { run } from "node:test";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { report } from "./test-report.mjs";

const HELP = `usage: node scripts/test.mjs [options] [part of a path ...]

  --name PATTERN     only tests whose name matches this regular expression
  --timeout SECONDS  fail a test file that takes longer; 120 by default
  --jobs N           test files at once; as many as there are processors by default
  --root DIRECTORY   the folder that holds test/ and build/; the project's own by default
  --help             show this
`;

const OPTIONS = {
  name: { type: "string", multiple: true, default: [] },
  timeout: { type: "string", default: "120" },
  jobs: { type: "string", default: String(availableParallelism()) },
  root: { type: "string", default: fileURLToPath(new URL("..", import.meta.url)) },
  help: { type: "boolean", default: false },
};

/** How long a test file may take to end after its time is over. */
const GRACE_S = 3;

function fail(message) {
  console.error(message);
  process.exit(1);
}

function readArguments() {
  try {
    const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true });
    for (const name of ["timeout", "jobs"]) {
      if (!(Number(values[name]) > 0)) throw new Error(`--${name} needs a number above 0, not ${values[name]}`);
    }
    return { ...values, parts: positionals, name: values.name.map((pattern) => new RegExp(pattern)) };
  } catch (error) {
    return fail(`${error.message}\n\n${HELP}`);
  }
}

/** Every test, by its source: a compiled test whose source is gone is a leftover, and does not run. */
function selectTests(root, parts) {
  const folder = join(root, "test");
  if (!existsSync(folder)) fail(`${folder}: no such folder`);
  const tests = readdirSync(folder, { recursive: true })
    .filter((path) => path.endsWith(".test.ts") && !path.startsWith("fixtures/"))
    .map((path) => ({ source: join("test", path), built: join("build/test", path.replace(/ts$/, "js")) }))
    .filter(({ source }) => parts.length === 0 || parts.some((part) => source.replace(/ts$/, "js").includes(part)))
    .sort((a, b) => (a.source < b.source ? -1 : 1));
  if (tests.length === 0) fail(`no test file has ${parts.join(" or ")} in its path`);
  return tests;
}

function checkBuilt(root, tests) {
  const missing = tests.filter(({ built }) => !existsSync(join(root, built)));
  if (missing.length === 0) return;
  const others = missing.length > 1 ? ` and ${missing.length - 1} more are` : " is";
  fail(`${missing[0].source}${others} not built; run npm run build, then try again`);
}

/**
 * Kills test files that are still there some time after node should have ended them: node 24 reports a test that hangs,
 * but then waits for its process, and a loop without an end hears no polite signal in any version.
 */
function watch(limit_s) {
  const seen = new Map();
  const check = () => {
    const children = childProcesses();
    for (const child of seen.keys()) if (!children.includes(child)) seen.delete(child);
    for (const child of children) {
      const start = seen.get(child) ?? performance.now();
      seen.set(child, start);
      if (performance.now() - start > (limit_s + GRACE_S) * 1000) kill(child);
    }
  };
  setInterval(check, 500).unref();
}

/** Identifiers of the processes that this one started; none where the kernel does not list them. */
function childProcesses() {
  try {
    return readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, "utf8").trim().split(" ").filter(Boolean);
  } catch {
    return [];
  }
}

function kill(child) {
  try {
    process.kill(Number(child), "SIGKILL");
  } catch {
    // It ended between the two steps.
  }
}

const options = readArguments();
if (options.help) {
  console.log(HELP);
  process.exit(0);
}
const root = resolve(options.root);
const tests = selectTests(root, options.parts);
checkBuilt(root, tests);
process.chdir(root);

watch(Number(options.timeout));
const stream = run({
  files: tests.map(({ built }) => join(root, built)),
  concurrency: Number(options.jobs),
  timeout: Number(options.timeout) * 1000,
  ...(options.name.length > 0 ? { testNamePatterns: options.name } : {}),
});
stream.on("test:fail", ({ todo }) => {
  if (todo === undefined) process.exitCode = 1;
});
for await (const text of report(stream, (path) => (isAbsolute(path) ? relative(root, path) : path))) {
  process.stdout.write(text);
}
