/** The boundary by itself: the guest alone, guest and host on one thread, and batches. */
import type { Benchmark, Configuration, Sample, Settings } from "../model.js";
import { execute, node, perCall, runner } from "../processes.js";
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
