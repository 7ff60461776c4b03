import type { ModuleImport } from "./model.js";
import type { ProblemCode } from "./problem.js";
import { WASI_PREVIEW1, WASI_UNSTABLE } from "./wasi-signatures.js";

/** How to recognise a family of imports that nobody offers here, and what to tell the user. */
export interface ImportHint {
  readonly code: ProblemCode;
  readonly matches: (module: string, name: string, entry: ModuleImport) => boolean;
  /** Completed by ": " and the names. */
  readonly message: string;
  readonly advice: string;
}

const EMSCRIPTEN_NAME = /^(_?emscripten_|invoke_|__syscall_|__cxa_|_tzset_js$|_mmap_js$|_munmap_js$|_setitimer_js$)/;
const isWasi = (module: string) => module === WASI_PREVIEW1 || module === WASI_UNSTABLE;

/** The first hint that matches an import decides; the last one matches everything. */
export const IMPORT_HINTS: readonly ImportHint[] = [
  {
    code: "wasix",
    matches: (module) => module.startsWith("wasix_"),
    message: "this program uses WASIX, an extension of Wasmer, which is not offered",
    advice: "build it for wasm32-wasip1",
  },
  {
    code: "wasmedge-sockets",
    matches: (module, name) => isWasi(module) && name.startsWith("sock_"),
    message: "this program uses the socket functions of WasmEdge, which WASI preview 1 does not have",
    advice: "build it to use sockets that are already open, and pass them with --listen or --connect",
  },
  {
    code: "wasi-nn",
    matches: (module) => module === "wasi_ephemeral_nn",
    message: "this program uses wasi-nn (neural networks), which is not offered",
    advice: "build it without wasi-nn",
  },
  {
    code: "wasi-proposal",
    matches: (module) => module.startsWith("wasi_ephemeral_") || module.startsWith("wasi_experimental_"),
    message: "this program uses a WASI proposal, which is not offered",
    advice: "build it to use WASI preview 1 alone",
  },
  {
    code: "wasi-0.2",
    matches: (module) => module.startsWith("wasi:") || module === "__main_module__",
    message: "this program uses WASI 0.2, this runs WASI preview 1",
    advice: "build it for wasm32-wasip1 instead of wasm32-wasip2",
  },
  {
    code: "unknown-wasi-function",
    matches: (module) => isWasi(module),
    message: "WASI preview 1 has nothing of this name and kind",
    advice: "check the name, and whether the module comes from a newer or older WASI",
  },
  {
    code: "go-js",
    matches: (module) => module === "gojs" || module === "go",
    message: "this Go program is built for browsers",
    advice: "build it with GOOS=wasip1 GOARCH=wasm go build",
  },
  {
    code: "wasm-bindgen",
    matches: (module) => module === "wbg" || module.startsWith("__wbindgen_"),
    message: "this Rust program needs the JavaScript of wasm-bindgen",
    advice: "build it for wasm32-wasip1, without crates that use wasm-bindgen",
  },
  {
    code: "emscripten",
    matches: (module, name) => module === "env" && EMSCRIPTEN_NAME.test(name),
    message: "this program needs the JavaScript of Emscripten",
    advice: "build it with emcc -sSTANDALONE_WASM, or with clang --target=wasm32-wasi",
  },
  {
    code: "assemblyscript",
    matches: (module, name) => module === "env" && (name === "abort" || name === "seed" || name === "trace"),
    message: "this AssemblyScript program needs functions of its own JavaScript loader",
    advice: "build it with @assemblyscript/wasi-shim, so that it uses WASI",
  },
  {
    code: "undefined-function",
    matches: (module, _name, entry) => module === "env" && entry.kind === "function",
    message: "functions were left undefined when this program was linked",
    advice:
      "link what defines them; the linker options --allow-undefined and --import-undefined hide that they are missing",
  },
  {
    code: "unknown-import",
    matches: () => true,
    message: "this program imports what nobody offers here",
    advice: "build it so that it imports WASI preview 1 only",
  },
];
