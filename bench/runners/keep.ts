/** Runs a program in a keep with the process's own standard streams: keep OPTIONS(JSON) PROGRAM ARGS... */
import { Keep } from "postern";
import { DEFAULT_LIMITS } from "#src/host/index.js";
import { prepare } from "#src/keep/backends/execute.js";
import { Control } from "#src/keep/backends/setup.js";
import { loadProgram } from "#src/keep/program.js";
import { measuredGrants } from "./grants.js";

/** How the program is run. */
interface Options {
  readonly backend: "inline" | "thread";
  /** Whether large data goes past the block. */
  readonly window: boolean;
  /** Directory the program gets as descriptor 3. */
  readonly directory: string;
  /** File that a trace is written to. */
  readonly trace?: string;
}

const MEMORY_BYTES = 2 ** 32;

/** As an application does it. */
async function launch(options: Options, program: string, args: readonly string[]) {
  const { backend, directory, trace } = options;
  const keep = await Keep.launch({
    program,
    args,
    backend,
    dirs: [{ host: directory, guest: "/", access: "read-write" }],
    stdio: "inherit",
    ...(trace === undefined ? {} : { trace: { to: trace } }),
  });
  return keep.exit;
}

/** On the calling thread without the window, which is no option of a keep: puts the parts together as `Keep` does. */
async function runThroughBlock(directory: string, program: string, args: readonly string[]) {
  const grants = measuredGrants(directory);
  const execution = prepare({
    program: await loadProgram(program, MEMORY_BYTES, false),
    args: [program, ...args].map((each) => new TextEncoder().encode(each)),
    env: [],
    rows: grants.table.rows,
    grants: grants.list,
    limits: DEFAULT_LIMITS,
    policy: {},
    trace: undefined,
    control: new Int32Array(new SharedArrayBuffer(Control.WORDS * Int32Array.BYTES_PER_ELEMENT)),
    window: false,
  });
  const outcome = execution.start();
  execution.close();
  return outcome;
}

const [text, program, ...args] = process.argv.slice(2) as [string, string, ...string[]];
const options = JSON.parse(text) as Options;
if (!options.window && options.backend !== "inline")
  throw new Error("the window is switched off for inline keeps alone");
const end = options.window
  ? await launch(options, program, args)
  : await runThroughBlock(options.directory, program, args);
if (end.kind !== "exited") throw new Error(`the program did not end by itself: ${end.kind}`);
process.exitCode = end.code;
