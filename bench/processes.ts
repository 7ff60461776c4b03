/** Child processes and what they took. One at a time: the times of two would run together. */
import { type StdioOptions, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { addressOf, check, SYS, syscall2 } from "#src/kernel/index.js";
import type { Sample } from "./model.js";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** A file of the repository. */
export const inRepository = (path: string): string => `${root}${path}`;

/** The script of a runner: a process of its own that measures one configuration. */
export const runner = (name: string): string => fileURLToPath(new URL(`./runners/${name}.js`, import.meta.url));

/** The built command. */
export const COMMAND = inRepository("dist/cli/start.cjs");

/** A child that takes longer than this is stuck. */
const TIMEOUT_MS = 20 * 60_000;
const OUTPUT_BYTES_MAX = 2 ** 26;
/** getrusage(2): of children that were waited for. */
const RUSAGE_CHILDREN = -1;
const RUSAGE_BYTES = 144;

/** How a child ran. */
export interface Finished {
  readonly stdout: string;
  readonly stderr: string;
  /** Milliseconds from its start to its end. */
  readonly wall: number;
  /** Milliseconds all its threads ran, in user and system mode. */
  readonly cpu: number;
}

const usage = new BigInt64Array(RUSAGE_BYTES / 8);
const usageAddress = addressOf(usage);

/** Processor time of all children so far, in milliseconds. */
function childrenTime(): number {
  check(syscall2(SYS.getrusage, RUSAGE_CHILDREN, usageAddress), "Asking for the times of children");
  const [userSeconds, userMicroseconds, systemSeconds, systemMicroseconds] = usage;
  return Number(userSeconds! + systemSeconds!) * 1000 + Number(userMicroseconds! + systemMicroseconds!) / 1000;
}

/**
 * Runs a command to its end.
 * @throws Error with what it wrote when it did not succeed
 */
export function execute(
  command: string,
  args: readonly string[],
  options: { readonly stdio?: StdioOptions; readonly cwd?: string } = {},
): Finished {
  const { stdio = ["ignore", "pipe", "pipe"], cwd } = options;
  const before = childrenTime();
  const start = performance.now();
  const child = spawnSync(command, args, {
    stdio,
    encoding: "utf8",
    timeout: TIMEOUT_MS,
    maxBuffer: OUTPUT_BYTES_MAX,
    ...(cwd === undefined ? {} : { cwd }),
  });
  const wall = performance.now() - start;
  const cpu = childrenTime() - before;
  if (child.error !== undefined || child.status !== 0) {
    const reason = child.error?.message ?? `status ${child.status ?? child.signal}`;
    throw new Error(`${command} ${args.join(" ")}: ${reason}\n${child.stderr ?? ""}${child.stdout ?? ""}`);
  }
  return { stdout: child.stdout ?? "", stderr: child.stderr ?? "", wall, cpu };
}

/** Runs a script of Node's. */
export function node(args: readonly string[], options: Parameters<typeof execute>[2] = {}): Finished {
  return execute(process.execPath, ["--no-warnings", ...args], options);
}

/** What a measuring process prints: how often, and nanoseconds. */
interface Line {
  readonly subject: string;
  readonly calls: number;
  readonly wall: number;
  /** Null where there is none. */
  readonly cpu: number | null;
}

/** The samples in lines of JSON, as time for one call. @throws Error when there are none */
export function perCall(text: string): Sample[] {
  const lines = text.split("\n").filter((line) => line.startsWith("{"));
  if (lines.length === 0) throw new Error(`a measuring process gave no figures: ${text}`);
  return lines.map((line) => {
    const { subject, calls, wall, cpu } = JSON.parse(line) as Line;
    return { subject, wall: wall / calls, cpu: cpu === null ? Number.NaN : cpu / calls };
  });
}

/** The path of a program that `node bench/programs/build.mjs` makes, and why it is not there if it is not. */
export function builtProgram(name: string): { readonly path: string; readonly missing: string | undefined } {
  const path = inRepository(`build/bench-programs/${name}`);
  const missing = existsSync(path) ? undefined : `not built; node bench/programs/build.mjs ${name.split(".")[0]}`;
  return { path, missing };
}
