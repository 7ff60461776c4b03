import { PosternError } from "../errors.js";
import { identify } from "./identify.js";
import { IMPORT_HINTS, type ImportHint } from "./import-hints.js";
import { allMemories, type ModuleImport, type ModuleInfo } from "./model.js";
import { readModule } from "./module.js";
import { objectProblems } from "./object-problems.js";
import type { Problem } from "./problem.js";
import { describeFunctionType, type FunctionType } from "./types.js";
import {
  functionsWithoutMemory,
  functionsWithoutResult,
  WASI_PREVIEW1,
  WASI_UNSTABLE,
  wasiSignature,
} from "./wasi-signatures.js";

/** What a program is, and whether it can run. */
export interface Classification {
  /** By its exports: `_start`, `_initialize`, neither; invalid when they contradict each other or cannot be called. */
  readonly kind: "command" | "reactor" | "library" | "invalid";
  /** A command without problems: `postern run` can run it. */
  readonly runnable: boolean;
  /** It can be instantiated, though it may have no `_start`: an application can call its exports. */
  readonly loadable: boolean;
  /** Everything that stands in the way, not only the first thing. */
  readonly problems: readonly Problem[];
}

/** The name under which a module exports its memory, and under which it may import one. */
export const MEMORY_EXPORT = "memory";
export const MEMORY_IMPORT = { module: "env", name: "memory" } as const;

/** The name under which a program exports what is entered when it faults, and its type: vector, error code, address. */
export const EXCEPTION_ENTRY = "__keep_exception";
const EXCEPTION_TYPE: FunctionType = { parameters: ["i32", "i32", "i64"], results: [] };

/** How a program starts threads (wasi-threads): the function it imports and the one it exports, with their types. */
export const THREADS_MODULE = "wasi";
export const THREAD_SPAWN = "thread-spawn";
export const THREAD_START = "wasi_thread_start";
const SPAWN_TYPE: FunctionType = { parameters: ["i32"], results: ["i32"] };
const THREAD_START_TYPE: FunctionType = { parameters: ["i32", "i32"], results: [] };

const isSpawn = ({ module, name }: ModuleImport) => module === THREADS_MODULE && name === THREAD_SPAWN;

/** Whether a program can start threads. */
export const usesThreads = (info: ModuleInfo): boolean => info.imports.some(isSpawn);

/** How many names a message shows; `names` of the problem has all. */
const NAMES_SHOWN_MAX = 20;

/**
 * Says what kind of program a module is and lists everything that keeps it from running.
 *
 * Source: WASI application ABI (current/unstable) and the functions of WASI preview 1.
 */
export function classify(info: ModuleInfo): Classification {
  if (info.format === "component") {
    const { description, advice } = COMPONENT;
    return verdict("invalid", [{ code: "component", message: `the program is ${description}`, advice }]);
  }
  const { kind, problems } = classifyExports(info);
  const notLinked = kind === "library" ? unlinkedProblem(info) : undefined;
  // What an unlinked file imports is for the linker, not for a runtime.
  if (notLinked !== undefined) return verdict("library", [notLinked]);
  return verdict(kind, [
    ...problems,
    ...exceptionProblems(info),
    ...threadProblems(info),
    ...importProblems(info),
    ...memoryProblems(info),
    ...objectProblems(info),
    ...startProblems(kind),
  ]);
}

/** Reads and classifies a file in one step. A file that cannot be read at all has `info` undefined and one problem. */
export function examine(bytes: Uint8Array): { info: ModuleInfo | undefined; classification: Classification } {
  const { format, description, advice } = identify(bytes);
  try {
    const info = readModule(bytes);
    return { info, classification: classify(info) };
  } catch (error) {
    if (!(error instanceof PosternError)) throw error;
    const problem: Problem =
      error.code === "EMALFORMED"
        ? { code: "malformed", message: error.message, advice: "get or build the file again" }
        : { code: format === "wasm-version" ? format : "not-wasm", message: `the program is ${description}`, advice };
    return { info: undefined, classification: verdict("invalid", [problem]) };
  }
}

const COMPONENT = identify(Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00));

function verdict(kind: Classification["kind"], problems: readonly Problem[]): Classification {
  const loadable = kind !== "invalid" && problems.every(({ code }) => code === "no-start");
  return { kind, runnable: kind === "command" && problems.length === 0, loadable, problems };
}

function classifyExports(info: ModuleInfo): { kind: Classification["kind"]; problems: Problem[] } {
  const start = info.exports.find(({ name }) => name === "_start");
  const initialize = info.exports.find(({ name }) => name === "_initialize");
  const problems: Problem[] = [];
  if (start !== undefined && initialize !== undefined) {
    problems.push({
      code: "two-entry-points",
      message: "the program exports both _start and _initialize, so it is neither a command nor a reactor",
      advice: "link it either as a command or with -mexec-model=reactor",
    });
  }
  for (const [entry, code] of [
    [start, "start-signature"],
    [initialize, "initialize-signature"],
  ] as const) {
    if (entry === undefined || isPlainFunction(entry.type)) continue;
    const found = entry.type === undefined ? `a ${entry.kind}` : describeFunctionType(entry.type);
    problems.push({
      code,
      message: `${entry.name} must be a function () -> nothing and is ${found}`,
      advice: "link it with the start files of its toolchain (for C, without -nostartfiles)",
    });
  }
  if (problems.length > 0) return { kind: "invalid", problems };
  if (start !== undefined) return { kind: "command", problems };
  return { kind: initialize !== undefined ? "reactor" : "library", problems };
}

/** An exception entry that cannot be called would be noticed only once it is needed. */
function exceptionProblems(info: ModuleInfo): Problem[] {
  const entry = info.exports.find(({ name }) => name === EXCEPTION_ENTRY);
  if (entry === undefined || (entry.type !== undefined && sameType(entry.type, EXCEPTION_TYPE))) return [];
  const found = entry.type === undefined ? `a ${entry.kind}` : describeFunctionType(entry.type);
  return [
    {
      code: "exception-signature",
      message: `${EXCEPTION_ENTRY} must be a function ${describeFunctionType(EXCEPTION_TYPE)} and is ${found}`,
      advice: "declare it as void __keep_exception(uint32_t vector, uint32_t code, uint64_t address)",
    },
  ];
}

/** What a program that starts threads must have besides. */
function threadProblems(info: ModuleInfo): Problem[] {
  const spawn = info.imports.find(isSpawn);
  if (spawn === undefined) return [];
  const start = info.exports.find(({ name }) => name === THREAD_START);
  const missing: string[] = [];
  if (spawn.kind !== "function" || !sameType(spawn.type, SPAWN_TYPE)) {
    missing.push(`${THREAD_SPAWN} is imported as another thing than a function ${describeFunctionType(SPAWN_TYPE)}`);
  }
  if (start?.type === undefined || !sameType(start.type, THREAD_START_TYPE)) {
    missing.push(`it does not export ${THREAD_START} as a function ${describeFunctionType(THREAD_START_TYPE)}`);
  }
  if (!info.imports.some((entry) => entry.kind === "memory" && entry.memory.shared)) {
    missing.push("it does not import its memory as a shared one, with a maximum");
  }
  if (missing.length === 0) return [];
  return [
    {
      code: "threads",
      message: `this program uses threads, but ${missing.join(", and ")}`,
      advice: "build it for wasm32-wasip1-threads, or link it with --import-memory, --shared-memory and --max-memory",
      names: [`${spawn.module}.${spawn.name}`],
    },
  ];
}

const isPlainFunction = (type: FunctionType | undefined) =>
  type !== undefined && type.parameters.length === 0 && type.results.length === 0;

function importProblems(info: ModuleInfo): Problem[] {
  const wrong: string[] = [];
  const unknown = new Map<ImportHint, string[]>();
  for (const entry of info.imports) {
    const expected = entry.kind === "function" ? wasiType(entry.module, entry.name) : undefined;
    if (entry.kind === "function" && expected !== undefined) {
      if (!sameType(entry.type, expected)) wrong.push(describeMismatch(entry.name, entry.type, expected));
      continue;
    }
    if (isOfferedMemory(entry) || isSpawn(entry)) continue;
    const hint = IMPORT_HINTS.find(({ matches }) => matches(entry.module, entry.name, entry))!;
    const names = unknown.get(hint) ?? [];
    unknown.set(hint, names);
    names.push(describeImport(entry));
  }
  const problems: Problem[] = [...unknown].map(([{ code, message, advice }, names]) => ({
    code,
    message: `${message}: ${shown(names)}`,
    advice,
    names,
  }));
  if (wrong.length > 0) {
    problems.push({
      code: "wrong-signature",
      message: `the program imports WASI functions with other types than they have: ${shown(wrong)}`,
      advice: "build it with a toolchain for WASI preview 1",
      names: wrong,
    });
  }
  return problems;
}

/** Parameters and result of a WASI function, or `undefined` if there is none of that name. */
function wasiType(module: string, name: string): FunctionType | undefined {
  const signature = wasiSignature(module, name);
  if (signature === undefined) return undefined;
  const parameters = [...signature].map((letter) => (letter === "I" ? "i64" : "i32"));
  return { parameters, results: functionsWithoutResult.has(name) ? [] : ["i32"] };
}

const sameList = (one: readonly string[], other: readonly string[]) =>
  one.length === other.length && one.every((type, index) => type === other[index]);

const sameType = (one: FunctionType, other: FunctionType) =>
  sameList(one.parameters, other.parameters) && sameList(one.results, other.results);

const describeMismatch = (name: string, found: FunctionType, expected: FunctionType) =>
  `${name} as ${describeFunctionType(found)} where it is ${describeFunctionType(expected)}`;

const isOfferedMemory = (entry: ModuleImport) =>
  entry.kind === "memory" && entry.module === MEMORY_IMPORT.module && entry.name === MEMORY_IMPORT.name;

const describeImport = (entry: ModuleImport) =>
  `${entry.module}.${entry.name}${entry.kind === "function" ? "" : ` (${entry.kind})`}`;

function shown(names: readonly string[]): string {
  const rest = names.length - NAMES_SHOWN_MAX;
  return names.slice(0, NAMES_SHOWN_MAX).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}

function memoryProblems(info: ModuleInfo): Problem[] {
  const problems: Problem[] = [];
  const memories = allMemories(info);
  const exported = info.exports.some(({ name, kind }) => name === MEMORY_EXPORT && kind === "memory");
  if (!exported && !info.imports.some(isOfferedMemory) && needsMemory(info)) {
    problems.push({
      code: "missing-memory",
      message: `the program calls WASI and does not export its memory as "${MEMORY_EXPORT}"`,
      advice: `export it under that name; linkers do so unless told otherwise`,
    });
  }
  if (memories.length > 1) {
    problems.push({
      code: "multiple-memories",
      message: `the program has ${memories.length} memories, one is supported`,
      advice: "build it without the multi-memory feature",
    });
  }
  if (memories.some(({ is64 }) => is64)) {
    problems.push({
      code: "memory64",
      message: "this program uses 64-bit memory; WASI preview 1 has 32-bit pointers",
      advice: "build it for wasm32 instead of wasm64",
    });
  }
  if (memories.some(({ shared, maximum }) => shared && maximum === undefined)) {
    problems.push({
      code: "shared-memory",
      message: "the program has a shared memory without a maximum",
      advice: "link it with --max-memory",
    });
  }
  return problems;
}

/** A module that calls no function which reads or writes memory can do without one. */
const needsMemory = (info: ModuleInfo) =>
  info.imports.some(
    ({ module, name }) => (module === WASI_PREVIEW1 || module === WASI_UNSTABLE) && !functionsWithoutMemory.has(name),
  );

/** Custom sections that linkers write for each other. Linked programs may keep them, so they count only without `_start`. */
function unlinkedProblem(info: ModuleInfo): Problem | undefined {
  const sections = new Set(info.customSections.map(({ name }) => name));
  if (sections.has("dylink.0") || sections.has("dylink")) {
    const message = "this is a dynamic library, which a program loads";
    return { code: "dynamic-library", message, advice: "link it statically to a program" };
  }
  if (!sections.has("linking")) return undefined;
  return { code: "object-file", message: "this is an object file", advice: "link it to a program first" };
}

function startProblems(kind: Classification["kind"]): Problem[] {
  if (kind === "command" || kind === "invalid") return [];
  return [
    {
      code: "no-start",
      message: `there is no _start to run: this is a ${kind}, made to be called by another program`,
      advice: "link it as a command, or call its exports from an application with the Postern library",
    },
  ];
}
