/**
 * Runs programs/micro.wasm with a WASI in JavaScript that makes the system calls and does nothing else: no check, no
 * descriptors of its own, no boundary. bare DIRECTORY PROGRAM ARGS...
 *
 * Not a way to run anything: the floor under every WASI written in JavaScript, the time included that the engine takes to
 * compile it.
 */
import { constants, openSync, readFileSync } from "node:fs";
import { addressOf, SYS, syscall1, syscall3, syscall4, syscall5, vdsoClockGettime } from "#src/kernel/index.js";
import { getrandom } from "#src/kernel/random.js";
import { CLOCK_MONOTONIC, O_CLOEXEC, STATX_BASIC_STATS } from "#src/sallyport/linux.js";
import { WASI_PREVIEW1, WebAssembly, type WebAssemblyMemory } from "#src/wasm/index.js";

const [directory, program, ...args] = process.argv.slice(2) as [string, string, ...string[]];
const { O_RDONLY, O_DIRECTORY } = constants;
const OFLAGS_DIRECTORY = 2;
/** WASI's error BADF: everything this runner is not for. */
const BADF = 8;

const argv = [program, ...args].map((each) => Buffer.from(`${each}\0`));
const time = new BigUint64Array(2);
const timeAddress = addressOf(time);
const path = new Uint8Array(4096);
const pathAddress = addressOf(path);
const status = new Uint8Array(256);
const statusAddress = addressOf(status);
const { hrtime } = process;

let bytes = new Uint8Array(0);
let words = new Uint32Array(0);
let longs = new BigUint64Array(0);
let base = 0;
const native = [0, 1, 2, openSync(directory, O_RDONLY | O_DIRECTORY)];

function bind(memory: WebAssemblyMemory): void {
  bytes = new Uint8Array(memory.buffer);
  words = new Uint32Array(memory.buffer);
  longs = new BigUint64Array(memory.buffer);
  base = addressOf(bytes);
}

function copyPath(at: number, length: number): void {
  for (let i = 0; i < length; i++) path[i] = bytes[at + i]!;
  path[length] = 0;
}

/** Moves the bytes of every vector. */
function move(call: number, fd: number, vectors: number, count: number, result: number): number {
  let moved = 0;
  for (let at = vectors >>> 2; at < (vectors >>> 2) + 2 * count; at += 2) {
    const now = syscall3(call, native[fd]!, base + words[at]!, words[at + 1]!);
    if (now < 0) return BADF;
    moved += now;
  }
  words[result >>> 2] = moved;
  return 0;
}

const functions: Record<string, (...parameters: never[]) => unknown> = {
  args_sizes_get(count: number, size: number) {
    words[count >>> 2] = argv.length;
    words[size >>> 2] = argv.reduce((sum, each) => sum + each.length, 0);
    return 0;
  },
  args_get(list: number, text: number) {
    let at = text;
    for (const [index, each] of argv.entries()) {
      words[(list >>> 2) + index] = at;
      bytes.set(each, at);
      at += each.length;
    }
    return 0;
  },
  clock_time_get(id: number, _precision: bigint, result: number) {
    if (id !== CLOCK_MONOTONIC) {
      vdsoClockGettime(id, timeAddress);
      longs[result >>> 3] = time[0]! * 1_000_000_000n + time[1]!;
      return 0;
    }
    const [seconds, nanoseconds] = hrtime();
    const lower = (seconds & 0xffff) * 1e9 + nanoseconds;
    const sum = (seconds >>> 16) * 65536e9 + lower;
    words[result >>> 2] = sum >>> 0;
    words[(result >>> 2) + 1] = sum / 2 ** 32;
    return 0;
  },
  fd_write: (fd: number, vectors: number, count: number, result: number) => move(SYS.write, fd, vectors, count, result),
  fd_read: (fd: number, vectors: number, count: number, result: number) => move(SYS.read, fd, vectors, count, result),
  fd_seek(fd: number, offset: bigint, whence: number, result: number) {
    const position = syscall3(SYS.lseek, native[fd]!, Number(offset), whence);
    if (position < 0) return BADF;
    longs[result >>> 3] = BigInt(position);
    return 0;
  },
  path_open(
    fd: number,
    _lookup: number,
    at: number,
    length: number,
    oflags: number,
    _base: bigint,
    _inheriting: bigint,
    _fdflags: number,
    result: number,
  ) {
    copyPath(at, length);
    const flags = O_CLOEXEC | ((oflags & OFLAGS_DIRECTORY) === 0 ? 0 : O_DIRECTORY);
    const opened = syscall4(SYS.openat, native[fd]!, pathAddress, flags, 0);
    if (opened < 0) return BADF;
    let number = 0;
    while (native[number]! >= 0) number++;
    native[number] = opened;
    words[result >>> 2] = number;
    return 0;
  },
  fd_close(fd: number) {
    syscall1(SYS.close, native[fd]!);
    native[fd] = -1;
    return 0;
  },
  path_filestat_get(fd: number, _lookup: number, at: number, length: number) {
    copyPath(at, length);
    return syscall5(SYS.statx, native[fd]!, pathAddress, 0, STATX_BASIC_STATS, statusAddress) < 0 ? BADF : 0;
  },
  fd_readdir(fd: number, at: number, length: number, _cookie: bigint, result: number) {
    // As Linux has the entries.
    syscall3(SYS.lseek, native[fd]!, 0, 0);
    words[result >>> 2] = Math.max(0, syscall3(SYS.getdents64, native[fd]!, base + at, length));
    return syscall3(SYS.getdents64, native[fd]!, base + at, length) < 0 ? BADF : 0;
  },
  random_get: (at: number, length: number) => (getrandom(base + at, length, 0) < 0 ? BADF : 0),
  proc_exit: (code: number) => process.exit(code),
};

const module = new WebAssembly.Module(readFileSync(program));
const imports = Object.fromEntries(
  WebAssembly.Module.imports(module).map(({ name }) => [name, functions[name] ?? (() => BADF)]),
);
const { exports } = new WebAssembly.Instance(module, { [WASI_PREVIEW1]: imports });
bind(exports.memory as WebAssemblyMemory);
(exports._start as () => void)();
