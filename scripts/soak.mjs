// Runs the escape suite, its races and its random calls again and again, with new seeds each time, and then the fuzzers:
//
//   npm run soak                 three minutes of each
//   npm run soak -- --minutes 30
//
// Ends at the first failure, with its status; the output of the failing round says which seed it had.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({ options: { minutes: { type: "string", default: "3" } } });
const minutes = Number(values.minutes);
if (!(minutes > 0)) {
  console.error(`--minutes takes a number above 0; got ${values.minutes}`);
  process.exit(2);
}
const root = fileURLToPath(new URL("..", import.meta.url));

function run(...args) {
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

const end = Date.now() + minutes * 60_000;
let rounds = 0;
while (Date.now() < end) {
  run("--test", "build/test/e2e/escape.test.js");
  rounds++;
}
console.log(`the escape suite held ${rounds} times`);
run("build/test/hostile/fuzz.js", "--seconds", String(minutes * 60));
