/** A thread that runs one program with `node:wasi`. */
import { readFileSync } from "node:fs";
import { WASI } from "node:wasi";
import { workerData } from "node:worker_threads";

interface WebAssemblyApi {
  compile(bytes: Uint8Array): Promise<object>;
  instantiate(module: object, imports: object): Promise<object>;
}
const { WebAssembly } = globalThis as unknown as { WebAssembly: WebAssemblyApi };

const { directory, program, args, sink } = workerData as {
  readonly directory: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly sink: number;
};
const wasi = new WASI({
  version: "preview1",
  args: [program, ...args],
  preopens: { "/": directory },
  stdin: sink,
  stdout: sink,
  stderr: sink,
  returnOnExit: true,
});
const module = await WebAssembly.compile(readFileSync(program));
const code = wasi.start(await WebAssembly.instantiate(module, wasi.getImportObject() as object)) as unknown as number;
if (code !== 0) throw new Error(`the program ended with ${code}`);
