/** The short way: run a command to its end and get what it wrote. */
import type { Readable } from "node:stream";
import { Keep, type KeepExit } from "./keep.js";
import type { KeepOptions } from "./options.js";

/** Output that is collected at most, unless the caller sets a limit. */
const OUTPUT_BYTES_DEFAULT = 64 * 2 ** 20;
/** Exit statuses that stand for what is no exit of the program; those of timeout(1) and of shells. */
const STATUS = { timeout: 124, trapped: 134, request: 137 } as const;

/** How a program ended that was run to its end. */
export interface RunResult {
  /** The program's exit code; 134 for a trap, 124 for a timeout, 137 when it was stopped. */
  readonly code: number;
  /** What it wrote, as UTF-8. */
  readonly stdout: string;
  readonly stderr: string;
  /** The same, byte for byte. */
  readonly stdoutBytes: Buffer;
  readonly stderrBytes: Buffer;
  /** How it ended, in full. */
  readonly exit: KeepExit;
}

/** Options of {@link run}: those of a keep, without the program. */
export type RunOptions = Omit<KeepOptions, "program">;

async function collect(stream: Readable | null): Promise<Buffer> {
  const chunks: Buffer[] = [];
  if (stream !== null) for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** The status a shell would show for an exit. */
export function exitStatus(exit: KeepExit): number {
  if (exit.kind === "exited") return exit.code;
  return exit.kind === "trapped" ? STATUS.trapped : STATUS[exit.reason];
}

/**
 * Runs a program to its end.
 *
 * Standard input is empty unless `input` or `stdio` says otherwise. Without `limits.output` the program may write 64 MiB.
 * @param program path or bytes of a WebAssembly command
 * @throws PosternError as {@link Keep.launch}; never for what the program does
 */
export async function run(program: KeepOptions["program"], options: RunOptions = {}): Promise<RunResult> {
  const stdio = options.stdio ?? { stdin: "ignore" };
  const limits = { output: OUTPUT_BYTES_DEFAULT, ...options.limits };
  const keep = await Keep.launch({ ...options, program, command: true, stdio, limits });
  const [stdoutBytes, stderrBytes, exit] = await Promise.all([collect(keep.stdout), collect(keep.stderr), keep.exit]);
  return {
    code: exitStatus(exit),
    stdout: stdoutBytes.toString(),
    stderr: stderrBytes.toString(),
    stdoutBytes,
    stderrBytes,
    exit,
  };
}
