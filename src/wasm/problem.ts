/** Something that keeps a program from running. */
export interface Problem {
  /** Stable word: applications may test it. */
  readonly code: ProblemCode;
  /** One sentence that says what is wrong, without a full stop. */
  readonly message: string;
  /** What to do about it, without a full stop. */
  readonly advice: string;
  /** All names concerned, where there are any; the message shows only the first ones. */
  readonly names?: readonly string[];
}

export type ProblemCode =
  /** No WebAssembly: another format, text, empty. */
  | "not-wasm"
  /** WebAssembly of a version nobody knows. */
  | "wasm-version"
  /** Cut off or damaged. */
  | "malformed"
  /** A component (WASI 0.2 and later). */
  | "component"
  /** A core module taken out of a component. */
  | "wasi-0.2"
  /** `_start` and `_initialize` in one module. */
  | "two-entry-points"
  /** `_start` or `_initialize` is no function, or has parameters or results. */
  | "start-signature"
  | "initialize-signature"
  /** `__keep_exception` is no function, or has other parameters or results than an exception entry. */
  | "exception-signature"
  /** Nothing to start: a reactor or a library. */
  | "no-start"
  /** A linker's input, not its output. */
  | "object-file"
  | "dynamic-library"
  /** Functions of WASI with other parameters or results than they have. */
  | "wrong-signature"
  /** Memory: none, more than one, 64-bit, shared without a maximum, exported under its name but no memory. */
  | "missing-memory"
  | "multiple-memories"
  | "memory64"
  | "shared-memory"
  /** Structures, arrays and exceptions of the engine, whose memory has no limit. */
  | "garbage-collection"
  /** More elements of tables than are supported. */
  | "tables"
  /** Imports that nobody offers, by where they come from. */
  | "unknown-import"
  | "unknown-wasi-function"
  /** `thread-spawn` is imported, and something that threads need is missing. */
  | "threads"
  | "wasix"
  | "wasmedge-sockets"
  | "wasi-nn"
  | "wasi-proposal"
  | "emscripten"
  | "assemblyscript"
  | "go-js"
  | "wasm-bindgen"
  | "undefined-function";
