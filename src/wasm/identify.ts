/** What the first bytes of a file say it is. */
export interface Format {
  /** Stable word: `module`, `component`, `wasm-version`, `empty`, `elf`, `script`, `gzip`, ... */
  readonly format: FormatName;
  /** The same as a phrase: "an ELF file (a program or library for Linux)". */
  readonly description: string;
  /** What to do to get something that runs; empty for a module. */
  readonly advice: string;
}

export type FormatName =
  | "module"
  | "component"
  | "wasm-version"
  | "empty"
  | "elf"
  | "windows"
  | "mach-o"
  | "script"
  | "gzip"
  | "zip"
  | "xz"
  | "zstd"
  | "bzip2"
  | "archive"
  | "bitcode"
  | "wat"
  | "text"
  | "cut-off"
  | "unknown";

const BUILD_WASM = "build the program for WASI preview 1, for example with clang --target=wasm32-wasi";
const UNPACK = "unpack it and give the .wasm file inside";

/** First bytes, the format they mean, a phrase for it, advice. The first line that fits wins. */
const SIGNATURES: readonly (readonly [readonly number[], FormatName, string, string])[] = [
  [[0x7f, 0x45, 0x4c, 0x46], "elf", "an ELF file (a program or library for Linux)", BUILD_WASM],
  [[0x4d, 0x5a], "windows", "a Windows program", BUILD_WASM],
  [[0xcf, 0xfa, 0xed, 0xfe], "mach-o", "a macOS program", BUILD_WASM],
  [[0xca, 0xfe, 0xba, 0xbe], "mach-o", "a macOS program or a Java class", BUILD_WASM],
  [[0x23, 0x21], "script", "a script", "compile its interpreter to WASI, or run the script outside of a keep"],
  [[0x1f, 0x8b], "gzip", "compressed with gzip", "unpack it with gunzip and give the .wasm file inside"],
  [[0x50, 0x4b, 0x03, 0x04], "zip", "a ZIP archive", UNPACK],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], "xz", "compressed with xz", UNPACK],
  [[0x28, 0xb5, 0x2f, 0xfd], "zstd", "compressed with zstd", UNPACK],
  [[0x42, 0x5a, 0x68], "bzip2", "compressed with bzip2", UNPACK],
  [
    [0x21, 0x3c, 0x61, 0x72, 0x63, 0x68, 0x3e, 0x0a],
    "archive",
    "a static library (ar archive)",
    "link it to a program",
  ],
  [[0x42, 0x43, 0xc0, 0xde], "bitcode", "LLVM bitcode", "compile and link it for wasm32-wasi"],
];

const MAGIC: readonly number[] = [0x00, 0x61, 0x73, 0x6d];
const TEXT_BYTES_MAX = 512;

/**
 * Tells what a file is from its first bytes. Never throws.
 *
 * Preamble of a module: core specification, section 5.5.16. A component has layer 1 in bytes 6 and 7.
 */
export function identify(bytes: Uint8Array): Format {
  if (bytes.length === 0) return { format: "empty", description: "empty", advice: "give a .wasm file" };
  if (startsWith(bytes, MAGIC)) return identifyWasm(bytes);
  for (const [signature, format, description, advice] of SIGNATURES) {
    if (startsWith(bytes, signature)) return { format, description, advice };
  }
  return identifyText(bytes);
}

function startsWith(bytes: Uint8Array, signature: readonly number[]): boolean {
  return bytes.length >= signature.length && signature.every((byte, index) => bytes[index] === byte);
}

function identifyWasm(bytes: Uint8Array): Format {
  if (bytes.length < 8) {
    return {
      format: "cut-off",
      description: `a WebAssembly file that ends after ${bytes.length} bytes`,
      advice: "get the file again, it was not written completely",
    };
  }
  const version = bytes[4]! | (bytes[5]! << 8);
  const layer = bytes[6]! | (bytes[7]! << 8);
  if (layer === 1) {
    return {
      format: "component",
      description: "a component (WASI 0.2), this runs core modules (WASI preview 1)",
      advice:
        "build for the target wasm32-wasip1 instead of wasm32-wasip2, or take the core module out of the component",
    };
  }
  if (layer === 0 && version === 1) {
    return { format: "module", description: "a WebAssembly module", advice: "" };
  }
  return {
    format: "wasm-version",
    description: `a WebAssembly file of version ${version}, layer ${layer}; version 1, layer 0 is understood`,
    advice: "build it with a current toolchain",
  };
}

function identifyText(bytes: Uint8Array): Format {
  const head = bytes.subarray(0, TEXT_BYTES_MAX);
  if (head.some((byte) => byte === 0x7f || (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d))) {
    return { format: "unknown", description: "no WebAssembly and nothing known", advice: "give a .wasm file" };
  }
  const text = new TextDecoder().decode(head);
  if (/^(\s|;;[^\n]*\n|\(;[^;]*;\))*\((module|component)\b/.test(text)) {
    return { format: "wat", description: "WebAssembly in its text form", advice: "convert it with wat2wasm first" };
  }
  return { format: "text", description: "a text file", advice: "give a .wasm file" };
}
