/**
 * Runs programs/micro.wasm in a keep put together by hand: entry WAY DIRECTORY PROGRAM SUBJECT=CALLS ... Either each
 * hand-over is an exit of the virtual processor, as in every keep (`loop`), or the host is called directly (`direct`). What
 * the loop costs is the difference.
 */
import { EENTER, EEXIT, EnclaveRun, enterMerged, InlineCpu, type Registers } from "#src/enter/index.js";
import { createEngine } from "#src/guest/index.js";
import { createHost, Ended } from "#src/host/index.js";
import { ProgramWindow } from "#src/keep/backends/window.js";
import { loadProgram } from "#src/keep/program.js";
import { BLOCK_BYTES, Block } from "#src/sallyport/index.js";
import { createWasi } from "#src/shim/wasi/index.js";
import { WebAssembly, type WebAssemblyMemory } from "#src/wasm/index.js";
import { measuredGrants } from "./grants.js";

const TCS = 4096;
const SALLY = 1;
// Variables of this file: the engine checks imported ones at every use. In src/ the build writes the numbers.
const [enter, exited, ended] = [EENTER, EEXIT, Ended.NO];
const MEMORY_BYTES = 2 ** 32;

const [way, directory, path, ...args] = process.argv.slice(2) as [string, string, string, ...string[]];
const grants = measuredGrants(directory);

const program = await loadProgram(path, MEMORY_BYTES, false);
const block = new Block(new ArrayBuffer(BLOCK_BYTES));
const window = new ProgramWindow();
const host = createHost({ block, window, descriptors: grants.table });
const registers: Registers<number> = { rdi: 0, rsi: 0, rdx: 0, r8: 0, r9: 0, rsp: 0 };

function direct(): number {
  const answer = host.execute();
  if (host.ended() !== ended) wasi.trap();
  return answer;
}

function loop(): number {
  registers.rdi = SALLY;
  registers.rsi = 0;
  try {
    cpu.sally();
  } catch {
    wasi.trap();
  }
  return registers.rdi;
}

const engine = createEngine({ block, sally: way === "loop" ? loop : direct, window: true });
const wasi = createWasi({
  engine,
  args: [path, ...args].map((each) => new TextEncoder().encode(each)),
  env: [],
  descriptors: grants.list,
  functions: program.importNames,
  memoryChanged: (buffer) => window.change(buffer),
});

function run(): void {
  const { exports } = new WebAssembly.Instance(program.module, wasi.imports(program.importModules));
  wasi.bind(exports.memory as WebAssemblyMemory);
  try {
    (exports._start as () => void)();
  } catch (error) {
    if (host.ended() !== Ended.EXITED) throw error;
  }
}

const cpu = new InlineCpu<number>({
  tcs: TCS,
  word: (value) => value,
  program: () => {
    run();
    return 0;
  },
  trapOf: () => null,
});
if (way === "loop") {
  const state = new EnclaveRun<number, null>(TCS, 0, null);
  state.userHandler = (rdi) => {
    if (state.function !== exited || rdi !== SALLY) return 0;
    registers.rdi = host.execute();
    return host.ended() === ended ? enter : 0;
  };
  enterMerged(cpu, EENTER, registers, state);
} else run();
process.exitCode = host.status();
