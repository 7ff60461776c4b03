// The bench as it is used, with next to no work: every benchmark gives figures. No test looks at how large they are.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { BENCHMARKS } from "../../bench/benchmarks/index.js";
import { programBenchmarks } from "../../bench/benchmarks/processes.js";
import { budgetLines } from "../../bench/budget.js";
import { replaceFigures } from "../../bench/document.js";
import { parseOptions, UsageError } from "../../bench/options.js";
import { builtProgram } from "../../bench/processes.js";
import { runBenchmark } from "../../bench/rounds.js";
import { median, pairedRatio } from "../../bench/statistics.js";
import { resultTables } from "../../bench/tables.js";

const main = fileURLToPath(new URL("../../bench/main.js", import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "postern-bench-test-"));
after(() => rmSync(directory, { recursive: true, force: true }));

const CALLS = "clock write-64 read-64 read-4k read-64k seek open-close stat readdir random-16".split(" ");

/** Subjects that each benchmark must have figures of, in each of its configurations. */
const SUBJECTS: Readonly<Record<string, readonly string[]>> = {
  calls: CALLS,
  boundary:
    "guest-write-64 guest-clock guest-getuid round-write-64 round-clock round-getuid batch-1 batch-4 batch-16 batch-64".split(
      " ",
    ),
  entry: CALLS,
  trace: ["write-64", "read-64", "seek", "clock"],
  start: ["process"],
  memory: ["idle"],
  many: ["all of 1 (ms)", "most memory (MiB)"],
};

interface Document {
  readonly machine: { readonly node: string };
  readonly benchmarks: ReadonlyArray<{
    readonly measured: ReadonlyArray<{
      readonly configuration: string;
      readonly subjects: Readonly<Record<string, { readonly wall: number[] }>>;
    }>;
  }>;
}

describe("every benchmark runs and yields figures", () => {
  for (const [name, subjects] of Object.entries(SUBJECTS)) {
    test(name, () => {
      const file = join(directory, `${name}.json`);
      const args = [main, name, "--long", "--rounds", "1", "--scale", "0.0002", "--json", file];
      const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
      assert.equal(status, 0, stderr + stdout);
      const document = JSON.parse(readFileSync(file, "utf8")) as Document;
      assert.equal(document.machine.node, process.version);
      assert.equal(document.benchmarks.length, 1);
      const { measured } = document.benchmarks[0]!;
      assert.ok(measured.length >= 2, "something to compare with");
      for (const { configuration, subjects: figures } of measured) {
        assert.deepEqual(Object.keys(figures), subjects, configuration);
        for (const [subject, { wall }] of Object.entries(figures)) {
          assert.equal(wall.length, 1, `${configuration} ${subject}`);
          assert.ok(Number.isFinite(wall[0]), `${configuration} ${subject}`);
        }
      }
    });
  }

  test("all but whole programs are among these", () => {
    assert.deepEqual([...Object.keys(SUBJECTS), "programs"].sort(), Object.keys(BENCHMARKS).sort());
  });

  const { missing } = builtProgram("sqlite.wasm");
  test("a whole program: SQLite", { skip: missing ?? false }, async () => {
    const settings = { rounds: 1, scale: 0.02, lengths: ["long"], directory } as const;
    const sqlite = programBenchmarks(settings).find(({ title }) => title.startsWith("SQLite"))!;
    const { measured } = await runBenchmark(sqlite, settings);
    assert.deepEqual(
      measured.map(({ configuration }) => configuration),
      ["node:wasi", "postern run"],
    );
    for (const { subjects } of measured) assert.ok(subjects.process!.wall[0]! > 0);
  });
});

describe("figures", () => {
  test("the median of an even number of values is the mean of the middle two", () => {
    assert.equal(median([4, 1, 3, 2]), 2.5);
    assert.equal(median([3, 1, 2]), 2);
    assert.ok(Number.isNaN(median([])));
  });

  test("a ratio compares values of the same round", () => {
    // The second round was ten times slower for both sides.
    assert.equal(pairedRatio([2, 20, 2], [1, 10, 1]), 2);
  });

  const benchmark = {
    name: "one",
    title: "One thing",
    unit: "ns",
    configurations: [],
    missing: [{ name: "raw C", reason: "no compiler" }],
    reference: "peer",
    budgets: [
      { subject: "call", configuration: "ours", against: "peer", most: 1.5 },
      { subject: "call", configuration: "ours", against: "raw C", most: 2 },
    ],
    bounds: [{ subject: "call", configuration: "ours", most: 10 }],
  } as const;
  const result = {
    benchmark,
    measured: [
      { configuration: "peer", subjects: { call: { wall: [10, 12], cpu: [10, 12] } } },
      { configuration: "ours", subjects: { call: { wall: [12, 18], cpu: [11, 12] } } },
    ],
  };

  test("a budget is a ratio or a limit, and says when there is nothing to compare with", () => {
    const [ratio, unmeasured, bound] = budgetLines([result]);
    assert.deepEqual([ratio!.wall, ratio!.most], [1.35, 1.5]);
    assert.ok(Number.isNaN(unmeasured!.wall));
    assert.deepEqual([bound!.wall, bound!.against], [15, null]);
  });

  test("tables show medians, ranges, ratios and what is missing", () => {
    const text = resultTables(result);
    assert.match(text, /\| call +\| 11\.0 \(10\.0-12\.0\), 11\.0 \|/);
    assert.match(text, /\| against peer \| +ours \|/);
    assert.match(text, /1\.35, 1\.05/);
    assert.match(text, /Not measured: raw C: no compiler\./);
  });
});

describe("the document", () => {
  test("figures replace those between the marks and nothing else", () => {
    const document = "a\n<!-- figures: x -->\nold\n<!-- end of figures -->\nb <!-- end of figures -->";
    const replaced = replaceFigures(document, "x", "new");
    assert.equal(replaced, "a\n<!-- figures: x -->\n\nnew\n\n<!-- end of figures -->\nb <!-- end of figures -->");
    assert.throws(() => replaceFigures(document, "y", "new"), /no place for the figures of y/);
  });

  test("docs/performance.md has a place for each benchmark and for the budget", () => {
    const text = readFileSync(fileURLToPath(new URL("../../../docs/performance.md", import.meta.url)), "utf8");
    for (const name of [...Object.keys(BENCHMARKS), "budget"])
      assert.doesNotThrow(() => replaceFigures(text, name, ""));
  });
});

describe("the command line", () => {
  const names = Object.keys(BENCHMARKS);

  test("measures everything, long and short, by default", () => {
    const { names: chosen, settings } = parseOptions([], names);
    assert.deepEqual(chosen, names);
    assert.deepEqual(settings, { rounds: 5, scale: 1, lengths: ["long", "short"] });
  });

  test("takes names and lengths", () => {
    const { names: chosen, settings } = parseOptions(["start", "calls", "--short", "--rounds", "2"], names);
    assert.deepEqual(chosen, ["calls", "start"]);
    assert.deepEqual(settings, { rounds: 2, scale: 1, lengths: ["short"] });
  });

  test("refuses what it does not know", () => {
    for (const argv of [["call"], ["--rounds", "none"], ["--rounds", "0"], ["--scale=-1"], ["--fast"]]) {
      assert.throws(() => parseOptions(argv, names), UsageError);
    }
  });
});
