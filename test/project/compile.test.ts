// scripts/compile.mjs writes numbers for constants, and changes nothing else.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { runCheck, withTree } from "./checks.js";

const CONFIG = JSON.stringify({
  compilerOptions: {
    target: "es2023",
    module: "esnext",
    moduleResolution: "bundler",
    strict: true,
    composite: true,
    verbatimModuleSyntax: true,
    rootDir: "src",
    outDir: "dist",
    types: [],
  },
  include: ["src"],
});

const CONSTANTS = `
export const WORD = 8;
export const HEADER = 2 * WORD;
export const LIMIT = -(1 << 4) + 0xffffffff;
export const Kind = { END: 0, CALL: HEADER + 1, NAME: "end" } as const;
export const Loose = { END: 0 };
export let changing = 1;
export const text = "8";
`;

const USES: readonly (readonly [source: string, compiled: string])[] = [
  ["export const a = WORD;", "export const a = 8 /* WORD */;"],
  ["export const b = HEADER + LIMIT;", "export const b = 16 /* HEADER */ + 4294967279 /* LIMIT */;"],
  ["export const c = [Kind.CALL, -Kind.CALL];", "export const c = [17 /* Kind.CALL */, -17 /* Kind.CALL */];"],
  ["export const d = { WORD, x: WORD, Kind };", "export const d = { WORD, x: 8 /* WORD */, Kind };"],
  ["export const e = Kind.NAME + Loose.END + text;", "export const e = Kind.NAME + Loose.END + text;"],
  ["export const f = changing;", "export const f = changing;"],
  ["export const g = (WORD: number) => WORD;", "export const g = (WORD) => WORD;"],
  ["export const h = (x: typeof WORD) => x;", "export const h = (x) => x;"],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the source of one
  ["export const i = `${WORD}`;", "export const i = `${8 /* WORD */}`;"],
  ["export const j = (x = WORD) => x;", "export const j = (x = 8 /* WORD */) => x;"],
  ['export const k = Kind["CALL"];', 'export const k = Kind["CALL"];'],
  ["export function l() { const WORD = 9; return WORD; }", "{ const WORD = 9; return WORD; }"],
  ["export { WORD } from './constants.js';", "export { WORD } from './constants.js';"],
];

test("numbers stand where constants were read", () => {
  const imports = 'import { changing, HEADER, Kind, LIMIT, Loose, text, WORD } from "./constants.js";\n';
  const files = {
    "tsconfig.json": CONFIG,
    "src/constants.ts": CONSTANTS,
    "src/uses.ts": imports + USES.map(([source]) => source).join("\n"),
  };
  withTree([], files, (folder) => {
    const { status, output } = runCheck("compile.mjs", folder);
    assert.equal(status, 0, output);
    const compiled = readFileSync(join(folder, "dist/uses.js"), "utf8");
    for (const [source, wanted] of USES) assert.ok(compiled.includes(wanted), `${source}\n\n${compiled}`);
  });
});

test("a constant that changes is written anew everywhere", () => {
  const constants = (value: number) => `export const WORD = ${value};\nexport const HEADER = 2 * WORD;\n`;
  const files = {
    "tsconfig.json": CONFIG,
    "src/constants.ts": constants(8),
    "src/uses.ts": 'import { HEADER } from "./constants.js";\nexport const a = HEADER;\n',
  };
  withTree([], files, (folder) => {
    const compiled = () => {
      assert.equal(runCheck("compile.mjs", folder).status, 0);
      return readFileSync(join(folder, "dist/uses.js"), "utf8");
    };
    assert.match(compiled(), /a = 16 /);
    writeFileSync(join(folder, "src/constants.ts"), constants(9));
    assert.match(compiled(), /a = 18 /);
    assert.match(compiled(), /a = 18 /);
  });
});

test("an error of a type ends it with a status and the place", () => {
  const files = { "tsconfig.json": CONFIG, "src/wrong.ts": "export const a: number = 'text';\n" };
  const { status, output } = withTree([], files, (folder) => runCheck("compile.mjs", folder));
  assert.notEqual(status, 0);
  assert.match(output, /wrong\.ts.*TS2322/s);
});
