/**
 * Standard streams that are pipes with Node streams at this end, or files in memory where nobody runs meanwhile. Loaded
 * only for keeps that have some: Node's sockets take time to load.
 */
import { readSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { Readable } from "node:stream";
import { PosternError } from "../errors.js";
import { addressOf, errnoName, LINUX, SYS, syscall2 } from "../kernel/index.js";
import { type Grants, release } from "./grants.js";
import type { CheckedOptions } from "./options.js";
import { grantPlain, NAMES, type StreamName, type Streams } from "./stdio.js";

/** Collected output is handed out in pieces of this size. */
const CHUNK_BYTES = 65536;

function checked(result: number, what: string): number {
  if (result >= 0) return result;
  throw new PosternError(
    "ERESOURCE",
    `cannot make ${what}: ${errnoName(-result)}; close descriptors or raise ulimit -n`,
  );
}

/** A pipe: the end that is read, the end that is written. */
function pipe(): [number, number] {
  const ends = new Int32Array(2);
  checked(syscall2(SYS.pipe2, addressOf(ends), LINUX.O_CLOEXEC), "a pipe");
  return [ends[0]!, ends[1]!];
}

/** A file in memory. */
function memoryFile(): number {
  const name = new TextEncoder().encode("postern\0");
  return checked(syscall2(SYS.memfd_create, addressOf(name), LINUX.MFD_CLOEXEC), "a file in memory");
}

/**
 * What a program writes to a pipe, as a stream. Once the program has ended, what is left in the pipe is taken into memory
 * and the descriptor is closed, whether or not anybody reads the stream.
 */
class OutputStream extends Readable {
  private readonly socket: Socket;
  private ended = false;

  constructor(descriptor: number) {
    super();
    this.socket = new Socket({ fd: descriptor, readable: true, writable: false });
    this.socket.on("data", (chunk: Buffer) => {
      if (!this.push(chunk) && !this.ended) this.socket.pause();
    });
    this.socket.on("close", () => this.push(null));
    this.socket.on("error", () => this.socket.destroy());
    this.socket.pause();
  }

  override _read(): void {
    this.socket.resume();
  }

  /** The program has ended: nobody writes any more. */
  drain(): void {
    this.ended = true;
    this.socket.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.socket.destroy();
    callback(error);
  }
}

/** The application's end of the pipe that a program reads. */
function inputStream(descriptor: number): Socket {
  const stream = new Socket({ fd: descriptor, readable: false, writable: true });
  // A program that goes away while somebody writes to it is no error of the application.
  stream.on("error", () => stream.destroy());
  return stream;
}

/** Grants the streams of a keep that runs in another thread. */
export function connectStreams(grants: Grants, options: CheckedOptions): Streams {
  let stdin: Socket | null = null;
  const outputs: { stdout: OutputStream | null; stderr: OutputStream | null } = { stdout: null, stderr: null };
  const abandon = () => {
    stdin?.destroy();
    outputs.stdout?.destroy();
    outputs.stderr?.destroy();
  };
  function grant(name: StreamName): void {
    const stream = options[name];
    if (stream !== "pipe") {
      grantPlain(grants, name, stream);
      return;
    }
    const [reading, writing] = pipe();
    if (name === "stdin") {
      grants.stream("input", reading, true, false, name);
      stdin = inputStream(writing);
    } else {
      grants.stream("output", writing, true, false, name);
      outputs[name] = new OutputStream(reading);
    }
  }
  undone(() => NAMES.forEach(grant), abandon);
  const hasInput = options.input !== undefined;
  if (hasInput) (stdin as Socket | null)?.end(options.input);
  return {
    stdin: hasInput ? null : stdin,
    ...outputs,
    finish: () => {
      stdin?.destroy();
      outputs.stdout?.drain();
      outputs.stderr?.drain();
    },
    abandon,
  };
}

/** Grants the streams of a keep that runs on this thread: what it reads is there before, what it writes comes after. */
export function collectStreams(grants: Grants, options: CheckedOptions): Streams {
  const files = new Map<StreamName, { readonly descriptor: number; readonly stream: Readable }>();
  const abandon = () => {
    for (const { descriptor } of files.values()) release(descriptor);
    files.clear();
  };
  function grant(name: StreamName): void {
    const stream = options[name];
    if (stream !== "pipe") grantPlain(grants, name, stream);
    else if (name === "stdin") grants.stream("input", inputFile(options.input), true, false, name);
    else {
      const descriptor = memoryFile();
      files.set(name, { descriptor, stream: new Readable({ read() {} }) });
      grants.stream("output", descriptor, false, false, name);
    }
  }
  undone(() => NAMES.forEach(grant), abandon);
  return {
    stdin: null,
    stdout: files.get("stdout")?.stream ?? null,
    stderr: files.get("stderr")?.stream ?? null,
    finish: () => {
      for (const { descriptor, stream } of files.values()) giveOut(descriptor, stream);
      files.clear();
    },
    abandon,
  };
}

/** Does something, or leaves nothing of it behind. */
function undone(work: () => void, abandon: () => void): void {
  try {
    work();
  } catch (error) {
    abandon();
    throw error;
  }
}

function inputFile(input: Uint8Array | undefined): number {
  const descriptor = memoryFile();
  for (let start = 0; input !== undefined && start < input.length; ) {
    start += writeSync(descriptor, input, start, input.length - start, start);
  }
  return descriptor;
}

function giveOut(descriptor: number, stream: Readable): void {
  try {
    for (let start = 0; ; ) {
      const bytes = Buffer.allocUnsafe(CHUNK_BYTES);
      const count = readSync(descriptor, bytes, 0, CHUNK_BYTES, start);
      if (count === 0) break;
      stream.push(bytes.subarray(0, count));
      start += count;
    }
  } finally {
    release(descriptor);
    stream.push(null);
  }
}
