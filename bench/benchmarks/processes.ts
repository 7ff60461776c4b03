/** Whole processes: how long a program takes to start, and what real programs take. */
import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Benchmark, Configuration, Missing, Settings } from "../model.js";
import { builtProgram, COMMAND, execute, inRepository, node, runner } from "../processes.js";
import { scaled } from "./fixture.js";

const NOTHING = inRepository("test/fixtures/programs/behaviours/nothing.wasm");
const START_ROUNDS = 20;
const START_MOST = 1.2;
const PROGRAM_MOST = 1;

/** A process as a configuration. */
function whole(name: string, args: readonly string[]): Configuration {
  const measure = () => {
    const { wall, cpu } = node(args);
    return [{ subject: "process", wall, cpu }];
  };
  return { name, measure };
}

/** A program that does nothing, from the start of the process to its end. */
export function startBenchmarks(settings: Settings): Benchmark[] {
  return [
    {
      name: "start",
      title: "Start and end of a process with a program that does nothing",
      unit: "ms",
      configurations: [
        whole("node:wasi", [runner("node-wasi"), "{}", NOTHING]),
        whole("postern run", [COMMAND, "run", NOTHING]),
        whole("postern run, thread", [COMMAND, "run", "--backend", "thread", NOTHING]),
        whole("node alone", ["--eval", "0"]),
      ],
      missing: [],
      rounds: settings.scale < 1 ? settings.rounds : START_ROUNDS,
      reference: "node:wasi",
      budgets: [{ subject: "process", configuration: "postern run", against: "node:wasi", most: START_MOST }],
    },
  ];
}

/** A real program: what it needs, and how it is called. */
interface RealProgram {
  readonly title: string;
  readonly program: string;
  /** Directories: name for the program, path. */
  readonly directories: Readonly<Record<string, string>>;
  readonly args: readonly string[];
}

function programBenchmark(real: RealProgram): Benchmark {
  const { program, directories, args } = real;
  const grants = Object.entries(directories).flatMap(([guest, host]) => ["--dir", `${host}::${guest}`]);
  return {
    name: "programs",
    title: real.title,
    unit: "ms",
    configurations: [
      whole("node:wasi", [runner("node-wasi"), JSON.stringify(directories), program, ...args]),
      whole("postern run", [COMMAND, "run", ...grants, program, ...args]),
    ],
    missing: [],
    reference: "node:wasi",
    budgets: [{ subject: "process", configuration: "postern run", against: "node:wasi", most: PROGRAM_MOST }],
  };
}

/** A benchmark that has nothing to run. */
function absent(title: string, reason: string): Benchmark {
  const missing: Missing[] = [{ name: title, reason }];
  return { name: "programs", title, unit: "ms", configurations: [], missing, reference: "", budgets: [] };
}

const SQLITE_SIZE = 500;

function sqlite(settings: Settings): Benchmark {
  const title = "SQLite: a small application's work on a database file";
  const { path, missing } = builtProgram("sqlite.wasm");
  if (missing !== undefined) return absent(title, missing);
  const directory = join(settings.directory, "sqlite");
  mkdirSync(directory, { recursive: true });
  const size = String(scaled(SQLITE_SIZE, settings.scale));
  return programBenchmark({ title, program: path, directories: { "/": directory }, args: [size] });
}

/** Straight to the compiler proper: the driver would start it as a process of its own. */
const CLANG = "clang -cc1 -triple wasm32-unknown-unknown -emit-obj -O2 -internal-isystem /usr/include".split(" ");
const SOURCE = "test/fixtures/programs/conformance/read_write.c";

/** Compiles one file of C with clang, itself a WebAssembly program of 75 MB. */
function clang(settings: Settings): Benchmark {
  const title = "clang: compiling a file of C";
  const folder = inRepository("node_modules/@yowasp/clang/gen");
  if (!existsSync(folder)) return absent(title, "the package @yowasp/clang is not installed; npm install");
  const usr = join(settings.directory, "usr");
  const work = join(settings.directory, "compile");
  for (const directory of [usr, work]) mkdirSync(directory, { recursive: true });
  execute("tar", ["-xf", join(folder, "llvm-resources.tar"), "-C", usr]);
  copyFileSync(inRepository(SOURCE), join(work, "source.c"));
  copyFileSync(inRepository("test/fixtures/programs/check.h"), join(work, "check.h"));
  return programBenchmark({
    title,
    program: join(folder, "llvm.core.wasm"),
    directories: { "/usr": usr, "/source": work },
    args: [...CLANG, "-I/source", "-o", "/source/source.o", "/source/source.c"],
  });
}

/** Real programs, those that are there. */
export function programBenchmarks(settings: Settings): Benchmark[] {
  return [sqlite(settings), clang(settings)];
}
