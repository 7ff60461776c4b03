/** Copies of the built engine with one check taken out, to show that the hostile suites notice. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { createEngine } from "postern/guest";

/** A check, and the text that takes its place. The text must be found. */
export interface Weakness {
  readonly name: string;
  readonly find: RegExp;
  readonly replace: string;
}

const GUEST = new URL("../../../dist/guest/", import.meta.url);
/** What the engine is made of. */
const PARTS = ["engine.js", "wire.js", "fast.js", "staging.js", "collecting.js"];

/** Imports of other files point to where those are; the engine's own parts to the copies beside. */
function rewired(source: string): string {
  return source.replace(/from "(\.\.?\/[^"]+)"/g, (whole, path: string) =>
    PARTS.includes(path.slice(2)) ? whole : `from "${new URL(path, GUEST).href}"`,
  );
}

/** Numbers that stand for constants are names again, as in the source. */
function named(compiled: string): string {
  return compiled.replace(/\d+ \/\* ([\w.]+) \*\//g, "$1");
}

/** The engine with a weakness. @throws Error where the check is not in the built engine */
export async function weakened({ name, find, replace }: Weakness): Promise<typeof createEngine> {
  const all = new RegExp(find.source, "g");
  let found = 0;
  const folder = mkdtempSync(join(tmpdir(), "postern-weakened-"));
  try {
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    for (const part of PARTS) {
      const source = named(readFileSync(new URL(part, GUEST), "utf8"));
      found += source.match(all)?.length ?? 0;
      writeFileSync(join(folder, part), rewired(source.replace(all, replace)));
    }
    if (found === 0) throw new Error(`the check to take out is not in the engine: ${name}`);
    return (await import(pathToFileURL(join(folder, "engine.js")).href)).createEngine;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Checks of the engine, each of which some case of a lying host must need. */
export const WEAKNESSES: readonly Weakness[] = [
  { name: "count of the general route", find: /value > limitOf\(staged\)/, replace: "false" },
  { name: "count of a transfer", find: /if \(state\.high !== 0 \|\| state\.low > max\)/, replace: "if (false)" },
  {
    name: "high half of a count",
    find: /if \(state\.high !== 0 \|\| state\.low > max\)/,
    replace: "if (state.low > max)",
  },
  { name: "range of errno", find: /TWO_32 - 4095/, replace: "TWO_32 - 4096" },
  { name: "range of errno, compatible", find: /TWO_32 - 4097/, replace: "TWO_32 - 4095" },
  { name: "range of a 32-bit value", find: /high === 0 && low <= 0x7fffffff/, replace: "high === 0" },
  { name: "range of an int", find: /state\.high === 0 && state\.low <= 0x7fffffff/, replace: "state.high === 0" },
  { name: "range of a byte", find: /high === 0 && low <= 255/, replace: "high === 0" },
  { name: "range of park's value", find: /high !== \(\(low \| 0\) >> 31\) >>> 0/, replace: "false" },
  { name: "room of an address", find: /Math\.min\(room, length\)/, replace: "length" },
  { name: "length of an address", find: /compatible \? length : filled/, replace: "length" },
  { name: "outputs of a failed call", find: /failed && !\(compatible && /, replace: "failed && (compatible && " },
  { name: "remainder of a sleep", find: /state\.errno !== Errno\.EINTR/, replace: "false" },
  { name: "pieces of a read", find: /Math\.min\(piece\.length, left\)/, replace: "piece.length" },
  { name: "the host's part of a record", find: /!compatible && parameter\.replyAt > 0/, replace: "false" },
  { name: "an exit that came back", find: /state\.errno === 0 && plan\.final/, replace: "false" },
  { name: "an exit that came back, short way", find: /plan\.final && state\.errno === 0/, replace: "false" },
  { name: "end of a batch that was lied to", find: /lied && !compatible/, replace: "false" },
  { name: "no call after an attack", find: /if \(state\.attacked\)\s+attack\(\);/, replace: "" },
  { name: "error of the hand-over", find: /if \(error !== 0\)\s+return fail\(error\);/, replace: "" },
  {
    name: "offsets in private memory",
    find: /const at = staged\.data \+ staged\.offset\[index\];/,
    replace:
      "const at = staged.data + halves[(staged.item + 24 + 8 * plan.offsetSlot[index]) >>> 2] % (bytes.length - staged.data);",
  },
  { name: "room in the block", find: /if \(at( \+ length)? > limit\)/, replace: "if (false)" },
];
