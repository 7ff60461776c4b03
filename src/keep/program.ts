/** From a file to a compiled module that can run here, within its memory limit. */
import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { PosternError } from "../errors.js";
import {
  type Changes,
  classify,
  identify,
  limitMemory,
  limitTables,
  type MemoryToCreate,
  type ModuleInfo,
  makeInterruptible,
  memoriesToCreate,
  PAGE_BYTES,
  PAGES_MAX,
  readModule,
  shifted,
  usesThreads,
  WebAssembly,
  type WebAssemblyModule,
} from "../wasm/index.js";

/** Largest program file that is read. */
const PROGRAM_BYTES_MAX = 2 ** 30;
/** Smaller programs are compiled at once: in less time than it takes to hand them to another thread. */
const SMALL_BYTES = 2 ** 18;

/** A program, ready to be instantiated. Can be posted to another thread. */
export interface Program {
  readonly module: WebAssemblyModule;
  /** `_start`, `_initialize`, or neither. */
  readonly kind: "command" | "reactor" | "library";
  /** Memories it imports and somebody has to make. */
  readonly memories: readonly MemoryToCreate[];
  /** It can start threads. */
  readonly threads: boolean;
  /** Names of the modules it imports from. */
  readonly importModules: readonly string[];
  /** Names of what it imports. */
  readonly importNames: readonly string[];
  /** Names of the exported functions. */
  readonly exports: readonly string[];
  /** How the module differs from the file, where it does. */
  readonly changes: Changes | undefined;
}

/** Why a file could not be read, for people. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "permission denied; check the permissions of the file and of the directories on the way",
  EPERM: "permission denied",
  EISDIR: "it is a directory; name the program's .wasm file",
  ENOTDIR: "a part of the path is not a directory",
  ELOOP: "the path has too many symbolic links",
  ENAMETOOLONG: "the path is too long",
};

/** What a failed file operation means. @param error from node:fs */
export function fileReason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  return REASONS[code] ?? (error instanceof Error ? error.message : String(error));
}

/** Reads a program file. @throws PosternError ENOTFOUND, EBADPROGRAM */
function readProgram(program: string | URL): Uint8Array {
  const path = program instanceof URL ? fileURLToPath(program) : program;
  let descriptor: number;
  try {
    descriptor = openSync(path, "r");
  } catch (error) {
    throw new PosternError("ENOTFOUND", `cannot read ${path}: ${fileReason(error)}`, { cause: error });
  }
  try {
    const status = fstatSync(descriptor);
    if (status.isDirectory()) throw new PosternError("EBADPROGRAM", `cannot run ${path}: ${REASONS.EISDIR}`);
    if (!status.isFile() && !status.isFIFO()) {
      throw new PosternError("EBADPROGRAM", `cannot run ${path}: it is a device or a socket; name a .wasm file`);
    }
    if (status.size > PROGRAM_BYTES_MAX) {
      throw new PosternError("EBADPROGRAM", `cannot run ${path}: it has more than ${PROGRAM_BYTES_MAX} bytes`);
    }
    return readFileSync(descriptor);
  } catch (error) {
    if (error instanceof PosternError) throw error;
    throw new PosternError("ENOTFOUND", `cannot read ${path}: ${fileReason(error)}`, { cause: error });
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Reads, checks and compiles a program.
 * @param program path, file URL or bytes
 * @param memoryBytes most memory it may have
 * @param stoppable it may have to be stopped by another thread. Programs with threads of their own always are
 * @throws PosternError ENOTFOUND, EBADPROGRAM with everything that is wrong, ERESOURCE when it wants more memory
 */
export async function loadProgram(
  program: string | URL | Uint8Array,
  memoryBytes: number,
  stoppable: boolean,
): Promise<Program> {
  const bytes = program instanceof Uint8Array ? program : readProgram(program);
  const name = program instanceof Uint8Array ? "the program" : String(program);
  const { info, loadable, problems, kind } = examineProgram(name, bytes);
  if (!loadable || kind === "invalid") {
    const list = problems.map((problem) => `${problem.message}; ${problem.advice}`);
    throw new PosternError("EBADPROGRAM", `cannot run ${name}: ${list.join("\n  ")}`);
  }
  const pages = Math.floor(memoryBytes / PAGE_BYTES);
  const threads = usesThreads(info);
  const { code, changes } = change(name, bytes, info, pages, stoppable || threads);
  const importModules = [...new Set(info.imports.map((each) => each.module))];
  const importNames = [...new Set(info.imports.map((each) => each.name))];
  const memories = memoriesToCreate(info, pages);
  const exports = info.exports.filter((each) => each.kind === "function").map((each) => each.name);
  try {
    const small = code.length <= SMALL_BYTES;
    const module = small ? new WebAssembly.Module(code) : await WebAssembly.compile(code);
    return { module, kind, memories, threads, importModules, importNames, exports, changes };
  } catch (error) {
    throw new PosternError("EBADPROGRAM", `cannot run ${name}: ${(error as Error).message}`, { cause: error });
  }
}

/** Refuses what is no command. @throws PosternError EBADPROGRAM */
export function refuseReactor(name: string | URL | Uint8Array, program: Program): void {
  if (program.kind === "command") return;
  const what = name instanceof Uint8Array ? "the program" : String(name);
  const message = `cannot run ${what}: it exports no function _start, so it is a reactor, made to be called by an application`;
  throw new PosternError("EBADPROGRAM", `${message}; build a command, or use Keep.launch and call its functions`);
}

/** The module as it is compiled: within its limits, and where it may be stopped, so that it can be. */
function change(name: string, bytes: Uint8Array, info: ModuleInfo, pages: number, stoppable: boolean) {
  const limited = limitTables(pages < PAGES_MAX ? limitMemory(bytes, info, pages) : bytes, info);
  // Sections of limits lie in front of the code, and all that is told of places is about code.
  const added = limited.length - bytes.length;
  const changes = added === 0 ? undefined : shifted(added);
  if (!stoppable) return { code: limited, changes };
  try {
    const made = makeInterruptible(limited, info);
    if (made === undefined) return { code: limited, changes };
    const { places, functions } = made.changes;
    for (let index = 1; index < places.length; index += 2) places[index] = Math.max(0, places[index]! - added);
    return { code: made.bytes, changes: { places, functions } };
  } catch (error) {
    throw damaged(name, error);
  }
}

/** What is wrong with the program's bytes, as an error that names the program. */
function damaged(name: string, error: unknown): unknown {
  if (!(error instanceof PosternError)) return error;
  const facts = error.offset === undefined ? { cause: error } : { cause: error, offset: error.offset };
  return new PosternError("EBADPROGRAM", `cannot run ${name}: ${error.message}`, facts);
}

function examineProgram(name: string, bytes: Uint8Array) {
  const { format, description, advice } = identify(bytes);
  if (format !== "module" && format !== "component") {
    throw new PosternError("EBADPROGRAM", `cannot run ${name}: it is ${description}; ${advice}`);
  }
  try {
    const info = readModule(bytes);
    return { info, ...classify(info) };
  } catch (error) {
    throw damaged(name, error);
  }
}
