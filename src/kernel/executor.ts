/**
 * System calls by a few bytes of machine code, which take number and arguments from memory and leave the result there. A
 * foreign call that passes nothing takes half the time of one that passes three arguments through libc.
 *
 * Every thread has a page of code and a page of data behind it. The pages stay for the process's life, since nobody sees a
 * thread's end from inside: whoever starts threads hands them their pages, and takes them back ({@link PAGES}).
 */
import { architecture } from "./architecture.js";
import { koffi } from "./libc.js";
import { CODE_BYTES, mapCode } from "./machine-code.js";

/** Where the thread's own pages are found, by whoever started it; a property of the global object. */
export const PAGES = Symbol.for("postern.executor");

/** Number and six arguments, then the result: eight words of 64 bits. */
const WORDS = 8;
const WORD_BYTES = 8;
const DATA_BYTES = 4096;
/** Where the second way in lies. */
const EXACT_ENTRY = 128;
const LOAD_ADDRESS_BYTES = 7;

/** `lea rcx, [rip + data]` at an offset of the code. */
function loadAddress(at: number): number[] {
  const distance = CODE_BYTES - at - LOAD_ADDRESS_BYTES;
  return [0x48, 0x8d, 0x0d, distance & 0xff, distance >> 8, 0, 0];
}

/** `void call(void)` in the SysV convention. @param loads the instructions that fill the registers from [rcx] */
function callCode(at: number, loads: readonly number[]): number[] {
  const begin = [0xf3, 0x0f, 0x1e, 0xfa]; // endbr64
  const first = [...begin, ...loadAddress(at + begin.length), ...loads, 0x0f, 0x05]; // syscall: changes rax, rcx, r11
  const result = [0x48, 0x89, 0x41, 0x38]; // mov [rcx+56], rax
  return [...first, ...loadAddress(at + first.length), ...result, 0xc3]; // ret
}

/** From numbers as JavaScript has them: exact up to 2^53. */
const FROM_NUMBERS = [
  [0xf2, 0x48, 0x0f, 0x2c, 0x01], // cvttsd2si rax, [rcx]
  [0xf2, 0x48, 0x0f, 0x2c, 0x79, 0x08], // cvttsd2si rdi, [rcx+8]
  [0xf2, 0x48, 0x0f, 0x2c, 0x71, 0x10], // cvttsd2si rsi, [rcx+16]
  [0xf2, 0x48, 0x0f, 0x2c, 0x51, 0x18], // cvttsd2si rdx, [rcx+24]
  [0xf2, 0x4c, 0x0f, 0x2c, 0x51, 0x20], // cvttsd2si r10, [rcx+32]
  [0xf2, 0x4c, 0x0f, 0x2c, 0x41, 0x28], // cvttsd2si r8, [rcx+40]
  [0xf2, 0x4c, 0x0f, 0x2c, 0x49, 0x30], // cvttsd2si r9, [rcx+48]
].flat();

/** From words of 64 bits. */
const FROM_WORDS = [
  [0x48, 0x8b, 0x01], // mov rax, [rcx]
  [0x48, 0x8b, 0x79, 0x08], // mov rdi, [rcx+8]
  [0x48, 0x8b, 0x71, 0x10], // mov rsi, [rcx+16]
  [0x48, 0x8b, 0x51, 0x18], // mov rdx, [rcx+24]
  [0x4c, 0x8b, 0x51, 0x20], // mov r10, [rcx+32]
  [0x4c, 0x8b, 0x41, 0x28], // mov r8, [rcx+40]
  [0x4c, 0x8b, 0x49, 0x30], // mov r9, [rcx+48]
].flat();

function code(): number[] {
  const first = callCode(0, FROM_NUMBERS);
  const padding = new Array<number>(EXACT_ENTRY - first.length).fill(0xcc); // int3
  return [...first, ...padding, ...callCode(EXACT_ENTRY, FROM_WORDS)];
}

/** What makes system calls. */
export interface Executor {
  /** Number and arguments as numbers, for {@link run}. */
  readonly numbers: Float64Array;
  /** The same as words, for {@link runExact}; the last is the result of both. */
  readonly words: BigInt64Array;
  /** The result's low half and high half are the last two. */
  readonly halves: Int32Array;
  readonly run: () => void;
  readonly runExact: () => void;
}

/** Pages for a thread. @returns their address, 0 where this machine has or allows none */
export function mapExecutor(): number {
  if (architecture !== "x86_64") return 0;
  try {
    return mapCode(code(), DATA_BYTES);
  } catch {
    return 0;
  }
}

function createExecutor(): Executor | undefined {
  const given: unknown = (globalThis as { readonly [PAGES]?: unknown })[PAGES];
  const pages = typeof given === "number" ? given : mapExecutor();
  if (pages === 0) return undefined;
  const data = koffi.view(BigInt(pages + CODE_BYTES), WORDS * WORD_BYTES);
  const prototype = koffi.proto("void", []);
  const entry = (at: number) => koffi.decode(BigInt(pages + at), prototype) as unknown as () => void;
  return {
    numbers: new Float64Array(data),
    words: new BigInt64Array(data),
    halves: new Int32Array(data),
    run: entry(0),
    runExact: entry(EXACT_ENTRY),
  };
}

/** This thread's, undefined where libc has to do. */
export const executor: Executor | undefined = createExecutor();
