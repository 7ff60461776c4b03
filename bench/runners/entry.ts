/**
 * Runs programs/micro.wasm in a keep put together by hand: entry WAY DIRECTORY PROGRAM SUBJECT=CALLS ... Either each
 * hand-over is an exit of the virtual processor, as in every keep, or the host is called directly. What the entry loop costs is the
 * difference. Both as calls go (`loop`, `direct`) and as they go in JavaScript alone (`js-loop`, `js-direct`).
 */
import { EENTER, EEXIT, EnclaveRun, enterMerged, InlineCpu, type Registers } from "#src/enter/index.js";
import { createEngine } from "#src/guest/index.js";
import { createHost, DEFAULT_LIMITS, Ended } from "#src/host/index.js";
import { Gate } from "#src/keep/backends/short-way.js";
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
const throughLoop = way === "loop" || way === "js-loop";
const gate = way.startsWith("js-") ? undefined : Gate.make(DEFAULT_LIMITS.descriptors, false);
const grants = measuredGrants(directory, gate?.rows);

const program = await loadProgram(path, MEMORY_BYTES, false);
const block = gate?.block ?? new Block(new ArrayBuffer(BLOCK_BYTES));
const window = new ProgramWindow();
const host = createHost({ block, window, descriptors: grants.table, ...(gate && { held: gate.held }) });
const registers: Registers<number> = { rdi: 0, rsi: 0, rdx: 0, r8: 0, r9: 0, rsp: 0 };

function direct(): number {
  const answer = host.execute();
  if (host.ended() !== ended) {
    gate?.end();
    wasi.trap();
  }
  return answer;
}

function loop(): number {
  registers.rdi = SALLY;
  registers.rsi = 0;
  try {
    cpu.sally();
  } catch {
    gate?.end();
    wasi.trap();
  }
  return registers.rdi;
}

/** The gate without the entry loop, which is built for this alone. */
async function withoutLoop() {
  const built = new URL("../../short-way/direct.js", import.meta.url).href;
  const { direct: text } = (await import(built)) as { direct: string };
  return { module: new WebAssembly.Module(Buffer.from(text, "base64")) };
}

const sally = throughLoop ? loop : direct;
const engine = createEngine({ block, sally, window: true });
const parts = { host, sally, attack: engine.attack, tracer: undefined, immediate: false };
const shortWay = gate?.shortWay(throughLoop ? parts : { ...parts, ...(await withoutLoop()) });
const wasi = createWasi({
  engine,
  args: [path, ...args].map((each) => new TextEncoder().encode(each)),
  env: [],
  descriptors: grants.list,
  functions: program.importNames,
  maxDescriptors: DEFAULT_LIMITS.descriptors,
  shortWay,
  memoryChanged: (buffer) => {
    window.change(buffer);
    gate?.changeWindow(window.address(), buffer.byteLength);
  },
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
if (throughLoop) {
  const state = new EnclaveRun<number, null>(TCS, 0, null);
  state.userHandler = (rdi) => {
    if (state.function !== exited || rdi !== SALLY) return 0;
    registers.rdi = host.execute();
    return host.ended() === ended ? enter : 0;
  };
  enterMerged(cpu, EENTER, registers, state);
} else run();
process.exitCode = host.status();
