/**
 * System calls by number.
 *
 * Arguments are numbers or BigInts; numbers are cheaper, and every address fits one exactly. A number that is no integer
 * is cut, and anything beyond 64 bits is lost, so check before calling. All of these run on the calling thread and block
 * as the system call does.
 *
 * Results are the kernel's own: 0 or more on success, -errno on failure. Results beyond 2^53 are rounded; call
 * {@link syscallWide} where all 64 bits count. On this layer nothing is thrown for what the kernel answers.
 *
 * They go through {@link executor} where there is one, else through libc's `syscall`. Functions for each number of arguments, since
 * passing six always takes 35 ns more.
 */
import { type Executor, executor } from "./executor.js";
import { koffi, libc } from "./libc.js";

/** An argument of a system call: an integer, an address, or a 64-bit value. */
export type Word = number | bigint;

/** The functions of this file. */
interface SystemCalls {
  call0(nr: number): number;
  call1(nr: number, a: Word): number;
  call2(nr: number, a: Word, b: Word): number;
  call3(nr: number, a: Word, b: Word, c: Word): number;
  call4(nr: number, a: Word, b: Word, c: Word, d: Word): number;
  call5(nr: number, a: Word, b: Word, c: Word, d: Word, e: Word): number;
  call6(nr: number, a: Word, b: Word, c: Word, d: Word, e: Word, f: Word): number;
  call4Then(nr: number, a: number, b: number, c: number, d: number, then: number, address: number): number;
  wide(nr: number, a: Word, b: Word, c: Word, d: Word, e: Word, f: Word): bigint;
}

const EIO = 5;
const TWO_32 = 2 ** 32;
const RESULT = 7;
const SECOND_NUMBER = 8;
const SECOND_ARGUMENT = 9;
const RESULT_LOW = 14;
const RESULT_HIGH = 15;

function throughExecutor({ numbers, words, halves, run, runExact, runThen }: Executor): SystemCalls {
  function result(): number {
    const low = halves[RESULT_LOW]!;
    const high = halves[RESULT_HIGH]!;
    return high === low >> 31 ? low : high * TWO_32 + (low >>> 0);
  }

  /** Some argument needs more than the 53 bits of a number. */
  function exact(...args: readonly Word[]): number {
    for (let i = 0; i < args.length; i++) words[i] = BigInt(args[i]!);
    runExact();
    return result();
  }

  /** Puts the call and its first four arguments in their places, if they are numbers. */
  function take(nr: number, a: Word, b: Word, c: Word, d: Word): boolean {
    if (typeof a !== "number" || typeof b !== "number" || typeof c !== "number" || typeof d !== "number") return false;
    numbers[0] = nr;
    numbers[1] = a;
    numbers[2] = b;
    numbers[3] = c;
    numbers[4] = d;
    return true;
  }

  return {
    call0(nr) {
      numbers[0] = nr;
      run();
      return result();
    },
    call1(nr, a) {
      if (typeof a !== "number") return exact(nr, a);
      numbers[0] = nr;
      numbers[1] = a;
      run();
      return result();
    },
    call2(nr, a, b) {
      if (typeof a !== "number" || typeof b !== "number") return exact(nr, a, b);
      numbers[0] = nr;
      numbers[1] = a;
      numbers[2] = b;
      run();
      return result();
    },
    call3(nr, a, b, c) {
      if (typeof a !== "number" || typeof b !== "number" || typeof c !== "number") return exact(nr, a, b, c);
      numbers[0] = nr;
      numbers[1] = a;
      numbers[2] = b;
      numbers[3] = c;
      run();
      return result();
    },
    call4(nr, a, b, c, d) {
      if (!take(nr, a, b, c, d)) return exact(nr, a, b, c, d);
      run();
      return result();
    },
    call5(nr, a, b, c, d, e) {
      if (typeof e !== "number" || !take(nr, a, b, c, d)) return exact(nr, a, b, c, d, e);
      numbers[5] = e;
      run();
      return result();
    },
    call6(nr, a, b, c, d, e, f) {
      if (typeof e !== "number" || typeof f !== "number" || !take(nr, a, b, c, d)) return exact(nr, a, b, c, d, e, f);
      numbers[5] = e;
      numbers[6] = f;
      run();
      return result();
    },
    call4Then(nr, a, b, c, d, then, address) {
      numbers[0] = nr;
      numbers[1] = a;
      numbers[2] = b;
      numbers[3] = c;
      numbers[4] = d;
      numbers[SECOND_NUMBER] = then;
      numbers[SECOND_ARGUMENT] = address;
      runThen();
      return result();
    },
    wide(...args) {
      exact(...args);
      return words[RESULT]!;
    },
  };
}

type Foreign = (...args: readonly Word[]) => number | bigint;

function throughLibc(): SystemCalls {
  const prototype = (count: number): Foreign => libc.func("syscall", "long", new Array(count + 1).fill("long"));
  const [native0, native1, native2, native3, native4, native5, native6] = [0, 1, 2, 3, 4, 5, 6].map(prototype) as [
    Foreign,
    Foreign,
    Foreign,
    Foreign,
    Foreign,
    Foreign,
    Foreign,
  ];

  /** What libc reports as -1 and errno, and integers beyond 2^53. */
  function uncommon(result: number | bigint): number {
    if (result !== -1) return Number(result);
    const errno = koffi.errno();
    return errno > 0 ? -errno : -EIO; // a failure must never look like a success, whatever happened to errno
  }
  const told = (result: number | bigint): number =>
    typeof result === "number" && result !== -1 ? result : uncommon(result);

  return {
    call0: (nr) => told(native0(nr)),
    call1: (nr, a) => told(native1(nr, a)),
    call2: (nr, a, b) => told(native2(nr, a, b)),
    call3: (nr, a, b, c) => told(native3(nr, a, b, c)),
    call4: (nr, a, b, c, d) => told(native4(nr, a, b, c, d)),
    call5: (nr, a, b, c, d, e) => told(native5(nr, a, b, c, d, e)),
    call6: (nr, a, b, c, d, e, f) => told(native6(nr, a, b, c, d, e, f)),
    call4Then(nr, a, b, c, d, then, address) {
      const result = told(native4(nr, a, b, c, d));
      if (result >= 0) native2(then, result, address);
      return result;
    },
    wide(nr, a, b, c, d, e, f) {
      const result = native6(nr, a, b, c, d, e, f);
      return result === -1 ? BigInt(uncommon(result)) : BigInt(result);
    },
  };
}

const calls = executor === undefined ? throughLibc() : throughExecutor(executor);

/** Makes system call `nr`. @returns the result, or -errno */
export const syscall0 = calls.call0;
/** Makes system call `nr` with one argument. @returns the result, or -errno */
export const syscall1 = calls.call1;
/** Makes system call `nr` with two arguments. @returns the result, or -errno */
export const syscall2 = calls.call2;
/** Makes system call `nr` with three arguments. @returns the result, or -errno */
export const syscall3 = calls.call3;
/** Makes system call `nr` with four arguments. @returns the result, or -errno */
export const syscall4 = calls.call4;
/** Makes system call `nr` with five arguments. @returns the result, or -errno */
export const syscall5 = calls.call5;
/** Makes system call `nr` with six arguments. @returns the result, or -errno */
export const syscall6 = calls.call6;

/**
 * Makes system call `nr` with four arguments, and where that did not fail a second one, with the first one's result as its
 * first argument and an address as its second. What the second one answers is lost: look at what it wrote.
 *
 * @returns the result of the first, or -errno
 */
export const syscall4Then = calls.call4Then;

/**
 * Makes system call `nr` with up to six arguments and keeps all 64 bits of the result, which is signed. Slower.
 *
 * @returns the result, or -errno
 */
export function syscallWide(nr: number, a: Word = 0, b: Word = 0, c: Word = 0, d: Word = 0, e: Word = 0, f: Word = 0) {
  return calls.wide(nr, a, b, c, d, e, f);
}
