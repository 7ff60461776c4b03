/** Many keeps in one process: what an idle one takes, and a hundred at once. */
import type { Benchmark, Configuration, Settings } from "../model.js";
import { inRepository, node, perCall, runner } from "../processes.js";
import { callFiles, measuringStreams, scaled } from "./fixture.js";

const MIB = 2 ** 20;
const REACTOR = inRepository("test/fixtures/programs/behaviours/reactor.wasm");
const IDLE = 50;
const IDLE_MIB_MOST = 1;

/** Memory of keeps that wait. */
export function memoryBenchmarks(settings: Settings): Benchmark[] {
  const stdio = measuringStreams();
  const count = scaled(IDLE, settings.scale);
  const idle = (name: string, kind: string): Configuration => ({
    name,
    measure: () => {
      const { stderr } = node(["--expose-gc", runner("memory"), `${kind}=${count}`, REACTOR], { stdio });
      return perCall(stderr).map(({ subject, wall, cpu }) => ({ subject, wall: wall / MIB, cpu: cpu / MIB }));
    },
  });
  return [
    {
      name: "memory",
      title: "Memory of an idle keep on the calling thread",
      unit: "MiB",
      configurations: [idle("node:wasi", "node"), idle("inline", "keep")],
      missing: [],
      reference: "node:wasi",
      budgets: [],
      bounds: [{ subject: "idle", configuration: "inline", most: IDLE_MIB_MOST }],
      note: `First the resident memory, then what the JavaScript heap tells. Both are the growth of a process by ${count} keeps, divided; pages the program itself touched are included.`,
    },
  ];
}

const MANY = 100;
const WORK = { clock: 2000, "write-64": 2000, "read-4k": 1000, "open-close": 100 };

/** A hundred programs at once. */
export function manyBenchmarks(settings: Settings): Benchmark[] {
  const directory = callFiles(settings.directory);
  const stdio = measuringStreams();
  const count = scaled(MANY, settings.scale);
  const work = Object.entries(WORK).map(([subject, calls]) => `${subject}=${scaled(calls, settings.scale)}`);
  const program = inRepository("bench/programs/micro.wasm");
  const configuration = (name: string, kind: string): Configuration => ({
    name,
    measure: () =>
      perCall(node([runner("many"), `${kind}=${count}`, directory, program, ...work], { stdio }).stderr).map(
        ({ subject, wall, cpu }) =>
          subject === "time"
            ? { subject: `all of ${count} (ms)`, wall: wall / 1e6, cpu: cpu / 1e6 }
            : { subject: "most memory (MiB)", wall: wall / MIB, cpu },
      ),
  });
  return [
    {
      name: "many",
      title: `${count} programs at once, each on a thread of its own`,
      unit: "",
      configurations: [configuration("node:wasi in workers", "node"), configuration("keeps", "keep")],
      missing: [],
      reference: "node:wasi in workers",
      budgets: [],
    },
  ];
}
