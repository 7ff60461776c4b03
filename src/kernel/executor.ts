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

/** Words of 64 bits: number and six arguments, the result, then number and argument of a second call. */
const WORDS = 10;
const WORD_BYTES = 8;
const DATA_BYTES = 4096;
/** Where the other ways in lie. */
const EXACT_ENTRY = 128;
const THEN_ENTRY = 256;
/** Where the data says where the words of somebody else are. */
const FAR_ADDRESS = 128;
const LOAD_ADDRESS_BYTES = 7;

/** An instruction at an offset of the code that ends with the distance from its end to an offset of the data. */
function toData(at: number, instruction: readonly number[], offset = 0): number[] {
  const distance = CODE_BYTES + offset - at - LOAD_ADDRESS_BYTES;
  return [...instruction, distance & 0xff, distance >> 8, 0, 0];
}

/** `lea rcx, [rip + data]` */
const loadAddress = (at: number) => toData(at, [0x48, 0x8d, 0x0d]);

const SYSCALL = [0x0f, 0x05]; // changes rax, rcx, r11
const RET = 0xc3;

/**
 * `void call(void)` in the SysV convention.
 * @param loads the instructions that fill the registers from [rcx]
 * @param then what follows the call, with its result in rax and the data at [rcx]
 */
function callCode(at: number, loads: readonly number[], then: readonly number[] = []): number[] {
  const begin = [0xf3, 0x0f, 0x1e, 0xfa]; // endbr64
  const first = [...begin, ...loadAddress(at + begin.length), ...loads, ...SYSCALL];
  const result = [0x48, 0x89, 0x41, 0x38]; // mov [rcx+56], rax
  return [...first, ...loadAddress(at + first.length), ...result, ...then, RET];
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

/** A second call with the first one's result as its first argument, unless that was a failure. */
const SECOND_CALL = [
  [0x48, 0x89, 0xc7], // mov rdi, rax
  [0xf2, 0x48, 0x0f, 0x2c, 0x41, 0x40], // cvttsd2si rax, [rcx+64]
  [0xf2, 0x48, 0x0f, 0x2c, 0x71, 0x48], // cvttsd2si rsi, [rcx+72]
  SYSCALL,
].flat();
const THEN = [0x48, 0x85, 0xc0, 0x78, SECOND_CALL.length, ...SECOND_CALL]; // test rax, rax; js behind it

/** `void call(void)` over words that lie elsewhere: where, stands at FAR_ADDRESS of the data. */
const FAR_RUN = 384;
const FAR_THEN = 512;
const FAR_FUNCTION = 640;
const TAKE_FAR = (at: number) => [
  ...[0xf3, 0x0f, 0x1e, 0xfa], // endbr64
  ...toData(at + 4, [0x48, 0x8b, 0x3d], FAR_ADDRESS), // mov rdi, [rip + data + FAR_ADDRESS]
  0x57, // push rdi, which aligns the stack as well
];
const GIVE_RESULT = [
  [0x59], // pop rcx
  [0x48, 0x89, 0x41, 0x38], // mov [rcx+56], rax
].flat();
const FAR_CALL = [0x48, 0x89, 0xf9, ...FROM_WORDS, ...SYSCALL, ...GIVE_RESULT]; // mov rcx, rdi
const FAR_SECOND_CALL = [
  [0x48, 0x89, 0xc7], // mov rdi, rax
  [0x48, 0x8b, 0x41, 0x40], // mov rax, [rcx+64]
  [0x48, 0x8b, 0x71, 0x48], // mov rsi, [rcx+72]
  SYSCALL,
].flat();
const IF_DONE = [0x48, 0x85, 0xc0, 0x78, FAR_SECOND_CALL.length, ...FAR_SECOND_CALL]; // test rax, rax; js behind it
/** The first word is the address of a function in the C convention, called with the others. */
const FUNCTION_CALL = [
  [0x48, 0x8b, 0x07], // mov rax, [rdi]
  [0x48, 0x8b, 0x77, 0x10], // mov rsi, [rdi+16]
  [0x48, 0x8b, 0x57, 0x18], // mov rdx, [rdi+24]
  [0x48, 0x8b, 0x4f, 0x20], // mov rcx, [rdi+32]
  [0x4c, 0x8b, 0x47, 0x28], // mov r8, [rdi+40]
  [0x4c, 0x8b, 0x4f, 0x30], // mov r9, [rdi+48]
  [0x48, 0x8b, 0x7f, 0x08], // mov rdi, [rdi+8]
  [0xff, 0xd0], // call rax
  GIVE_RESULT,
].flat();

/** Code with its parts at their offsets, in order. */
function laidOut(parts: ReadonlyArray<readonly [at: number, instructions: readonly number[]]>): number[] {
  const bytes: number[] = [];
  for (const [at, instructions] of parts) {
    while (bytes.length < at) bytes.push(0xcc); // int3
    bytes.push(...instructions);
  }
  return bytes;
}

const code = () =>
  laidOut([
    [0, callCode(0, FROM_NUMBERS)],
    [EXACT_ENTRY, callCode(EXACT_ENTRY, FROM_WORDS)],
    [THEN_ENTRY, callCode(THEN_ENTRY, FROM_NUMBERS, THEN)],
    [FAR_RUN, [...TAKE_FAR(FAR_RUN), ...FAR_CALL, RET]],
    [FAR_THEN, [...TAKE_FAR(FAR_THEN), ...FAR_CALL, ...IF_DONE, RET]],
    [FAR_FUNCTION, [...TAKE_FAR(FAR_FUNCTION), ...FUNCTION_CALL, RET]],
  ]);

/** What makes system calls. */
export interface Executor {
  /** Number and six arguments as numbers, for {@link run}; at 8 and 9 number and second argument for {@link runThen}. */
  readonly numbers: Float64Array;
  /** Number and six arguments as words, for {@link runExact}; at 7 the result of all three. */
  readonly words: BigInt64Array;
  /** The same as halves: at 14 and 15 the result's low and high one. */
  readonly halves: Int32Array;
  readonly run: () => void;
  readonly runExact: () => void;
  /** As run, and a second call whose first argument is the result of the first, unless that failed. Its result is lost. */
  readonly runThen: () => void;
}

/** What makes system calls over words of somebody else's. */
export interface FarExecutor {
  /** Number and six arguments in words 0 to 6; the result in word 7. */
  readonly run: () => void;
  /** As run, and where it did not fail a second call: number in word 8, the first one's result, argument in word 9. */
  readonly runThen: () => void;
  /** A function in the C convention: its address in word 0, six arguments, the result in word 7. */
  readonly runFunction: () => void;
  /** Says where the words lie, ten of them. They must stay there until {@link release}. */
  aim(address: number): void;
  /** It is used no more, and may be another's. */
  release(): void;
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

function ownPages(): number {
  const given: unknown = (globalThis as { readonly [PAGES]?: unknown })[PAGES];
  return typeof given === "number" ? given : mapExecutor();
}

const pages = ownPages();

function createExecutor(): Executor | undefined {
  if (pages === 0) return undefined;
  const data = koffi.view(BigInt(pages + CODE_BYTES), WORDS * WORD_BYTES);
  return {
    numbers: new Float64Array(data),
    words: new BigInt64Array(data),
    halves: new Int32Array(data),
    run: entryAt(pages),
    runExact: entryAt(pages + EXACT_ENTRY),
    runThen: entryAt(pages + THEN_ENTRY),
  };
}

/** Those that nobody uses, on this thread: at first that in the thread's own pages, which is enough for one keep at a time. */
let idle: FarExecutor[] | undefined;

/** An executor over words that lie elsewhere. @returns undefined where this machine has or allows none */
export function farExecutor(): FarExecutor | undefined {
  if (pages === 0) return undefined;
  idle ??= [createFarExecutor(pages)];
  const found = idle.pop();
  if (found !== undefined) return found;
  // More pages, which stay for the process's life and serve one user after another.
  const others = mapExecutor();
  return others === 0 ? undefined : createFarExecutor(others);
}

function createFarExecutor(at: number): FarExecutor {
  const address = new BigUint64Array(koffi.view(BigInt(at + CODE_BYTES + FAR_ADDRESS), WORD_BYTES));
  // Who is released makes a call that no kernel has. It must not call functions any more.
  const nowhere = new BigInt64Array(new ArrayBuffer(WORDS * WORD_BYTES)).fill(-1n);
  let isIdle = false;
  const made: FarExecutor = {
    run: entryAt(at + FAR_RUN),
    runThen: entryAt(at + FAR_THEN),
    runFunction: entryAt(at + FAR_FUNCTION),
    aim(words) {
      isIdle = false;
      address[0] = BigInt(words);
    },
    release() {
      address[0] = BigInt(koffi.address(nowhere));
      if (!isIdle) idle!.push(made);
      isIdle = true;
    },
  };
  return made;
}

/** A function without parameters at an address. */
function entryAt(address: number): () => void {
  return koffi.decode(BigInt(address), koffi.proto("void", [])) as unknown as () => void;
}

/** This thread's, undefined where libc has to do. */
export const executor: Executor | undefined = createExecutor();
