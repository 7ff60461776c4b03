/** `npm run vectors -- FILE...`: replays recorded cases and ends with one line, `N passed, N failed`. */
import { replayFile } from "./replay.js";

const files = process.argv.slice(2);
if (files.length === 0) {
  console.error("usage: npm run vectors -- FILE...\nexample: npm run vectors -- test/vectors/data/enter.jsonl");
  process.exit(2);
}
let passed = 0;
let failed = 0;
for (const file of files) {
  try {
    const outcome = await replayFile(file);
    for (const failure of outcome.failures) console.log(`${file}: ${failure}`);
    passed += outcome.passed;
    failed += outcome.failed;
  } catch (error) {
    console.log(`${file}: ${error instanceof Error ? error.message : String(error)}`);
    failed++;
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
