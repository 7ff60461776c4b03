/**
 * The short way: common calls carried out by WebAssembly, from the program to the machine code that calls Linux, with no
 * JavaScript in between. Three modules that meet where they are linked: the shim works on the program's memory, the inside
 * and the host each on their part of another one, where the block is.
 *
 * This folder has the modules and where things lie; `keep/backends/short-way.ts` links them.
 */
import { WebAssembly, type WebAssemblyMemory, type WebAssemblyModule } from "../wasm/index.js";
import { modules } from "./modules.js";

export * from "./layout.js";

/** What a module exports, other than its memory. */
export type Exports = Readonly<Record<string, (...parameters: never[]) => unknown>>;

/** Names of the modules. */
export type ShortWayModule = "host" | "inside" | "shim";

const compiled = new Map<ShortWayModule, WebAssemblyModule>();

function decode(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

function moduleOf(name: ShortWayModule): WebAssemblyModule {
  const known = compiled.get(name);
  if (known !== undefined) return known;
  const module = new WebAssembly.Module(decode(modules[name]));
  compiled.set(name, module);
  return module;
}

/**
 * Makes an instance of one of the modules. What it imports it finds by name alone: each name means one thing in all of them.
 * @param memory the program's for `shim`, the gate's for the others
 */
export function instantiate(name: ShortWayModule, memory: WebAssemblyMemory, imports: object): Exports {
  const everything = { ...imports, memory };
  const anyModule = new Proxy({}, { get: () => everything });
  return new WebAssembly.Instance(moduleOf(name), anyModule).exports as Exports;
}
