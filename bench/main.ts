/**
 * `npm run bench`: measures Postern beside its peers in one run. Start reading here; `benchmarks/` says what is measured,
 * `runners/` holds the processes that do it, `programs/` the programs they run. What the figures mean stands in
 * docs/performance.md.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BENCHMARKS } from "./benchmarks/index.js";
import { budgetLines, budgetTable } from "./budget.js";
import { replaceFigures } from "./document.js";
import { type Machine, machine, machineLine } from "./machine.js";
import type { BenchmarkResult, Settings } from "./model.js";
import { type Options, parseOptions, UsageError } from "./options.js";
import { inRepository } from "./processes.js";
import { runBenchmark } from "./rounds.js";
import { resultTables } from "./tables.js";

const DOCUMENT = inRepository("docs/performance.md");

/** Progress for people who wait: one line that is overwritten, nothing where nobody looks. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

async function measureAll(names: readonly string[], settings: Settings): Promise<Map<string, BenchmarkResult[]>> {
  const results = new Map<string, BenchmarkResult[]>();
  for (const name of names) {
    const group: BenchmarkResult[] = [];
    for (const benchmark of BENCHMARKS[name]!(settings)) {
      group.push(await runBenchmark(benchmark, settings, progress));
      progress("");
      console.log(`\n${resultTables(group.at(-1)!)}`);
    }
    results.set(name, group);
  }
  return results;
}

/** Everything that was measured, for other programs. */
function jsonOf(facts: Machine, settings: Settings, results: readonly BenchmarkResult[]): string {
  const { rounds, scale, lengths } = settings;
  const benchmarks = results.map(({ benchmark, measured }) => ({
    name: benchmark.name,
    title: benchmark.title,
    unit: benchmark.unit,
    reference: benchmark.reference,
    missing: benchmark.missing,
    measured,
  }));
  const document = { machine: facts, rounds, scale, lengths, benchmarks, budget: budgetLines(results) };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** Puts the tables into the document. The budget is put there only when all of it was measured. */
function writeDocument(facts: Machine, results: ReadonlyMap<string, readonly BenchmarkResult[]>): void {
  let document = readFileSync(DOCUMENT, "utf8");
  for (const [name, group] of results) {
    const text = [...group.map(resultTables), `Measured on: ${machineLine(facts)}.`].join("\n\n");
    document = replaceFigures(document, name, text);
  }
  if (results.size === Object.keys(BENCHMARKS).length) {
    document = replaceFigures(document, "budget", budgetTable([...results.values()].flat()));
  }
  writeFileSync(DOCUMENT, document);
}

async function main(options: Options): Promise<void> {
  const facts = machine();
  const { settings: wanted, names } = options;
  console.log(`${machineLine(facts)}\n${wanted.rounds} rounds; median (range), then the median on the processor.`);
  const directory = mkdtempSync(join(tmpdir(), "postern-bench-"));
  try {
    const settings = { ...wanted, directory };
    const results = await measureAll(names, settings);
    const all = [...results.values()].flat();
    console.log(`\n${budgetTable(all)}`);
    if (options.json !== undefined) writeFileSync(options.json, jsonOf(facts, settings, all));
    if (options.write) writeDocument(facts, results);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

try {
  const options = parseOptions(process.argv.slice(2), Object.keys(BENCHMARKS));
  if (options.list) console.log(Object.keys(BENCHMARKS).join("\n"));
  else await main(options);
} catch (error) {
  console.error(`bench: ${(error as Error).message}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
