/**
 * The short way: common calls carried out by WebAssembly, from the program to the machine code that calls Linux, with no
 * JavaScript in between. Two modules: the shim works on the program's memory, inside and host each on their part of another
 * one, where the block is.
 *
 * This folder has the modules and where things lie; `keep/backends/short-way.ts` links them.
 */
import { WebAssembly, type WebAssemblyMemory, type WebAssemblyModule } from "../wasm/index.js";
import { modules } from "./modules.js";

export * from "./layout.js";

/** What a module exports, other than its memory. */
export type Exports = Readonly<Record<string, (...parameters: never[]) => unknown>>;

/** Turns base64 into bytes. */
export type Decode = (text: string) => Uint8Array;

const compiled = new Map<string, WebAssemblyModule>();

/** One of the modules, compiled once for the process. */
export function shortWayModule(name: keyof typeof modules, decode: Decode): WebAssemblyModule {
  const known = compiled.get(name);
  if (known !== undefined) return known;
  const module = new WebAssembly.Module(decode(modules[name]));
  compiled.set(name, module);
  return module;
}

/**
 * Makes an instance of a module. What it imports it finds by name alone: each name means one thing in all of them.
 * @param memory the program's for `shim`, otherwise the one with the block
 */
export function instantiate(module: WebAssemblyModule, memory: WebAssemblyMemory, imports: object): Exports {
  const everything = { ...imports, memory };
  const anyModule = new Proxy({}, { get: () => everything });
  return new WebAssembly.Instance(module, anyModule).exports as Exports;
}
