/** What the threads of one program share, and what each of them is told. Everything can be posted to a thread. */
import { sharingMemory } from "../../host/shared-descriptors.js";
import { descriptorMemory } from "../../shim/wasi/shared-descriptors.js";
import type { WebAssemblyMemory } from "../../wasm/index.js";
import { newMemory } from "./instantiate.js";
import { Control, type Setup } from "./setup.js";

/** Words in which the threads count themselves. */
export const Count = { RUNNING: 0, LAST: 1, WORDS: 2 } as const;
/** Highest number of a thread that wasi-threads allows. */
const THREAD_ID_MAX = 2 ** 29 - 1;
/** EAGAIN of WASI, negative: the thread was not started. */
const REFUSED = -6;

/** One thread of a program with several. */
export interface ThreadSetup {
  /** The program's memory. */
  readonly memory: WebAssemblyMemory;
  /** What the hosts share besides the rows. */
  readonly host: SharedArrayBuffer;
  /** The table of the shims. */
  readonly shim: SharedArrayBuffer;
  /** See {@link Count}. */
  readonly counts: Int32Array;
  /** Most threads at a time besides the first. */
  readonly max: number;
  /** This thread's place among those that run, from 0. */
  readonly place: number;
  /** Number the program knows it by; 0: the first, which runs `_start`. */
  readonly id: number;
  /** What it was started with. */
  readonly argument: number;
}

/** The setup of a program's first thread. @param max most threads at a time besides it */
export function shareSetup(setup: Setup, max: number): Setup {
  const { descriptors, outputBytes } = setup.limits;
  const threads: ThreadSetup = {
    memory: newMemory(setup.program.memories[0]!.descriptor),
    host: sharingMemory(descriptors, outputBytes),
    shim: descriptorMemory(descriptors),
    counts: new Int32Array(new SharedArrayBuffer(Count.WORDS * Int32Array.BYTES_PER_ELEMENT)),
    max,
    place: 0,
    id: 0,
    argument: 0,
  };
  const control = new Int32Array(new SharedArrayBuffer((Control.WORDS + max) * Int32Array.BYTES_PER_ELEMENT));
  return { ...setup, control, threads, trace: ownTrace(setup.trace) };
}

/** The setup of another thread. @param place free among those that run, 1 to the limit */
export function threadSetup(setup: Setup, place: number, id: number, argument: number): Setup {
  return { ...setup, threads: { ...setup.threads!, place, id, argument }, trace: ownTrace(setup.trace) };
}

/** Each thread collects lines of its own and writes each at once, so that they do not get mixed up. */
function ownTrace(trace: Setup["trace"]): Setup["trace"] {
  return trace && { ...trace, immediate: true, memory: new SharedArrayBuffer(trace.memory.byteLength) };
}

/** Index of the word that says whether this thread runs code of the program. */
export function programWord(setup: Setup): number {
  return Control.IN_PROGRAM + (setup.threads?.place ?? 0);
}

/**
 * `thread-spawn`: counts the thread and asks for it.
 * @param ask tells whoever starts threads
 * @returns the new thread's number, or a negative one: the limit is reached, or the keep ends
 */
export function spawnThread(setup: Setup, argument: number, ask: (id: number, argument: number) => void): number {
  const { counts, max } = setup.threads!;
  if (Atomics.load(setup.control, Control.STOP) !== 0) return REFUSED;
  const refused = Atomics.add(counts, Count.RUNNING, 1) >= max;
  const id = refused ? THREAD_ID_MAX + 1 : Atomics.add(counts, Count.LAST, 1) + 1;
  if (refused || id > THREAD_ID_MAX) {
    Atomics.sub(counts, Count.RUNNING, 1);
    return REFUSED;
  }
  ask(id, argument);
  return id;
}
