/**
 * The C library of this process, reached through koffi. The only file that loads koffi.
 *
 * Its machine code comes as a package for each platform, and takes 2 ms to load; with koffi's own module around it, which looks
 * for that package in many places, it is 7 (with `import` 11), for each process and each worker. So it is asked for by its
 * name first, and koffi itself is loaded where that finds nothing, or not the version this was written for.
 *
 * `load(null)` means the running process itself, so glibc and musl both work, and it must come first: koffi 3.3.4
 * crashes when a function pointer is called before anything was loaded.
 */
import { createRequire } from "node:module";
import { PosternError } from "../errors.js";

type Koffi = typeof import("koffi").default;

const require = createRequire(import.meta.url);
/** The version whose machine code works without koffi's module. */
const VERSION = /^3\./;

/** koffi's machine code for x86-64 with glibc, where most processes run, if it lies where npm puts it. */
function loadNative(): Koffi | undefined {
  if (process.arch !== "x64") return undefined;
  try {
    const native: Koffi = require("@koromix/koffi-linux-x64/linux_x64/koffi.node");
    return VERSION.test(native.version) ? native : undefined;
  } catch {
    return undefined;
  }
}

function loadKoffi(): Koffi {
  const native = loadNative();
  if (native !== undefined) return native;
  try {
    return require("koffi");
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
