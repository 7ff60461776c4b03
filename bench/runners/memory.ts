/**
 * How much memory idle keeps take: memory KIND=COUNT PROGRAM. Needs --expose-gc.
 *
 * Programs are reactors that have been initialised and wait. What a keep's own linear memory takes is part of the
 * figure as far as it was touched, so the true cost is below it.
 */
import { readFileSync } from "node:fs";
import { WASI } from "node:wasi";
import { Keep } from "postern";
import { request } from "./measure.js";

interface WebAssemblyApi {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => object;
}
const { WebAssembly, gc } = globalThis as unknown as { WebAssembly: WebAssemblyApi; gc?: () => void };

/** Made before anything is measured, so that what is made once for all is not counted. */
const WARM_UP = 3;
const kept: unknown[] = [];

async function keepOf(program: Uint8Array): Promise<unknown> {
  return Keep.launch({ program, backend: "inline", stdio: "ignore" });
}

async function nodeWasiOf(program: Uint8Array): Promise<unknown> {
  const wasi = new WASI({ version: "preview1" });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(program), wasi.getImportObject() as object);
  wasi.initialize(instance);
  return { wasi, instance };
}

function residentBytes(): { readonly resident: number; readonly heap: number } {
  if (gc === undefined) throw new Error("run with --expose-gc");
  for (let i = 0; i < 3; i++) gc();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { resident: rss, heap: heapUsed + external };
}

const { name, calls: count } = request(process.argv[2] ?? "");
const program = readFileSync(process.argv[3]!);
const make = name === "keep" ? keepOf : nodeWasiOf;
for (let i = 0; i < WARM_UP; i++) kept.push(await make(program));
const before = residentBytes();
for (let i = 0; i < count; i++) kept.push(await make(program));
const after = residentBytes();
process.stderr.write(
  `${JSON.stringify({ subject: "idle", calls: count, wall: after.resident - before.resident, cpu: after.heap - before.heap })}\n`,
);
// All of them are alive up to here.
process.exit(kept.length === count + WARM_UP ? 0 : 1);
