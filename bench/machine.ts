/** What the figures were measured on. */
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";

/** Facts of the machine that change figures. */
export interface Machine {
  readonly processor: string;
  readonly processors: number;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly node: string;
  readonly engine: string;
  /** Load average of the last minute when the run began: above about 0.5, figures are noisy. */
  readonly load: number;
}

/** The name of the processor; Linux does not tell it to Node on every architecture. */
function processorName(): string {
  const told = cpus()[0]?.model.trim() ?? "";
  if (told !== "" && told !== "unknown") return told;
  try {
    return /^(?:Model|Hardware)\s*:\s*(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? process.arch;
  } catch {
    return process.arch;
  }
}

/** Looks at this machine. */
export function machine(): Machine {
  return {
    processor: processorName(),
    processors: availableParallelism(),
    memoryBytes: totalmem(),
    kernel: release(),
    node: process.version,
    engine: process.versions.v8,
    load: Math.round(loadavg()[0]! * 100) / 100,
  };
}

/** The facts as one line. */
export function machineLine(facts: Machine): string {
  const memory = `${Math.round(facts.memoryBytes / 2 ** 30)} GiB`;
  const processor = `${facts.processor}, ${facts.processors} processors, ${memory}`;
  return `${processor}, Linux ${facts.kernel}, Node ${facts.node} (V8 ${facts.engine}), load ${facts.load}`;
}
