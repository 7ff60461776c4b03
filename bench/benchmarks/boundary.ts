/** The boundary by itself: the guest alone, guest and host on one thread, batches, and the entry loop. */
import type { Benchmark, Configuration, Sample, Settings } from "../model.js";
import { execute, inRepository, node, perCall, runner } from "../processes.js";
import { callFiles, measuringStreams, rawProgram, scaled } from "./fixture.js";

const CALLS = 1_000_000;
/** What is measured, and the bare call it is shown beside. */
const SUBJECTS: Readonly<Record<string, string>> = {
  "guest-write-64": "write-64",
  "guest-clock": "clock",
  "guest-getuid": "getuid",
  "round-write-64": "write-64",
  "round-clock": "clock",
  "round-getuid": "getuid",
  "batch-1": "write-64",
  "batch-4": "write-64",
  "batch-16": "write-64",
  "batch-64": "write-64",
};

/** Samples of bare calls, each in the rows it belongs to. */
function inRows(samples: readonly Sample[]): Sample[] {
  return Object.entries(SUBJECTS).map(([subject, bare]) => {
    const found = samples.find((sample) => sample.subject === bare);
    if (found === undefined) throw new Error(`${bare} was not measured`);
    return { ...found, subject };
  });
}

/** The parts of a call. */
export function boundaryBenchmarks(settings: Settings): Benchmark[] {
  const directory = callFiles(settings.directory);
  const stdio = measuringStreams();
  const raw = rawProgram(settings.directory);
  const calls = scaled(CALLS, settings.scale);
  const bare = ["write-64", "clock", "getuid"].map((subject) => `${subject}=${calls}`);
  const configurations: Configuration[] = [
    { name: "raw call", measure: () => inRows(perCall(node([runner("raw"), directory, ...bare], { stdio }).stderr)) },
    {
      name: "postern",
      measure: () =>
        Object.keys(SUBJECTS).flatMap((subject) =>
          perCall(node([runner("protocol"), `${subject}=${calls}`], { stdio }).stderr),
        ),
    },
  ];
  if (raw.missing === undefined) {
    configurations.push({
      name: "raw C",
      measure: () => inRows(perCall(execute(raw.path, [directory, ...bare], { stdio }).stderr)),
    });
  }
  return [
    {
      name: "boundary",
      title: "The boundary without a program, for one call",
      unit: "ns",
      configurations,
      missing: raw.missing === undefined ? [] : [raw.missing],
      reference: "raw call",
      budgets: [],
      note: "`guest`: the host is a stub. `round`: guest, host and Linux on one thread. `batch-N`: N writes of 64 bytes handed over at once, for each write. `getuid` is answered in the guest. The original in Rust, on a similar machine: 13 ns for the guest alone, about 20 ns over a bare `write`, 2 ns for what the guest answers.",
    },
  ];
}

const ENTRY_LOOP_MOST = 1.03;
const LOOP = "entry loop";
const DIRECT = "direct";
/** Calls that enter the kernel, whose budget the loop must keep; the clock shows what the loop costs by itself. */
const ENTERING = ["write-64", "read-64", "seek"];

/** What the entry loop adds to the calls of a program. */
export function entryBenchmarks(settings: Settings): Benchmark[] {
  const directory = callFiles(settings.directory);
  const stdio = measuringStreams();
  const calls = scaled(CALLS, settings.scale);
  const args = [...ENTERING, "clock"].map((subject) => `${subject}=${calls}`);
  const program = inRepository("bench/programs/micro.wasm");
  const through = (name: string, way: string): Configuration => ({
    name,
    measure: () => perCall(node([runner("entry"), way, directory, program, ...args], { stdio }).stderr),
  });
  return [
    {
      name: "entry",
      title: "Calls of a program, each an exit of the virtual processor, for one call",
      unit: "ns",
      configurations: [through(DIRECT, "direct"), through(LOOP, "loop")],
      missing: [],
      reference: DIRECT,
      budgets: ENTERING.map((subject) => ({ subject, configuration: LOOP, against: DIRECT, most: ENTRY_LOOP_MOST })),
    },
  ];
}
