// Checks that the project speaks of itself alone and holds nothing unfinished, and exits with 1 if not:
//
//   node scripts/hygiene.mjs [DIRECTORY]      the project's own by default
//
// Every text file that git tracks, or would track, is read; without git, every file but those that are built or
// installed. Long source files are named too, without failing.
import { spawnSync } from "node:child_process";
import { existsSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** Think again above this; see the folder rules in CONTRIBUTING.md. */
const SOURCE_LINES_MAX = 300;

/** Patterns are written so that this file does not match itself. `only` limits a rule to some files. */
const RULES = [
  {
    what: "a path of one machine; use a relative path, or os.tmpdir()",
    pattern: /(?<![\w.~*/}-])\/(?:work|root|tmp|home\/[\w.-]+|Users\/[\w.-]+)\/[\w.]/,
  },
  {
    what: "the host of a package registry; npm's own configuration knows it",
    pattern:
      /\bregistry\.[a-z0-9-]+\.[a-z]{2,}|:\/\/[\w.-]*\b(?:npm|npmjs|pypi|mirrors?|artifactory|nexus|verdaccio)\./i,
  },
  {
    what: "a registry or a credential of one user",
    pattern: /^(?:@[\w-]+:)?registry=|:?_(?:auth|password)\w*=/,
    only: /npmrc$/,
  },
  {
    what: "a place to fetch from; npmrc leaves it out when the lock file is written",
    pattern: /"resolved":/,
    only: /-lock\.json$/,
  },
  { what: "unfinished work; finish it, or explain the limit", pattern: /\b(?:TO[D]O|FIX[M]E|X{3})\b/ },
  {
    what: "a test that keeps the others from running",
    pattern: /\.only\s*\(|\bonly: true\b/,
    only: /\.(?:[cm]?[jt]s)$/,
  },
  { what: "a conflict that was not resolved", pattern: /^(?:<{7}|>{7}) / },
];

const root = resolve(process.argv[2] ?? fileURLToPath(new URL("..", import.meta.url)));

/** What .gitignore names, where git is not there to read it. */
const IGNORED = /(?:^|\/)(?:\.git|node_modules|dist|build|tmp)\/|\.(?:tsbuildinfo|tgz)$/;

/** Names of the files to read. Links, folders and deleted files have no text of their own. */
function filesOf(folder) {
  const args = ["-C", folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const { status, stdout } = spawnSync("git", args, { encoding: "utf8", maxBuffer: 1 << 26 });
  const names =
    status === 0
      ? stdout.split("\0").filter((name) => name !== "")
      : readdirSync(folder, { recursive: true }).filter((name) => !IGNORED.test(name));
  const isFile = (name) => existsSync(join(folder, name)) && lstatSync(join(folder, name)).isFile();
  return [...new Set(names)].filter(isFile).sort();
}

let count = 0;
const files = filesOf(root);
for (const file of files) {
  const bytes = readFileSync(join(root, file));
  if (bytes.includes(0)) continue;
  const lines = bytes.toString("utf8").split("\n");
  for (const { what, pattern, only } of RULES) {
    if (only !== undefined && !only.test(file)) continue;
    for (const [index, line] of lines.entries()) {
      const found = pattern.exec(line);
      if (found === null) continue;
      console.error(`${file}:${index + 1}: ${JSON.stringify(found[0])} is ${what}`);
      count++;
    }
  }
  const long = /^src\/.*\.ts$/.test(file) && !file.includes("/generated/") && lines.length - 1 > SOURCE_LINES_MAX;
  if (long) console.log(`${file}: warning: ${lines.length - 1} lines; think again above ${SOURCE_LINES_MAX}`);
}
if (count === 0) console.log(`hygiene: ${files.length} files, nothing that does not belong`);
else console.error(`hygiene: ${count} found that do not belong into the project`);
process.exit(count === 0 ? 0 : 1);
