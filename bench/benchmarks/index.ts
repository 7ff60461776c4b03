/** All benchmarks, by the name they are asked for. */
import type { BenchmarkMaker } from "../model.js";
import { boundaryBenchmarks } from "./boundary.js";
import { callBenchmarks, entryBenchmarks, traceBenchmarks } from "./calls.js";
import { manyBenchmarks, memoryBenchmarks } from "./keeps.js";
import { programBenchmarks, startBenchmarks } from "./processes.js";

/** In the order they run. */
export const BENCHMARKS: Readonly<Record<string, BenchmarkMaker>> = {
  calls: callBenchmarks,
  boundary: boundaryBenchmarks,
  entry: entryBenchmarks,
  trace: traceBenchmarks,
  start: startBenchmarks,
  programs: programBenchmarks,
  memory: memoryBenchmarks,
  many: manyBenchmarks,
};
