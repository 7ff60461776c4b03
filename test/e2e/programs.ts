// Runs the test programs under test/fixtures/programs with the built command, each in temporary directories of its own.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../../../", import.meta.url));
const command = join(repository, "dist/cli/start.cjs");

/** The path of a built test program, for example `conformance/seek`. */
export const program = (name: string): string => join(repository, "test/fixtures/programs", `${name}.wasm`);

/** The words that start the built command with these parameters. */
export const commandLine = (parameters: readonly string[]): string[] => [process.execPath, command, ...parameters];

/** Why the programs cannot be run here, or false. */
export const missing: string | false = (() => {
  if (!existsSync(command)) return "the command is not built";
  const help = spawnSync(process.execPath, [command, "run", "--help"], { encoding: "utf8" });
  return help.status === 0 ? false : "the command has no `run`";
})();

/** Whether the process may make device nodes and read everything. */
export const isRoot = process.getuid?.() === 0;

/** How a program is run. */
export interface RunOptions {
  /** Options of `postern run`, in front of the program. */
  readonly flags?: readonly string[];
  /** Arguments of the program. */
  readonly args?: readonly string[];
  /** Standard input: closed at once, a pipe that stays open and empty, or these bytes. */
  readonly stdin?: "closed" | "open" | Uint8Array;
  /** Standard error is not read until standard output contains this text. */
  readonly stderrAfter?: string;
  /** Ends the run after this many milliseconds; the result then has `timedOut`. */
  readonly timeoutMs?: number;
  /** Called with the process once it runs, to talk to the program or to end it. */
  readonly during?: (child: ChildProcess) => void | Promise<void>;
  /** Called with all standard output so far, each time some arrives. */
  readonly onOutput?: (text: string, child: ChildProcess) => void;
}

/** What came of it. */
export interface RunResult {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: string;
  readonly timedOut: boolean;
}

const outputBytesMax = 64 * 1024 * 1024;

/** Runs a program file with `postern run` and collects what it prints. */
export async function run(file: string, options: RunOptions = {}): Promise<RunResult> {
  const { flags = [], args = [], stdin = "closed", timeoutMs = 60_000, stderrAfter, during, onOutput } = options;
  const words = commandLine(["run", ...flags, file, ...args]);
  const child = spawn(words[0], words.slice(1), { stdio: ["pipe", "pipe", "pipe"] });
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill("SIGKILL");
  }, timeoutMs);
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  let length = 0;
  let reads = false;
  const readErrors = (): void => {
    if (!reads) child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    reads = true;
  };
  child.stdout.on("data", (chunk: Buffer) => {
    length += chunk.length;
    if (length <= outputBytesMax) stdout.push(chunk);
    if (!onOutput && !stderrAfter) return;
    const text = Buffer.concat(stdout).toString("latin1");
    if (stderrAfter && text.includes(stderrAfter)) readErrors();
    onOutput?.(text, child);
  });
  if (!stderrAfter) readErrors();
  child.stdin.on("error", () => {});
  child.once("exit", readErrors);
  if (stdin === "closed") child.stdin.end();
  else if (stdin !== "open") child.stdin.end(stdin);
  const closed = new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status, signal) => resolve([status, signal]));
  });
  await during?.(child);
  const [status, signal] = await closed;
  clearTimeout(timer);
  return { status, signal, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString("utf8"), timedOut };
}

/** A temporary directory that is removed when the test ends, after `clean`. */
export function temporaryDirectory(t: TestContext, clean?: (directory: string) => void): string {
  const directory = mkdtempSync(join(tmpdir(), "postern-programs-"));
  t.after(() => {
    clean?.(directory);
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

/** A port of the loopback that nobody used a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address !== "object") throw new Error("the server has no address");
  return address.port;
}
