/**
 * Runs a program with `node:wasi`, the peer that Postern is measured against, as its documentation says:
 * node-wasi PREOPENS(JSON) PROGRAM ARGS...
 */
import { readFileSync } from "node:fs";
import { WASI } from "node:wasi";

// `lib` has no WebAssembly, which belongs to the DOM's types; Node has it all the same.
interface WebAssemblyApi {
  compile(bytes: Uint8Array): Promise<object>;
  instantiate(module: object, imports: object): Promise<object>;
}
const { WebAssembly } = globalThis as unknown as { WebAssembly: WebAssemblyApi };

const [preopens, program, ...args] = process.argv.slice(2) as [string, string, ...string[]];
const wasi = new WASI({
  version: "preview1",
  args: [program, ...args],
  env: {},
  preopens: JSON.parse(preopens) as Record<string, string>,
});
const module = await WebAssembly.compile(readFileSync(program));
const imports = wasi.getImportObject() as object;
process.exitCode = wasi.start(await WebAssembly.instantiate(module, imports)) as unknown as number;
