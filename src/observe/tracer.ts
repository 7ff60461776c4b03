/** Writes each call of a keep as a line to a descriptor. */
import { addressOf, SYS, syscall3, syscall5 } from "../kernel/index.js";
import { Errno, POLLOUT } from "../sallyport/linux.js";
import type { RequestView } from "../sallyport/request-view.js";
import { JSON_LINES, TEXT_LINES } from "./format.js";
import { createLineWriter, wholeLine } from "./line.js";

/** Bytes that are written as soon as there are so many. */
const WRITTEN_BYTES = 16384;
/** Room for them and for one line more, unless it is very long. */
const BUFFER_BYTES = 2 * WRITTEN_BYTES;
/** In front of the bytes: how many wait to be written. */
const COUNT_BYTES = 8;

/** Memory of a tracer; shared memory lets another thread write what a thread that was ended left. */
export const TRACER_BYTES: number = COUNT_BYTES + BUFFER_BYTES;

/** Where a trace goes. */
export interface TracerOptions {
  /** An open descriptor. */
  readonly descriptor: number;
  readonly format: "text" | "json";
  /** Write each line at once. Default false: lines are collected, which is faster. */
  readonly immediate?: boolean;
  /** {@link TRACER_BYTES} bytes for what is not written yet. Default: memory of its own. */
  readonly memory?: ArrayBufferLike;
  /** Where in that memory, a multiple of 8. Default: at its start. */
  readonly at?: number;
  /** First element nonzero: a write that was interrupted is not tried again. */
  readonly stop?: Int32Array;
}

/** A trace being written. */
export interface Tracer {
  /** To be given to the host. */
  readonly observer: { after(request: RequestView): void };
  /** Writes what waits. */
  flush(): void;
  /** Writes what is left. The descriptor stays open. */
  close(): void;
}

/** Makes a tracer. A trace that can no longer be written (a full disk, a closed pipe) ends silently: the program goes on. */
export function createTracer(options: TracerOptions): Tracer {
  const { descriptor, immediate = false, stop, at = 0 } = options;
  const memory = options.memory ?? new ArrayBuffer(TRACER_BYTES);
  const count = new Int32Array(memory, at, 1);
  const buffer = new Uint8Array(memory, at + COUNT_BYTES, BUFFER_BYTES);
  const address = addressOf(buffer);
  const format = options.format === "json" ? JSON_LINES : TEXT_LINES;
  const writeLine = createLineWriter(buffer, format);

  function stopping(): boolean {
    return stop !== undefined && stop[0] !== 0;
  }

  /** Waits for room in a descriptor that somebody made nonblocking. @returns whether to write again */
  function waited(): boolean {
    const entry = new Int32Array(2);
    entry[0] = descriptor;
    entry[1] = POLLOUT;
    const result = syscall5(SYS.ppoll, addressOf(entry), 1, 0, 0, 0);
    return result >= 0 || (result === -Errno.EINTR && !stopping());
  }

  function write(start: number, bytes: number): void {
    for (let done = 0; done < bytes; ) {
      const written = syscall3(SYS.write, descriptor, start + done, bytes - done);
      if (written === -Errno.EINTR && !stopping()) continue;
      if (written === -Errno.EAGAIN && waited()) continue;
      if (written <= 0) break;
      done += written;
    }
  }

  function flush(): void {
    write(address, count[0]!);
    count[0] = 0;
  }

  /** Writes a line for which the memory is too small. */
  function writeLong(request: RequestView): void {
    const line = wholeLine(request, format);
    flush();
    write(addressOf(line), line.length);
  }

  return {
    observer: {
      after(request) {
        // Counted when all of it is there: the program's stack may end in its midst.
        const end = writeLine(count[0]!, request);
        if (end <= BUFFER_BYTES) count[0] = end;
        else writeLong(request);
        if (immediate || request.plan.final || count[0]! >= WRITTEN_BYTES) flush();
      },
    },
    flush,
    close: flush,
  };
}
