/** Replays recorded cases: one file, one kind; each case against the public API of the part it belongs to. */
import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";

/** One line of a vector file. */
// biome-ignore lint/suspicious/noExplicitAny: recorded data of several formats, checked by the kind that reads it
export type VectorCase = Record<string, any>;

/** What knows how to run the cases of one file format. Throws where the outcome differs from the recording. */
export type RunCase = (vector: VectorCase) => void | Promise<void>;

/** A kind: how its files are named, how a line of it looks, and the module that runs it. */
interface Kind {
  readonly name: string;
  readonly recognises: (vector: VectorCase) => boolean;
  readonly load: () => Promise<{ runCase: RunCase }>;
}

const KINDS: readonly Kind[] = [
  {
    name: "sallyport-host",
    recognises: (vector) => /^(host|block)\./.test(String(vector.call)),
    load: () => import("./kinds/sallyport-host.js"),
  },
  {
    name: "sallyport-guest",
    recognises: (vector) => vector.blockWords !== undefined && vector.exchanges !== undefined,
    load: () => import("./kinds/sallyport-guest.js"),
  },
  {
    name: "enter",
    recognises: (vector) => vector.contract !== undefined && vector.enclave !== undefined,
    load: () => import("./kinds/enter.js"),
  },
  {
    name: "sallyport-02",
    recognises: (vector) => String(vector.call).startsWith("v02."),
    load: () => import("./kinds/sallyport-02.js"),
  },
  {
    name: "measure",
    recognises: (vector) => "kind" in vector && "input" in vector && "expect" in vector,
    load: () => import("./kinds/measure.js"),
  },
];

/** Outcome of one file. */
export interface Outcome {
  passed: number;
  failed: number;
  readonly failures: string[];
}

function kindOf(file: string, first: VectorCase): Kind {
  const name = basename(file);
  const kind = KINDS.find((each) => name.startsWith(each.name)) ?? KINDS.find((each) => each.recognises(first));
  if (kind === undefined) throw new Error(`${file}: not a vector file of a known kind`);
  return kind;
}

/** A case's name for messages. */
export function caseName(vector: VectorCase): string {
  return String(vector.name ?? vector.id ?? JSON.stringify(vector).slice(0, 60));
}

/** The cases of a file, one for each line. */
export function readCases(file: string): VectorCase[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => JSON.parse(line));
}

/** Runs every case of `file`; `report` hears of each one. */
export async function replayFile(
  file: string,
  report: (name: string, error: unknown) => void = () => {},
): Promise<Outcome> {
  const cases = readCases(file);
  const outcome: Outcome = { passed: 0, failed: 0, failures: [] };
  if (cases.length === 0) throw new Error(`${file}: no cases`);
  const { runCase } = await kindOf(file, cases[0]!).load();
  for (const vector of cases) {
    const name = caseName(vector);
    try {
      await runCase(vector);
      outcome.passed++;
      report(name, null);
    } catch (error) {
      outcome.failed++;
      outcome.failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      report(name, error);
    }
  }
  return outcome;
}

/** The files a test run replays: the project's own copies, and the shared folder beside the checkout where there is one. */
export function vectorFiles(name: string): string[] {
  const own = new URL(`../../../test/vectors/data/${name}`, import.meta.url).pathname;
  const shared = new URL(`../../../../shared/vectors/${name}`, import.meta.url).pathname;
  return [own, shared].filter((file) => existsSync(file));
}
