import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { type Outcome, runCheck, withTree } from "./checks.js";

/** Real files that obey the rules, for the wrong ones to stand between and to point at. */
const COPIES = [
  ..."src/errors.ts src/units.ts src/cli/nearest.ts src/kernel/errno.ts src/kernel/generated/errors.ts".split(" "),
];
/** Files of which a tree needs no more than the name, to be pointed at. */
const NAMES = Object.fromEntries(
  ["host/index", "guest/index", "keep/keep", "kernel/capabilities"].map((name) => [`src/${name}.ts`, "export {};\n"]),
);

interface Wrong {
  readonly what: string;
  /** Each has a file of its own. */
  readonly file: string;
  readonly text: string;
  /** Where the message must point. */
  readonly line: number;
  readonly says: RegExp;
}

const WRONG: readonly Wrong[] = [
  {
    what: "an arrow that the table lacks",
    file: "src/guest/bad-01.ts",
    text: `import { PosternError } from "../errors.js";\nimport * as host from "../host/index.js";\n`,
    line: 2,
    says: /guest -> host is forbidden.*guest may import errors\.ts, sallyport/,
  },
  {
    what: "an arrow against the direction",
    file: "src/sallyport/bad-02.ts",
    text: `import {} from "../guest/index.js";\n`,
    line: 1,
    says: /sallyport -> guest is forbidden/,
  },
  {
    what: "an arrow to the command line",
    file: "src/keep/bad-03.ts",
    text: `import { nearest } from "../cli/nearest.js";\n`,
    line: 1,
    says: /keep -> cli is forbidden/,
  },
  {
    what: "an arrow to keep from a part below it",
    file: "src/host/bad-04.ts",
    text: `import {} from "../keep/keep.js";\n`,
    line: 1,
    says: /host -> keep is forbidden/,
  },
  {
    what: "an arrow that carries types only",
    file: "src/guest/bad-05.ts",
    text: `import type {} from "../host/index.js";\n`,
    line: 1,
    says: /guest -> host is forbidden/,
  },
  {
    what: "a re-export",
    file: "src/guest/bad-06.ts",
    text: `\n\nexport * from "../host/index.js";\n`,
    line: 3,
    says: /guest -> host is forbidden/,
  },
  {
    what: "an import()",
    file: "src/guest/bad-07.ts",
    text: `export const load = () =>\n  import("../host/index.js");\n`,
    line: 2,
    says: /guest -> host is forbidden/,
  },
  {
    what: "a type of an import()",
    file: "src/guest/bad-08.ts",
    text: `export type Host = typeof import("../host/index.js");\n`,
    line: 1,
    says: /guest -> host is forbidden/,
  },
  {
    what: "the file of a worker",
    file: "src/guest/bad-09.ts",
    text: `export const worker = new URL("../host/index.js", import.meta.url);\n`,
    line: 1,
    says: /guest -> host is forbidden/,
  },
  {
    what: "a file of kernel/ other than the one that the command line may ask",
    file: "src/cli/bad-10.ts",
    text: `import {} from "../kernel/capabilities.js";\nimport {} from "../kernel/errno.js";\n`,
    line: 2,
    says: /cli -> kernel is forbidden.*kernel\/capabilities\.ts/,
  },
  {
    what: "a module of Node in a pure part",
    file: "src/shim/wasi/bad-11.ts",
    text: `import { readFileSync } from "node:fs";\n`,
    line: 1,
    says: /shim -> node:fs is forbidden; shim is pure/,
  },
  {
    what: "a module of Node without its prefix, and by require",
    file: "src/wasm/bad-12.ts",
    text: `const crypto = require("crypto");\n`,
    line: 1,
    says: /wasm -> crypto is forbidden; wasm is pure/,
  },
  {
    what: "a module of Node in the plans of devices",
    file: "src/devices/plan.ts",
    text: `import { createHash } from "node:crypto";\n`,
    line: 1,
    says: /devices -> node:crypto is forbidden; devices is pure/,
  },
  {
    what: "the foreign function interface in a pure part",
    file: "src/sallyport/bad-13.ts",
    text: `import { createRequire } from "node:module";\nconst koffi = createRequire(import.meta.url)("koffi");\n`,
    line: 2,
    says: /sallyport -> koffi is forbidden; sallyport is pure/,
  },
  {
    what: "the foreign function interface outside of kernel/",
    file: "src/host/bad-14.ts",
    text: `import koffi from "koffi";\n`,
    line: 1,
    says: /host -> koffi is forbidden; host may import only node:\*/,
  },
  {
    what: "another package",
    file: "src/kernel/bad-15.ts",
    text: `import leftPad from "left-pad";\n`,
    line: 1,
    says: /kernel -> left-pad is forbidden; kernel may import only node:\*, koffi/,
  },
  ...["process.exit(1);", "Buffer.alloc(1);", "globalThis.process;", "export const all = { process };"].map(
    (text, index) => ({
      what: `a global of Node in a pure part: ${text}`,
      file: `src/guest/global-${index}.ts`,
      text: `export const one = 1;\n${text}\n`,
      line: 2,
      says: /guest -> (process|Buffer) is forbidden; guest is pure: no globals of Node/,
    }),
  ),
  {
    what: "an import through the package's own name",
    file: "src/host/bad-17.ts",
    text: `import {} from "postern/sallyport";\n`,
    line: 1,
    says: /an import inside src\/ is a relative path/,
  },
  {
    what: "an import through the map that tests use",
    file: "src/host/bad-18.ts",
    text: `import {} from "#src/sallyport/names.js";\n`,
    line: 1,
    says: /an import inside src\/ is a relative path/,
  },
  {
    what: "a file that does not exist",
    file: "src/host/bad-19.ts",
    text: `import {} from "../sallyport/nowhere.js";\n`,
    line: 1,
    says: /there is no src\/sallyport\/nowhere\.ts/,
  },
  {
    what: "a file outside of src/",
    file: "src/host/bad-20.ts",
    text: `import {} from "../../test/help.js";\n`,
    line: 1,
    says: /src\/ imports only from src\//,
  },
  {
    what: "a computed import",
    file: "src/host/bad-21.ts",
    text: `export const load = (name: string) => import(name);\n`,
    line: 1,
    says: /must be a literal/,
  },
  {
    what: "a reference directive",
    file: "src/guest/bad-22.ts",
    text: `/// <reference types="node" />\nexport {};\n`,
    line: 1,
    says: /node: a reference is an arrow that nobody sees/,
  },
  {
    what: "a part that the table does not know",
    file: "src/attic/old.ts",
    text: "export {};\n",
    line: 1,
    says: /add a row that says what it may import/,
  },
];

const accepted = {
  "src/guest/good.ts": `export const names = { process: 1, Buffer: 2 };
export const sum = names.process + names.Buffer;
export function run(process: () => void, { module: unit }: { module: number }): number {
  process();
  return unit;
}
`,
  "src/cli/good.ts": `import { join } from "node:path";
export const load = () => import("../kernel/capabilities.js");
export { join };
`,
};

describe("scripts/arrows.mjs", () => {
  const files = { ...NAMES, ...accepted, ...Object.fromEntries(WRONG.map(({ file, text }) => [file, text])) };
  let outcome: Outcome;
  before(() => {
    outcome = withTree(COPIES, files, (folder) => runCheck("arrows.mjs", folder));
  });

  for (const { what, file, line, says } of WRONG) {
    it(`refuses ${what}`, () => {
      const found = outcome.output.split("\n").find((message) => message.startsWith(`${file}:${line}: `));
      assert.match(found ?? `nothing about ${file}:${line} in ${outcome.output}`, says);
    });
  }

  it("fails when it refuses something", () => {
    assert.equal(outcome.status, 1);
  });

  it("accepts members, parameters and names of a file's own that are called like globals of Node", () => {
    assert.doesNotMatch(outcome.output, /src\/guest\/good\.ts/);
  });

  it("accepts kernel/capabilities.ts for the command line, and modules of Node where no rule forbids them", () => {
    assert.doesNotMatch(outcome.output, /src\/cli\/good\.ts/);
  });

  it("accepts the rest of that tree, and says how much it refused", () => {
    const lines = outcome.output.trimEnd().split("\n");
    const refused = new Set(lines.slice(0, -1).map((line) => line.split(":")[0]));
    assert.deepEqual([...refused].sort(), WRONG.map(({ file }) => file).sort());
    assert.match(lines.at(-1)!, new RegExp(`^arrows: ${lines.length - 1} found`));
  });

  it("refuses a folder without src/", () => {
    const { status, output } = withTree([], {}, (folder) => runCheck("arrows.mjs", folder));
    assert.equal(status, 2);
    assert.match(output, /no such folder/);
  });

  it("accepts the project", () => {
    const { status, output } = runCheck("arrows.mjs");
    assert.equal(status, 0, output);
  });
});
