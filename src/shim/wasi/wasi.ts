/** Puts the functions together and hands them to a program. */
import { PosternError } from "../../errors.js";
import type { Engine } from "../../guest/engine.js";
import {
  ADAPTER_IMPORTS,
  ADAPTER_OVER,
  ADAPTER_SHORT,
  ADAPTER_TRAP,
  adapterModule,
  functionsWithoutResult,
  WASI_PREVIEW1,
  WASI_UNSTABLE,
  WebAssembly,
  type WebAssemblyImports,
  type WebAssemblyMemory,
  type WebAssemblyModule,
  wasiSignatures,
} from "../../wasm/index.js";
import { PREVIEW1 } from "./abi.js";
import { createClocks } from "./clocks.js";
import { createDescriptorStatus } from "./descriptor-status.js";
import { Access, Descriptors, Entry, Kind } from "./descriptors.js";
import { createDirectories } from "./directories.js";
import { createFileStatus, createFileTimes } from "./file-status.js";
import { createFiles, createSeeking } from "./files.js";
import { Iovecs } from "./iovecs.js";
import { ProgramMemory } from "./memory.js";
import { createMover } from "./mover.js";
import { createNames } from "./names.js";
import { createOpen, type Opening } from "./open.js";
import { createPoll } from "./poll.js";
import { createProcess } from "./process.js";
import type { Program, WasiFunctions } from "./program.js";
import { RowDescriptors } from "./rows.js";
import { type DescriptorSharing, SharedDescriptors } from "./shared-descriptors.js";
import { createSockets } from "./sockets.js";
import { createStrings } from "./strings.js";
import { createTransfers } from "./transfers.js";
import { createUnstable, NOT_IN_UNSTABLE } from "./unstable.js";

/** A descriptor the program starts with. */
export interface WasiGrant {
  /** The number the host knows. */
  readonly descriptor: number;
  /** A listener is a stream socket that accepts and carries no data. */
  readonly kind: "input" | "output" | "directory" | "stream" | "datagram" | "listener";
  /** Standard stream on a terminal. */
  readonly terminal?: boolean;
  /** Name a directory has for the program. */
  readonly name?: Uint8Array;
  /** Nothing may be changed through it. */
  readonly readOnly?: boolean;
}

export interface WasiOptions {
  readonly engine: Engine;
  /** Arguments, the program's name first; no zero byte inside. */
  readonly args: readonly Uint8Array[];
  /** `NAME=value`; no zero byte inside. */
  readonly env: readonly Uint8Array[];
  /** What the program's numbers 0, 1, 2 ... stand for: standard streams, then directories, then sockets. */
  readonly descriptors: readonly WasiGrant[];
  /** Most descriptors at a time; the host may have a lower limit. Default 65536. */
  readonly maxDescriptors?: number;
  /** Names of the functions the program imports; default: all there are. */
  readonly functions?: readonly string[];
  /** Where several threads run the program, each with its own of everything else: the table they share. */
  readonly sharing?: DescriptorSharing | undefined;
  /** For programs with one thread. */
  readonly shortWay?: ShortWay | undefined;
  /** Is told each buffer that the program's memory gets, at first and when it has grown. */
  readonly memoryChanged?: (buffer: ArrayBufferLike) => void;
}

/** What the short way needs to know of the shim. */
export interface ShortWayLink {
  readonly memory: WebAssemblyMemory;
  readonly enterOther: Opening["enter"];
  /** Looks whether the program's memory has grown. */
  readonly look: () => void;
}

/** Where common functions may go past JavaScript. */
export interface ShortWay {
  /** Memory for the table of descriptors: {@link rowsBytes} from `at` on. */
  readonly table: ArrayBufferLike;
  readonly at: number;
  /** Where it says which directory's records it keeps: see {@link RowDescriptors}. */
  readonly listed: Int32Array;
  /** Makes the functions, once the program's memory is known. @returns functions of WebAssembly, by name */
  link(link: ShortWayLink): Readonly<Record<string, unknown>>;
}

/** WASI for one program. */
export interface Wasi {
  /**
   * What to instantiate the program with.
   * @param modules names under which it imports; default: preview 1 alone
   */
  imports(modules?: readonly string[]): WebAssemblyImports;
  /** Sets the program's memory, before its first call. */
  bind(memory: WebAssemblyMemory): void;
  /** Ends the program by a trap, which passes every handler it may have. Call it only with the program on the stack. */
  readonly trap: () => never;
  /** The 32-bit code of proc_exit, undefined as long as the program has not called it. */
  readonly exitCode: number | undefined;
}

const KINDS: Readonly<Record<WasiGrant["kind"], readonly [kind: number, access: number]>> = {
  input: [Kind.INPUT, Access.READ],
  output: [Kind.OUTPUT, Access.WRITE],
  directory: [Kind.DIRECTORY, Access.READ],
  stream: [Kind.STREAM, Access.BOTH],
  datagram: [Kind.DATAGRAM, Access.BOTH],
  listener: [Kind.STREAM, Access.BOTH],
};

const MAX_DESCRIPTORS = 65536;
/** Adapters by the names of the functions in them: programs of one toolchain import the same ones. */
const adapters = new Map<string, WebAssemblyModule>();
/** Adapters kept. */
const ADAPTERS_MAX = 16;

/** Functions with a short way, in the order of the adapter's table. */
export const SHORT_FUNCTIONS: readonly string[] =
  "clock_time_get fd_close fd_filestat_get fd_pread fd_pwrite fd_read fd_readdir fd_seek fd_tell fd_write path_filestat_get path_open random_get".split(
    " ",
  );

/** An adapter for the functions a program imports. @param short whether with short ways */
function adapterFor(imported: readonly string[], short: boolean): WebAssemblyModule {
  const names = imported.filter((name) => Object.hasOwn(wasiSignatures, name)).sort();
  const key = `${short} ${names.join(" ")}`;
  const known = adapters.get(key);
  if (known !== undefined) return known;
  const signatures = Object.fromEntries(names.map((name) => [name, wasiSignatures[name]!]));
  const bytes = adapterModule(signatures, functionsWithoutResult, short ? SHORT_FUNCTIONS : []);
  const adapter = new WebAssembly.Module(bytes);
  if (adapters.size === ADAPTERS_MAX) adapters.clear();
  adapters.set(key, adapter);
  return adapter;
}

function instantiate(adapter: WebAssemblyModule, functions: object): Record<string, unknown> {
  return new WebAssembly.Instance(adapter, { [ADAPTER_IMPORTS]: { ...functions } }).exports;
}

/** Whether other threads have a memory too: then the short way's is of another kind. */
const isShared = ({ buffer }: WebAssemblyMemory): boolean => !(buffer instanceof ArrayBuffer);

const flag = () => new WebAssembly.Global({ value: "i32", mutable: true }, 0);

/**
 * Makes WASI for one program.
 * @throws PosternError EINVALIDARGUMENT for a directory without a name
 */
export function createWasi(options: WasiOptions): Wasi {
  const { engine, args, env } = options;
  const memory = new ProgramMemory(options.memoryChanged);
  const entries = options.descriptors.map(entryOf);
  const descriptors = createDescriptors(options, entries);
  // What one thread has entered, all of them have.
  if ((options.sharing?.thread ?? 1) === 1) for (const entry of entries) descriptors.add(entry);

  let leave: (() => never) | undefined;
  const trap = (): never => leave!();
  const over = flag();
  const open = flag();
  const close = () => {
    open.value = 0;
  };
  const end = () => {
    over.value = 1;
    close();
  };
  const program: Program = { engine, memory, descriptors, args, env, end, exitCode: undefined, trap };
  const clocks = createClocks(program);
  const opening = createOpen(program);
  const functions = createFunctions(program, clocks.functions, opening.functions);
  const names = options.functions ?? Object.keys(wasiSignatures);
  const { shortWay } = options;
  const adapter = adapterFor(names, shortWay !== undefined);
  const table = new WebAssembly.Table({ element: "anyfunc", initial: SHORT_FUNCTIONS.length });
  const shared = { [ADAPTER_OVER]: over, [ADAPTER_SHORT.TABLE]: table };
  const adapted = instantiate(adapter, { ...functions, ...shared, [ADAPTER_SHORT.OPEN]: open });
  leave = adapted[ADAPTER_TRAP] as () => never;

  function imports(modules: readonly string[] = [WASI_PREVIEW1]): WebAssemblyImports {
    const made: WebAssemblyImports = { [WASI_PREVIEW1]: without(adapted, OWN) };
    if (modules.includes(WASI_UNSTABLE)) {
      // Its functions differ: they have no short way.
      const own = { ...createUnstable(program), ...shared, [ADAPTER_SHORT.OPEN]: flag() };
      const older = instantiate(adapter, { ...functions, ...own });
      made[WASI_UNSTABLE] = without(older, [...OWN, ...NOT_IN_UNSTABLE]);
    }
    return made;
  }

  function bind(bound: WebAssemblyMemory): void {
    memory.bind(bound);
    clocks.start();
    if (shortWay === undefined || isShared(bound)) return;
    const linked = shortWay.link({ memory: bound, enterOther: opening.enter, look: () => memory.look() });
    for (const [place, name] of SHORT_FUNCTIONS.entries()) table.set(place, linked[name]);
    engine.state.onAttack = close;
    open.value = 1;
  }

  return {
    imports,
    bind,
    trap,
    get exitCode() {
      return program.exitCode;
    },
  };
}

/** What an adapter exports and no program imports. */
const OWN: readonly string[] = [ADAPTER_TRAP];

function without(exports: Record<string, unknown>, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(exports).filter(([name]) => !names.includes(name)));
}

function createFunctions(program: Program, clocks: WasiFunctions, opening: WasiFunctions): WasiFunctions {
  const iovecs = new Iovecs();
  const mover = createMover(program, iovecs);
  return {
    ...createStrings(program),
    ...clocks,
    ...createProcess(program),
    ...createTransfers(program, iovecs, mover),
    ...createDescriptorStatus(program),
    ...createFiles(program),
    ...createSeeking(program, PREVIEW1),
    ...createFileStatus(program, PREVIEW1),
    ...createFileTimes(program),
    ...createDirectories(program),
    ...createNames(program),
    ...opening,
    ...createPoll(program, PREVIEW1),
    ...createSockets(program, iovecs, mover),
  };
}

function createDescriptors(options: WasiOptions, entries: readonly Entry[]): Descriptors {
  const max = options.maxDescriptors ?? MAX_DESCRIPTORS;
  const { sharing, shortWay } = options;
  const names = entries.map(({ name }) => name);
  if (sharing !== undefined) return new SharedDescriptors(max, sharing, names);
  if (shortWay !== undefined)
    return new RowDescriptors(max, max, shortWay.table, shortWay.at, 1, names, shortWay.listed);
  return new Descriptors(max);
}

function entryOf(grant: WasiGrant): Entry {
  if (grant.kind === "directory" && grant.name === undefined) {
    throw new PosternError("EINVALIDARGUMENT", `the directory granted as descriptor ${grant.descriptor} has no name`);
  }
  const [kind, access] = KINDS[grant.kind];
  return new Entry({
    kind,
    access,
    descriptor: grant.descriptor,
    readOnly: grant.readOnly === true,
    name: kind === Kind.DIRECTORY ? grant.name : undefined,
    terminal: grant.terminal === true,
    listens: grant.kind === "listener",
  });
}
