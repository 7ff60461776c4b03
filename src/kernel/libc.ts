/**
 * The C library of this process, reached through koffi. The only file that loads koffi.
 *
 * It is loaded with `require` because that takes 7 ms and `import` 11, for each process and each worker.
 * `load(null)` means the running process itself, so glibc and musl both work, and it must come first: koffi 3.3.4
 * crashes when a function pointer is called before anything was loaded.
 */
import { createRequire } from "node:module";
import { PosternError } from "../errors.js";

type Koffi = typeof import("koffi").default;

function loadKoffi(): Koffi {
  try {
    return createRequire(import.meta.url)("koffi");
  } catch (cause) {
    throw new PosternError(
      "EUNSUPPORTED",
      "The native part of koffi cannot be loaded; install Postern again on this machine, with optional dependencies.",
      { cause },
    );
  }
}

/** The foreign function interface. */
export const koffi: Koffi = loadKoffi();

/** The process's own symbols, libc's among them. */
export const libc = koffi.load(null);
