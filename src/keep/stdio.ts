/** The standard streams of a keep that lead to the process's own, to nowhere, or to an open descriptor. */
import { fstatSync, openSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import { PosternError } from "../errors.js";
import { addressOf, SYS, syscall3 } from "../kernel/index.js";
import { TCGETS } from "../sallyport/linux.js";
import type { Grants } from "./grants.js";
import type { CheckedOptions, StandardStream } from "./options.js";

/** Streams of a keep at the application's end; null where a stream is not a pipe. */
export interface Streams {
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** Called when the keep has ended: gives out what was collected in memory. */
  readonly finish: () => void;
  /** Closes what is open after a failed start. */
  readonly abandon: () => void;
}

/** The standard streams in the order of their numbers. */
export const NAMES = ["stdin", "stdout", "stderr"] as const;
export type StreamName = (typeof NAMES)[number];
/** Room for struct termios, whose size differs from library to library. */
const TERMIOS_BYTES = 64;

/** Whether a descriptor is a terminal. Node's own answer would load its terminal and network code with it. */
function isTerminal(native: number): boolean {
  return syscall3(SYS.ioctl, native, TCGETS, addressOf(new Uint8Array(TERMIOS_BYTES))) === 0;
}

/** Grants a stream that needs nothing at the application's end. */
export function grantPlain(grants: Grants, name: StreamName, stream: Exclude<StandardStream, "pipe">): void {
  const input = name === "stdin";
  const kind = input ? "input" : "output";
  if (stream === "ignore") {
    grants.stream(kind, openSync("/dev/null", input ? "r" : "w"), true, false, name);
    return;
  }
  const native = stream === "inherit" ? NAMES.indexOf(name) : stream;
  try {
    fstatSync(native);
  } catch {
    // A process may be started with a standard stream closed; the program then finds nothing there.
    if (stream === "inherit") {
      grantPlain(grants, name, "ignore");
      return;
    }
    throw new PosternError("EINVALIDARGUMENT", `${name} is descriptor ${native}, which is not open`);
  }
  grants.stream(kind, native, false, isTerminal(native), name);
}

/** Grants the streams of a keep none of whose streams is a pipe. */
export function plainStreams(grants: Grants, options: CheckedOptions): Streams {
  for (const name of NAMES) {
    const stream = options[name];
    if (stream !== "pipe") grantPlain(grants, name, stream);
  }
  const nothing = () => {};
  return { stdin: null, stdout: null, stderr: null, finish: nothing, abandon: nothing };
}
