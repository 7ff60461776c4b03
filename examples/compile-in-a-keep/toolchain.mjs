// clang and wasm-ld out of the package @yowasp/clang, each run in a keep of its own.
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { unpackTar } from "modern-tar/fs";
import { run } from "postern";

const folder = new URL(".", import.meta.resolve("@yowasp/clang"));
/** One program that is every tool; its own name says which. */
const llvm = new URL("llvm.core.wasm", folder);
/** What only C++, GPUs and other machines need. */
const unneeded = /^include\/(?:c\+\+|cuda|hlsl|ll|openmp|ppc|profile|sanitizer|zos)|libc\+\+|\.so$/;

/**
 * Unpacks the headers and libraries that belong to clang.
 * @param {string} directory becomes the /usr of the tools
 */
export async function unpackResources(directory) {
  const archive = createReadStream(fileURLToPath(new URL("llvm-resources.tar", folder)));
  await pipeline(archive, unpackTar(directory, { filter: ({ name }) => !unneeded.test(name) }));
}

/**
 * Runs a tool in a keep that sees two directories: /usr, to read, and /project.
 * @param {string} tool `clang` or `wasm-ld`
 * @param {string[]} args
 * @param {{ usr: string, work: string, trace?: string }} place directories of the host, and a file for the trace
 */
export function runTool(tool, args, { usr, work, trace }) {
  return run(llvm, {
    argv0: tool,
    args,
    dirs: [
      { host: usr, guest: "/usr", access: "read" },
      { host: work, guest: "/project", access: "read-write" },
    ],
    limits: { memory: "1GiB", output: "64MiB", descriptors: 64 },
    timeout: "2m",
    ...(trace === undefined ? {} : { trace: { to: trace, format: "json" } }),
  });
}

const libraries = [
  "-L/usr/lib/wasm32-wasip1",
  "/usr/lib/wasm32-wasip1/crt1-command.o",
  "-lc",
  "/usr/lib/wasm32-unknown-wasip1/libclang_rt.builtins.a",
];

/** Compiles /project/NAME.c to /project/NAME.o. */
export const compile = (name, place) =>
  runTool("clang", ["-O2", "-Wall", "-c", `/project/${name}.c`, "-o", `/project/${name}.o`], place);

/** Links /project/NAME.o to /project/NAME.wasm. */
export const link = (name, place) =>
  runTool("wasm-ld", [`/project/${name}.o`, ...libraries, "-o", `/project/${name}.wasm`], place);
