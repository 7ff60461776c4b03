/** What a keep is asked to be, as an application says it, and the same checked. */

import { PosternError } from "../errors.js";
import type { Policy } from "../host/index.js";
import type { Observer } from "../host/policy.js";
import { parseDuration, parseSize } from "../units.js";

/** A directory of the host that the program may use. */
export interface DirectoryGrant {
  /** Path on the host. */
  readonly host: string;
  /** Path the program sees; default: the same. */
  readonly guest?: string;
  /** Default "read". */
  readonly access?: "read" | "read-write";
}

/** A socket that is open when the program starts. */
export interface SocketGrant {
  /** Name the program finds it under, in LISTEN_FDNAMES and FD_NAMES. */
  readonly name: string;
  /** IP address or host name. */
  readonly host: string;
  readonly port: number;
}

/** Where a standard stream leads: the process's own, nowhere, a Node stream of the keep, or an open descriptor. */
export type StandardStream = "inherit" | "ignore" | "pipe" | number;

/** Where the calls of the program are written. */
export interface TraceOptions {
  /** An open descriptor, or the path of a file. */
  readonly to: number | string;
  readonly format?: "text" | "json";
}

/** Bounds on what a keep may use. */
export interface KeepLimits {
  /** Memory of the program: bytes, or a size such as "256MiB". Default 4 GiB, what 32-bit programs can have. */
  readonly memory?: number | string;
  /** Most descriptors at a time. Default 1024. */
  readonly descriptors?: number;
  /** Most threads at a time that the program starts, besides the one it begins with. Default 64. */
  readonly threads?: number;
  /** Bytes the program may write in all, to streams, files and sockets. Default: no limit. */
  readonly output?: number | string;
}

/** How a keep is isolated. */
export type BackendName = "inline" | "thread";

/** "auto": the calling thread, unless the keep has a timeout or the program uses threads. */
export type BackendChoice = BackendName | "auto";

/** Everything a keep can be given. */
export interface KeepOptions {
  /** Path of a WebAssembly module, or its bytes. */
  readonly program: string | URL | Uint8Array;
  /** Refuse a program that has nothing to start: a reactor or a library. Default false. */
  readonly command?: boolean;
  /** Arguments, without the program's own name. */
  readonly args?: readonly string[];
  /** The name the program sees as its own; default: the last part of its path. */
  readonly argv0?: string;
  /** Environment of the program; nothing is inherited. */
  readonly env?: Readonly<Record<string, string>> | readonly (readonly [string, string])[];
  readonly dirs?: readonly DirectoryGrant[];
  readonly net?: { readonly listen?: readonly SocketGrant[]; readonly connect?: readonly SocketGrant[] };
  /** The standard streams; one word for all three, or each. Default "pipe". */
  readonly stdio?:
    | StandardStream
    | { readonly stdin?: StandardStream; readonly stdout?: StandardStream; readonly stderr?: StandardStream };
  /** What the program reads from its standard input; then stdin is no stream of the keep. */
  readonly input?: string | Uint8Array;
  readonly limits?: KeepLimits;
  /** The keep is stopped when it has run for this time: milliseconds, or a duration such as "5s". */
  readonly timeout?: number | string;
  /** Default "thread". */
  readonly backend?: BackendChoice;
  /** What the keep may do beyond its grants, and what it may not. Functions need the inline backend. */
  readonly policy?: Policy;
  readonly trace?: TraceOptions;
  /** See every call of the program. Needs the inline backend. */
  readonly observers?: readonly Observer[];
  /** Aborting it stops the keep. */
  readonly signal?: AbortSignal;
  /** Called right before the program starts, once everything is granted, with the backend it gets. */
  readonly onStart?: (backend: BackendName) => void;
}

/** Checked limits, in bytes and numbers. */
export interface CheckedLimits {
  readonly memoryBytes: number;
  readonly descriptors: number;
  readonly threads: number;
  readonly outputBytes: number;
}

/** Options with every default applied and every value checked. */
export interface CheckedOptions {
  readonly args: readonly Uint8Array[];
  readonly env: readonly Uint8Array[];
  readonly dirs: readonly Required<DirectoryGrant>[];
  readonly listen: readonly SocketGrant[];
  readonly connect: readonly SocketGrant[];
  readonly stdin: StandardStream;
  readonly stdout: StandardStream;
  readonly stderr: StandardStream;
  readonly input: Uint8Array | undefined;
  readonly limits: CheckedLimits;
  /** Milliseconds; undefined: none. */
  readonly timeoutMs: number | undefined;
  readonly backend: BackendChoice;
  readonly policy: Policy;
  readonly trace: TraceOptions | undefined;
  readonly observers: readonly Observer[];
  readonly signal: AbortSignal | undefined;
  readonly onStart: ((backend: BackendName) => void) | undefined;
}

const MEMORY_BYTES_MAX = 2 ** 32;
const MEMORY_BYTES_MIN = 65536;
const DESCRIPTORS_DEFAULT = 1024;
const DESCRIPTORS_MIN = 3;
const THREADS_DEFAULT = 64;
const THREADS_MAX = 1024;
const DESCRIPTORS_MAX = 1_048_576;
/** Longest timer of the platform. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;
/** Most bytes of arguments or of the environment together: what Linux gives a program of its own is 2 MiB. */
const STRINGS_BYTES_MAX = 2 ** 24;

const invalid = (message: string) => new PosternError("EINVALIDARGUMENT", message);

/** Bytes of texts; a NUL cannot be passed to a program. */
function texts(what: string, values: readonly string[]): Uint8Array[] {
  const encoder = new TextEncoder();
  let total = 0;
  return values.map((value) => {
    if (typeof value !== "string") throw invalid(`${what} are texts; got ${typeof value}`);
    if (value.includes("\0")) throw invalid(`${what} cannot contain a NUL character: ${JSON.stringify(value)}`);
    const bytes = encoder.encode(value);
    total += bytes.length + 1;
    if (total > STRINGS_BYTES_MAX) throw invalid(`${what} are larger than ${STRINGS_BYTES_MAX} bytes together`);
    return bytes;
  });
}

function environment(env: KeepOptions["env"] = {}): string[] {
  const entries = Array.isArray(env) ? env : Object.entries(env);
  return entries.map(([name, value]) => {
    if (name === "" || name.includes("=")) throw invalid(`${JSON.stringify(name)} cannot be the name of a variable`);
    if (typeof value !== "string") throw invalid(`the variable ${name} is a text; got ${typeof value}`);
    return `${name}=${value}`;
  });
}

function within(what: string, value: number, least: number, most: number): number {
  if (!Number.isFinite(value) || value < least || value > most) {
    throw invalid(`${what} is ${value}; it can be ${least} to ${most}`);
  }
  return value;
}

function checkLimits(limits: KeepLimits = {}): CheckedLimits {
  const bytes = (value: number | string) => (typeof value === "string" ? parseSize(value) : value);
  const output = limits.output === undefined ? Number.POSITIVE_INFINITY : bytes(limits.output);
  if (Number.isNaN(output) || output < 0) throw invalid(`the limit of output is ${output}; it is a number of bytes`);
  const memory = limits.memory === undefined ? MEMORY_BYTES_MAX : bytes(limits.memory);
  const descriptors = limits.descriptors ?? DESCRIPTORS_DEFAULT;
  return {
    memoryBytes: within("the limit of memory", memory, MEMORY_BYTES_MIN, MEMORY_BYTES_MAX),
    threads: within("the limit of threads", Math.trunc(limits.threads ?? THREADS_DEFAULT), 0, THREADS_MAX),
    descriptors: within("the limit of descriptors", Math.trunc(descriptors), DESCRIPTORS_MIN, DESCRIPTORS_MAX),
    outputBytes: output,
  };
}

function checkTimeout(timeout: KeepOptions["timeout"]): number | undefined {
  if (timeout === undefined) return undefined;
  const milliseconds = typeof timeout === "string" ? parseDuration(timeout) : timeout;
  return within("the timeout in milliseconds", milliseconds, 0, TIMEOUT_MS_MAX);
}

function checkDirectory(grant: DirectoryGrant): Required<DirectoryGrant> {
  const { host, guest = host, access = "read" } = grant;
  if (host === "" || guest === "" || host.includes("\0") || guest.includes("\0")) {
    throw invalid(`a directory needs a path on the host and one for the program: ${JSON.stringify(grant)}`);
  }
  if (access !== "read" && access !== "read-write") {
    throw invalid(`the access to ${host} is ${JSON.stringify(access)}; it can be "read" or "read-write"`);
  }
  return { host, guest, access };
}

function checkStream(name: string, stream: StandardStream): StandardStream {
  const known = stream === "inherit" || stream === "ignore" || stream === "pipe";
  if (known || (Number.isInteger(stream) && (stream as number) >= 0)) return stream;
  throw invalid(`${name} is ${JSON.stringify(stream)}; it can be "inherit", "ignore", "pipe" or a descriptor`);
}

function streams(options: KeepOptions): Pick<CheckedOptions, "stdin" | "stdout" | "stderr"> {
  const given = options.stdio ?? "pipe";
  const each = typeof given === "object" ? given : { stdin: given, stdout: given, stderr: given };
  return {
    stdin: checkStream("stdin", options.input === undefined ? (each.stdin ?? "pipe") : "pipe"),
    stdout: checkStream("stdout", each.stdout ?? "pipe"),
    stderr: checkStream("stderr", each.stderr ?? "pipe"),
  };
}

function checkProgram(program: unknown): void {
  const known = program instanceof Uint8Array || (program instanceof URL && program.protocol === "file:");
  if (known || (typeof program === "string" && program !== "" && !program.includes("\0"))) return;
  throw invalid("the program is the path of a .wasm file, a file: URL, or the bytes of a module");
}

/** The program's own name, where none is given: the last part of its path. */
function nameOf(program: KeepOptions["program"]): string {
  if (program instanceof Uint8Array) return "program";
  const path = program instanceof URL ? decodeURIComponent(program.pathname) : program;
  return path.slice(path.lastIndexOf("/") + 1) || "program";
}

/**
 * Checks options and applies the defaults.
 * @throws PosternError EINVALIDARGUMENT that names what is wrong
 */
export function checkOptions(options: KeepOptions): CheckedOptions {
  const backend = options.backend ?? "thread";
  if (backend !== "inline" && backend !== "thread" && backend !== "auto") {
    throw invalid(`the backend is ${JSON.stringify(backend)}; it can be "inline", "thread" or "auto"`);
  }
  const policy = options.policy ?? {};
  const observers = options.observers ?? [];
  if (backend === "thread" && (observers.length > 0 || policy.decide !== undefined)) {
    throw invalid("functions cannot follow a keep to its thread: observers and policy.decide need the inline backend");
  }
  checkProgram(options.program);
  const timeoutMs = checkTimeout(options.timeout);
  if (backend === "inline" && timeoutMs !== undefined) {
    throw invalid("nobody can stop an inline keep: a timeout needs the thread backend");
  }
  const { input } = options;
  return {
    args: texts("arguments", [options.argv0 ?? nameOf(options.program), ...(options.args ?? [])]),
    env: texts("variables", environment(options.env)),
    dirs: (options.dirs ?? []).map(checkDirectory),
    listen: options.net?.listen ?? [],
    connect: options.net?.connect ?? [],
    ...streams(options),
    input: typeof input === "string" ? new TextEncoder().encode(input) : input,
    limits: checkLimits(options.limits),
    timeoutMs,
    backend,
    policy,
    trace: options.trace,
    observers,
    signal: options.signal,
    onStart: options.onStart,
  };
}
