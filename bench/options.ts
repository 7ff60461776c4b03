/** The command line of the bench. */
import { parseArgs } from "node:util";
import type { Settings } from "./model.js";

const USAGE = `usage: npm run bench -- [NAME...] [options]

  NAME           which benchmarks; all of them by default
  --rounds N     rounds, each configuration once in each (default 5)
  --long         only long runs of single calls      --short   only short ones
  --scale F      part of the usual work, such as 0.1 for a first look (default 1)
  --json FILE    write every figure to a file
  --write        put the tables into docs/performance.md
  --list         name the benchmarks

example: npm run bench -- calls start --rounds 3`;

/** What was asked for. */
export interface Options {
  readonly names: readonly string[];
  readonly settings: Omit<Settings, "directory">;
  readonly json: string | undefined;
  readonly write: boolean;
  readonly list: boolean;
}

/** What is wrong with the command line, and how it is used. */
export class UsageError extends Error {
  override readonly name = "UsageError";

  constructor(problem: string) {
    super(problem === "" ? USAGE : `${problem}\n\n${USAGE}`);
  }
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new UsageError(`--${name} is ${text}; it is a number above 0`);
}

/**
 * Reads the command line.
 * @param known names of benchmarks
 * @throws UsageError
 */
export function parseOptions(argv: readonly string[], known: readonly string[]): Options {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(argv);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  const { values, positionals } = parsed;
  if (values.help === true) throw new UsageError("");
  const unknown = positionals.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new UsageError(`there is no benchmark ${unknown}; there are ${known.join(", ")}`);
  const both = values.long === values.short;
  const lengths = (["long", "short"] as const).filter((length) => both || values[length] === true);
  return {
    names: positionals.length === 0 ? known : known.filter((name) => positionals.includes(name)),
    settings: {
      rounds: Math.ceil(positive("rounds", values.rounds)),
      scale: positive("scale", values.scale),
      lengths,
    },
    json: values.json,
    write: values.write === true,
    list: values.list === true,
  };
}

function parse(argv: readonly string[]) {
  return parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      rounds: { type: "string", default: "5" },
      scale: { type: "string", default: "1" },
      long: { type: "boolean" },
      short: { type: "boolean" },
      json: { type: "string" },
      write: { type: "boolean" },
      list: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
}
