import { PosternError } from "../errors.js";
import { parseCommandLine } from "./command-line.js";
import type { CommandDeclaration } from "./declaration.js";
import { ExitStatus, Failure } from "./failure.js";
import {
  type DirectoryGrant,
  type EnvironmentSource,
  parseCount,
  parseDirectory,
  parseDuration,
  parseEnvironment,
  parseSize,
  parseSocket,
  type SocketGrant,
} from "./options.js";

/** How a keep is isolated. */
export const BACKENDS = ["inline", "thread"] as const;
export const TRACE_FORMATS = ["text", "json"] as const;

/** What `postern run` was asked to do. `undefined` means: not given, so the default decides. */
export interface RunOptions {
  /** Path of the program. */
  readonly program: string;
  /** Arguments of the program, without its name. */
  readonly args: readonly string[];
  readonly argv0: string | undefined;
  /** In the order given, no two with the same guest path. */
  readonly dirs: readonly DirectoryGrant[];
  /** In the order given, where later ones win; `resolveEnvironment` makes variables of them. */
  readonly env: readonly EnvironmentSource[];
  /** In the order given, no two with the same name, listening and connected ones together. */
  readonly listen: readonly SocketGrant[];
  readonly connect: readonly SocketGrant[];
  readonly timeoutMs: number | undefined;
  readonly memoryBytes: number | undefined;
  readonly maxDescriptors: number | undefined;
  readonly maxOutputBytes: number | undefined;
  /** Where the trace goes: `stderr`, or a file. */
  readonly trace: { readonly to: "stderr" } | { readonly to: "file"; readonly path: string } | undefined;
  readonly traceFormat: (typeof TRACE_FORMATS)[number] | undefined;
  readonly backend: (typeof BACKENDS)[number] | undefined;
}

/** Least memory that can be a limit: one page of WebAssembly. */
const MEMORY_BYTES_MIN = 65536;
/** The standard streams need three descriptors; Linux gives a process at most this many (fs.nr_open). */
const DESCRIPTORS_MIN = 3;
const DESCRIPTORS_MAX = 1_048_576;

/** The command `run`, as help, completion and the parser see it. */
export const runDeclaration: CommandDeclaration = {
  name: "run",
  summary: "run a program in a keep",
  passThrough: true,
  operands: [
    { name: "PROGRAM", description: "a WebAssembly command (WASI preview 1)", kind: "file" },
    { name: "ARGS", description: "arguments of the program; everything behind PROGRAM is its own", rest: true },
  ],
  options: [
    { name: "dir", value: "HOST[::GUEST]", kind: "directory", description: "grant a directory, read and write" },
    { name: "ro-dir", value: "HOST[::GUEST]", kind: "directory", description: "grant a directory, read-only" },
    { name: "env", value: "NAME[=VALUE]", description: "set a variable, or take it from the environment" },
    { name: "env-file", value: "FILE", kind: "file", description: "set variables from a file of NAME=VALUE lines" },
    { name: "argv0", value: "NAME", description: "name the program sees as its own (default: PROGRAM)" },
    { name: "listen", value: "NAME=tcp:ADDR:PORT", description: "pass a socket that listens" },
    { name: "connect", value: "NAME=tcp:HOST:PORT", description: "pass a socket that is connected" },
    { name: "timeout", value: "DURATION", description: "stop the program after this time, such as 5s" },
    { name: "memory", value: "SIZE", description: "most memory the program may have, such as 256MiB" },
    { name: "max-descriptors", value: "N", description: "most descriptors it may have open" },
    { name: "max-output", value: "SIZE", description: "most bytes it may write in all: streams, files, sockets" },
    {
      name: "trace",
      value: "FILE",
      valueOptional: true,
      kind: "file",
      description: "write its calls to standard error, or with --trace=FILE to a file",
    },
    { name: "trace-format", value: "FORMAT", choices: TRACE_FORMATS, description: "format of the trace" },
    { name: "backend", value: "BACKEND", choices: BACKENDS, description: "how the program is isolated" },
  ],
  notes: [
    "Exit status: the program's own; 124 for a timeout, 125 when it could not be started or the command\nline is wrong, 126 when policy refused it at start, 134 for a trap, 137 when it was stopped.",
  ],
  example: [
    "printf '\\0asm\\1\\0\\0\\0\\1\\4\\1`\\0\\0\\3\\2\\1\\0\\7\\12\\1\\6_start\\0\\0\\12\\4\\1\\2\\0\\13' > nothing.wasm",
    "postern run --timeout 5s --ro-dir .::/data nothing.wasm --an-option-of-the-program",
  ],
  failureStatus: ExitStatus.notStarted,
};

/** What is collected while options are read one after another. */
type Draft = { -readonly [Key in keyof RunOptions]: RunOptions[Key] } & {
  dirs: DirectoryGrant[];
  env: EnvironmentSource[];
  listen: SocketGrant[];
  connect: SocketGrant[];
};

/** What each option does. A single-valued option given twice: the last one counts, so that an alias can be overridden. */
const READERS: Readonly<Record<string, (draft: Draft, value: string) => void>> = {
  dir: (draft, value) => void draft.dirs.push(parseDirectory(value, "read-write")),
  "ro-dir": (draft, value) => void draft.dirs.push(parseDirectory(value, "read")),
  env: (draft, value) => void draft.env.push(parseEnvironment(value)),
  "env-file": (draft, value) => void draft.env.push({ kind: "file", path: path(value) }),
  argv0: (draft, value) => {
    draft.argv0 = value;
  },
  listen: (draft, value) => void draft.listen.push(parseSocket(value, "listen")),
  connect: (draft, value) => void draft.connect.push(parseSocket(value, "connect")),
  timeout: (draft, value) => {
    draft.timeoutMs = parseDuration(value);
  },
  memory: (draft, value) => {
    draft.memoryBytes = memorySize(value);
  },
  "max-descriptors": (draft, value) => {
    draft.maxDescriptors = parseCount(value, DESCRIPTORS_MIN, DESCRIPTORS_MAX);
  },
  "max-output": (draft, value) => {
    draft.maxOutputBytes = parseSize(value);
  },
  "trace-format": (draft, value) => {
    draft.traceFormat = value as RunOptions["traceFormat"];
  },
  backend: (draft, value) => {
    draft.backend = value as RunOptions["backend"];
  },
};

/**
 * Reads the command line of `postern run`. Options are read up to PROGRAM; everything behind it is the program's, dashes
 * included. `--` in front of PROGRAM ends the options too.
 *
 * @param argv arguments behind `run`
 * @throws Failure that says which option is wrong, what was given, and what is expected; HelpRequest for `--help`
 */
export function parseRunCommand(argv: readonly string[]): RunOptions {
  const { options, operands } = parseCommandLine(runDeclaration, argv);
  const [program, ...args] = operands as [string, ...string[]];
  const draft = emptyDraft(program, args);
  if (program === "") throw new Failure("PROGRAM is empty", "give the path of a .wasm file");
  for (const { name, value } of options) {
    if (name === "trace") draft.trace = traceTarget(value);
    else readOption(draft, name, value!);
  }
  refuseTwice(
    "--dir and --ro-dir",
    "guest path",
    draft.dirs.map(({ guest }) => guest),
  );
  refuseTwice(
    "--listen and --connect",
    "name",
    [...draft.listen, ...draft.connect].map(({ name }) => name),
  );
  return draft;
}

function emptyDraft(program: string, args: string[]): Draft {
  return {
    program,
    args,
    argv0: undefined,
    dirs: [],
    env: [],
    listen: [],
    connect: [],
    timeoutMs: undefined,
    memoryBytes: undefined,
    maxDescriptors: undefined,
    maxOutputBytes: undefined,
    trace: undefined,
    traceFormat: undefined,
    backend: undefined,
  };
}

/** Adds the name of the option to whatever its value is refused for. */
function readOption(draft: Draft, name: string, value: string): void {
  try {
    READERS[name]!(draft, value);
  } catch (error) {
    if (!(error instanceof PosternError)) throw error;
    throw new Failure(`--${name}: ${error.message}`, "postern run --help shows what is accepted");
  }
}

function traceTarget(value: string | undefined): RunOptions["trace"] {
  if (value === undefined) return { to: "stderr" };
  if (value !== "") return { to: "file", path: value };
  throw new Failure("--trace=: no file was given", "write --trace for standard error, or --trace=FILE");
}

function path(value: string): string {
  if (value !== "") return value;
  throw new PosternError("EINVALIDARGUMENT", "an empty path was given; expected the path of a file");
}

function memorySize(value: string): number {
  const bytes = parseSize(value);
  if (bytes >= MEMORY_BYTES_MIN) return bytes;
  throw new PosternError("EINVALIDARGUMENT", `"${value}" was given; expected at least 64KiB, for example 256MiB`);
}

function refuseTwice(options: string, what: string, values: readonly string[]): void {
  const twice = values.find((value, index) => values.indexOf(value) !== index);
  if (twice === undefined) return;
  throw new Failure(`${options}: the ${what} ${twice} is given twice`, "the program could not tell the two apart");
}
