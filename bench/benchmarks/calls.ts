/** Single calls of WASI, seen from the program that makes them. */
import { join } from "node:path";
import type { Benchmark, Budget, Configuration, Sample, Settings } from "../model.js";
import { COMMAND, execute, inRepository, node, perCall, runner } from "../processes.js";
import { callFiles, measuringStreams, rawProgram, scaled } from "./fixture.js";

/** Calls of each subject in a long run: each takes the peer about 0.2 s or more. */
const LONG: Readonly<Record<string, number>> = {
  clock: 5_000_000,
  "write-64": 500_000,
  "read-64": 500_000,
  "read-4k": 500_000,
  "read-64k": 100_000,
  seek: 500_000,
  "open-close": 100_000,
  stat: 100_000,
  readdir: 50_000,
  "random-16": 500_000,
};
/** A short run makes this part of them, and of the clock a tenth of that: about 130,000. */
const SHORT = 0.04;
const SHORT_CLOCK = 20_000;

const PROGRAM = inRepository("bench/programs/micro.wasm");
const INLINE = "inline";
const BLOCK = "inline, block only";

/** The budget of docs/performance.md. */
const AGAINST_NODE: ReadonlyArray<readonly [subject: string, most: number, configuration: string]> = [
  ["open-close", 0.8, INLINE],
  ["readdir", 0.8, INLINE],
  ["write-64", 1.15, INLINE],
  ["read-64", 1.15, INLINE],
  ["random-16", 1.15, INLINE],
  ["read-4k", 1.1, INLINE],
  ["read-64k", 1.1, INLINE],
  ["read-4k", 1.5, BLOCK],
  ["read-64k", 1.5, BLOCK],
  ["seek", 1.4, INLINE],
  ["clock", 2.5, INLINE],
];
const AGAINST_RAW = 2.5;

const BUDGETS: readonly Budget[] = [
  ...AGAINST_NODE.map(([subject, most, configuration]) => ({ subject, configuration, against: "node:wasi", most })),
  ...["write-64", "read-64", "random-16"].map((subject) => ({
    subject,
    configuration: INLINE,
    against: "raw C",
    most: AGAINST_RAW,
  })),
];

/** `SUBJECT=CALLS` for a part of the usual calls. */
function requests(scale: number, subjects: readonly string[] = Object.keys(LONG)): string[] {
  return subjects.map((subject) => `${subject}=${scaled(LONG[subject]!, scale)}`);
}

/** Those of a short run. */
function shortRequests(scale: number): string[] {
  const others = Object.keys(LONG).filter((subject) => subject !== "clock");
  return [`clock=${scaled(SHORT_CLOCK, scale)}`, ...requests(scale * SHORT, others)];
}

/** A keep that runs micro.wasm. */
function keep(name: string, options: object, args: readonly string[], stdio: ReturnType<typeof measuringStreams>) {
  const measure = (): Sample[] =>
    perCall(node([runner("keep"), JSON.stringify(options), PROGRAM, ...args], { stdio }).stderr);
  return { name, measure };
}

/** `postern run` of micro.wasm. */
function command(name: string, directory: string, args: readonly string[], stdio: ReturnType<typeof measuringStreams>) {
  const words = [COMMAND, "run", "--dir", `${directory}::/`, PROGRAM, ...args];
  return { name, measure: (): Sample[] => perCall(node(words, { stdio }).stderr) };
}

/** All calls, in long runs, in short ones, or both. */
export function callBenchmarks(settings: Settings): Benchmark[] {
  const directory = callFiles(settings.directory);
  const stdio = measuringStreams();
  const raw = rawProgram(settings.directory);
  return settings.lengths.map((length) => {
    const args = length === "short" ? shortRequests(settings.scale) : requests(settings.scale);
    const configurations: Configuration[] = [
      {
        name: "node:wasi",
        measure: () =>
          perCall(node([runner("node-wasi"), JSON.stringify({ "/": directory }), PROGRAM, ...args], { stdio }).stderr),
      },
      command(INLINE, directory, args, stdio),
      keep(BLOCK, { backend: "inline", window: false, directory }, args, stdio),
      keep("thread", { backend: "thread", window: true, directory }, args, stdio),
      {
        name: "bare JavaScript",
        measure: () => perCall(node([runner("bare"), directory, PROGRAM, ...args], { stdio }).stderr),
      },
      { name: "raw call", measure: () => perCall(node([runner("raw"), directory, ...args], { stdio }).stderr) },
    ];
    if (raw.missing === undefined) {
      configurations.push({
        name: "raw C",
        measure: () => perCall(execute(raw.path, [directory, ...args], { stdio }).stderr),
      });
    }
    return {
      name: "calls",
      title: `Calls of a program, ${length} runs, for one call`,
      unit: "ns",
      configurations,
      missing: raw.missing === undefined ? [] : [raw.missing],
      reference: "node:wasi",
      budgets: BUDGETS,
    };
  });
}

const TRACED = ["write-64", "read-64", "seek", "clock"];
const TRACED_PART = 0.2;
const TRACE_MOST = 2;

/** Calls with and without a trace that goes to a file. */
export function traceBenchmarks(settings: Settings): Benchmark[] {
  const directory = callFiles(settings.directory);
  const stdio = measuringStreams();
  const args = requests(settings.scale * TRACED_PART, TRACED);
  const plain = { backend: "inline", window: true, directory };
  const traced = { ...plain, trace: join(settings.directory, "trace.txt") };
  const budgets = ["write-64", "read-64"].map((subject) => ({
    subject,
    configuration: "traced",
    against: INLINE,
    most: TRACE_MOST,
  }));
  return [
    {
      name: "trace",
      title: "Calls with a trace to a file, for one call",
      unit: "ns",
      configurations: [keep(INLINE, plain, args, stdio), keep("traced", traced, args, stdio)],
      missing: [],
      reference: INLINE,
      budgets,
    },
  ];
}

const ENTRY_LOOP_MOST = 1.03;
const LOOP = "entry loop";
const DIRECT = "direct";

/**
 * What the entry loop adds to all calls. Most of them go past JavaScript, the loop too; calls that somebody watches or decides
 * on, and those of keeps in a thread, go through JavaScript.
 */
export function entryBenchmarks(settings: Settings): Benchmark[] {
  const directory = callFiles(settings.directory);
  const stdio = measuringStreams();
  const args = requests(settings.scale);
  const through = (name: string, way: string): Configuration => ({
    name,
    measure: () => perCall(node([runner("entry"), way, directory, PROGRAM, ...args], { stdio }).stderr),
  });
  return [
    {
      name: "entry",
      title: "Calls of a program, each an exit of the virtual processor, for one call",
      unit: "ns",
      configurations: [
        through(DIRECT, "direct"),
        through(LOOP, "loop"),
        through("JavaScript, direct", "js-direct"),
        through("JavaScript, entry loop", "js-loop"),
      ],
      missing: [],
      reference: DIRECT,
      budgets: Object.keys(LONG).map((subject) => ({
        subject,
        configuration: LOOP,
        against: DIRECT,
        most: ENTRY_LOOP_MOST,
      })),
    },
  ];
}
