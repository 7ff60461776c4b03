// What the documents show is what happens: every ```js block is a program, and is run; a ```text block right behind it is
// its output. Every ```sh block is a command of a fresh clone, and is run in the repository's folder.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../../../", import.meta.url));
const DOCUMENTS = [
  "README.md",
  "docs/library.md",
  "docs/architecture.md",
  "docs/threat-model.md",
  "docs/sallyport-v02.md",
];
/** Documents whose commands measure or build, and are not run here; their links are followed all the same. */
const OTHERS = [
  ...["cli", "enter", "measure", "performance", "rationale", "sallyport"].map((name) => `docs/${name}.md`),
  ...["examples/README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"],
];
const BLOCK = /^```(js|sh)\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?/gms;

interface Block {
  readonly language: string;
  readonly line: number;
  readonly code: string;
  readonly output: string | undefined;
}

function blocksOf(document: string): Block[] {
  const text = readFileSync(join(repository, document), "utf8");
  return [...text.matchAll(BLOCK)].map(({ index, 1: language, 2: code, 3: output }) => {
    return { language: language!, line: text.slice(0, index).split("\n").length, code: code!, output };
  });
}

/** A folder in which `import "postern"` finds this project, with what the programs in the documents name. */
function folder(t: TestContext): string {
  mkdirSync(join(repository, "build"), { recursive: true });
  const path = mkdtempSync(join(repository, "build/document-"));
  for (const name of ["node_modules", "examples"]) symlinkSync(join(repository, name), join(path, name));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

function check(block: Block, command: string, args: readonly string[], cwd: string): void {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: "utf8", timeout: 60_000 });
  assert.equal(status, 0, stderr);
  if (block.output !== undefined) assert.equal(stdout, block.output);
}

for (const document of DOCUMENTS) {
  describe(document, { concurrency: 2 }, () => {
    for (const block of blocksOf(document)) {
      if (block.language === "js") {
        test(`the program in line ${block.line}`, (t) => {
          const path = folder(t);
          writeFileSync(join(path, "program.mjs"), block.code);
          check(block, process.execPath, ["program.mjs"], path);
        });
      } else if (block.code.startsWith("npm ci && ")) {
        test(`the commands in line ${block.line} exist`, () => {
          const { scripts } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
          const name = /^npm ci && npm (?:run )?([\w-]+)\n$/.exec(block.code)?.[1];
          assert.ok(name !== undefined && name in scripts, block.code);
        });
      } else {
        test(`the commands in line ${block.line}`, () => check(block, "sh", ["-e", "-c", block.code], repository));
      }
    }
  });
}

test("links between the documents lead somewhere", () => {
  for (const document of [...DOCUMENTS, ...OTHERS]) {
    const text = readFileSync(join(repository, document), "utf8");
    for (const [, target] of text.matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)) {
      const path = fileURLToPath(new URL(target!, `file://${join(repository, document)}`));
      assert.doesNotThrow(() => readFileSync(path, { flag: "r" }), `${document} links to ${target}`);
    }
  }
});

test("docs/library.md has every option and every error code", () => {
  const read = (path: string) => readFileSync(join(repository, path), "utf8");
  const library = read("docs/library.md");
  const options = /^export interface KeepOptions \{\n(.*?)^\}/ms.exec(read("src/keep/options.ts"))![1]!;
  const policy = /^export interface Policy \{\n(.*?)^\}/ms.exec(read("src/host/policy.ts"))![1]!;
  const fields = [...`${options}${policy}`.matchAll(/^ {2}readonly (\w+)/gm)].map(([, name]) => name!);
  const codes = [...read("src/errors.ts").matchAll(/^ {2}\| "(\w+)"/gm)].map(([, code]) => code!);
  assert.ok(fields.length > 15 && codes.length > 5);
  const rows = [...fields, ...codes].filter((name) => !new RegExp(`^\\|.*\`${name}\`.*\\|.*\\|$`, "m").test(library));
  assert.deepEqual(rows, [], "not in a table of docs/library.md");
});
