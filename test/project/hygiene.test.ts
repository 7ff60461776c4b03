import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { type Outcome, runCheck, withTree } from "./checks.js";

interface Wrong {
  readonly what: string;
  readonly file: string;
  /** In pieces, so that this file passes the check itself. */
  readonly text: readonly string[];
  readonly says: RegExp;
}

const WRONG: readonly Wrong[] = [
  { what: "a path into a workplace", file: "src/a.ts", text: ['"/wo', 'rk/data"'], says: /path of one machine/ },
  { what: "a path into a temporary folder", file: "b.md", text: ["see /tm", "p/x"], says: /path of one machine/ },
  { what: "a path into a home folder", file: "c.json", text: ['"/ro', 'ot/.npm"'], says: /path of one machine/ },
  { what: "a path into a user's folder", file: "d.mjs", text: ["'/ho", "me/me/data'"], says: /path of one machine/ },
  {
    what: "the host of a registry",
    file: "e.md",
    text: ["at regis", "try.example.org"],
    says: /host of a package registry/,
  },
  {
    what: "the host of a mirror",
    file: "f.yml",
    text: ["http:", "//npm.example.org/"],
    says: /host of a package registry/,
  },
  {
    what: "a registry setting",
    file: ".npmrc",
    text: ["regis", "try=http://localhost:1"],
    says: /registry or a credential/,
  },
  {
    what: "a credential setting",
    file: "g/.npmrc",
    text: ["//localhost/:_au", "thToken=1"],
    says: /registry or a credential/,
  },
  {
    what: "a resolved address",
    file: "package-lock.json",
    text: ['"reso', 'lved": "x"'],
    says: /a place to fetch from/,
  },
  { what: "a note to finish something", file: "h.ts", text: ["// TO", "DO: more"], says: /unfinished work/ },
  { what: "a note to repair something", file: "i.ts", text: ["// FIX", "ME later"], says: /unfinished work/ },
  { what: "a mark to come back to", file: "j.md", text: ["XX", "X"], says: /unfinished work/ },
  {
    what: "a test that runs alone",
    file: "test/k.test.ts",
    text: ["it.on", 'ly("runs")'],
    says: /keeps the others from running/,
  },
  {
    what: "an option that does so",
    file: "test/l.test.ts",
    text: ["{ only", ": true }"],
    says: /keeps the others from running/,
  },
  {
    what: "the mark of a conflict",
    file: "m.ts",
    text: ["<<<<", "<<< HEAD"],
    says: /a conflict that was not resolved/,
  },
];

const RIGHT: Readonly<Record<string, string>> = {
  "right.ts": 'export const a = "../wo" + "rk/x", b = "{home}/tmp/x", c = "https://example.org/tmp/x", d = "/tmp";\n',
  "right.md": "The registry of descriptors. A mutex made of XXXXXX. only(this)\n",
  ".gitignore": "ignored\n/tmp/\n",
  "binary.wasm": `\0${"/ro"}${"ot/x"}`,
};

const hasGit = spawnSync("git", ["--version"]).status === 0;
const skip = hasGit ? false : "git is not installed";

describe("scripts/hygiene.mjs", { skip }, () => {
  const files = {
    ...RIGHT,
    ...Object.fromEntries(WRONG.map(({ file, text }) => [file, `one\n${text.join("")}\n`])),
    "ignored/x.ts": ["// TO", "DO"].join(""),
    "src/long.ts": "export {};\n".repeat(301),
    "src/generated/long.ts": "export {};\n".repeat(301),
    "src/short.ts": "export {};\n".repeat(300),
  };
  let outcome: Outcome;
  before(() => {
    outcome = withTree([], files, (folder) => {
      assert.equal(spawnSync("git", ["init", "-q", folder]).status, 0);
      symlinkSync("nowhere", join(folder, "link.ts"));
      return runCheck("hygiene.mjs", folder);
    });
  });

  for (const { what, file, says } of WRONG) {
    it(`refuses ${what}`, () => {
      const found = outcome.output.split("\n").find((line) => line.startsWith(`${file}:2: `));
      assert.match(found ?? `nothing about ${file} in ${outcome.output}`, says);
    });
  }

  it("fails when it refuses something, and names nothing else", () => {
    assert.equal(outcome.status, 1);
    const named = outcome.output.split("\n").flatMap((line) => /^(.+):\d+: /.exec(line)?.[1] ?? []);
    assert.deepEqual([...new Set(named)].sort(), WRONG.map(({ file }) => file).sort());
  });

  it("warns of long source files that a person wrote", () => {
    assert.match(outcome.output, /^src\/long\.ts: warning: 301 lines/m);
    assert.doesNotMatch(outcome.output, /src\/generated|src\/short/);
  });

  it("finds the same without git, but for what only .gitignore can tell", () => {
    const { "ignored/x.ts": _, ...rest } = files;
    const built = { "node_modules/x/a.js": files["ignored/x.ts"], "dist/a.js": files["ignored/x.ts"] };
    const without = withTree([], { ...rest, ...built }, (folder) => runCheck("hygiene.mjs", folder));
    assert.equal(without.status, outcome.status);
    assert.equal(without.output, outcome.output);
  });

  it("does not fail for a long source file alone", () => {
    const { status, output } = withTree([], { "src/long.ts": "export {};\n".repeat(400) }, (folder) =>
      runCheck("hygiene.mjs", folder),
    );
    assert.equal(status, 0, output);
    assert.match(output, /warning: 400 lines/);
  });

  it("accepts the project", () => {
    const { status, output } = runCheck("hygiene.mjs");
    assert.equal(status, 0, output);
  });
});
