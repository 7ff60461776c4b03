/** Cases of a lying host: what the guest asks, and what the host does to the block before it gives it back. */
import { type CallName, plans } from "postern/sallyport";
import { Argument, Direction, type Parameter, type Plan, Route } from "#src/sallyport/call.js";
import type { Random } from "./random.js";

/** An argument that is memory. */
export interface MemoryArgument {
  /** Lengths of the pieces; one for everything but PIECES. */
  readonly lengths: readonly number[];
  /** Bytes off an address that is a multiple of 8. */
  readonly shift: number;
  /** For socket addresses: what the length variable holds before. */
  readonly addressLength: number;
}
export type ArgumentCase = number | null | MemoryArgument;

/** A way through the engine. */
export type Way = "call" | "wide" | "numbers" | "transfer" | "fill" | "seek" | "clock" | "batch";

/** What the host writes as the answer to one item. */
export interface Answer {
  /** Return word; null leaves what the guest wrote. */
  readonly ret: bigint | null;
  /** Length of every socket address; null leaves it. */
  readonly addressLength: number | null;
}

export interface Member {
  readonly name: CallName;
  readonly args: readonly ArgumentCase[];
  readonly answer: Answer;
}

/** Bytes the host overwrites, before the answers: anywhere, headers and arguments too. */
export interface Trash {
  readonly at: number;
  readonly length: number;
  readonly seed: number;
}

export interface LyingCase {
  readonly compatible: boolean;
  readonly blockWords: number;
  readonly way: Way;
  /** Buffers of a transfer are references into the program's memory, which the host reads and writes itself. */
  readonly window: boolean;
  readonly members: readonly Member[];
  readonly trash: readonly Trash[];
  /** What the hand-over itself reports. */
  readonly sallyError: number;
}

const NAMES = Object.keys(plans) as CallName[];
const EDGES: readonly bigint[] = [
  0n,
  1n,
  2n,
  3n,
  4n,
  25n,
  38n,
  110n,
  255n,
  256n,
  257n,
  4095n,
  4096n,
  4097n,
  4098n,
  65536n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 32n + 1n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 63n,
];
const NUMBERS = [0, 1, 2, 3, -1, 7, 255, 4096, 0x7fffffff, -0x80000000];
const LENGTHS = [0, 1, 2, 4, 7, 8, 13, 16, 28, 48, 49, 64];
const WIDE = new Set<CallName>(["mem_info", "balloon_memory", "get_sgx_quote_size", "lseek"]);

/** Bytes that the lengths of a memory argument come to. */
export const totalOf = (argument: MemoryArgument): number =>
  argument.lengths.reduce((total, length) => total + length, 0);

export const isMemory = (argument: ArgumentCase): argument is MemoryArgument =>
  typeof argument === "object" && argument !== null;

function memoryArgument(random: Random, parameter: Parameter): MemoryArgument {
  const shift = random.below(8);
  const length = random.once(12) ? random.below(700) : random.pick(LENGTHS);
  switch (parameter.argument) {
    case Argument.RECORD:
      return { lengths: [parameter.size], shift, addressLength: 0 };
    case Argument.RECORDS:
      return { lengths: [parameter.size * random.below(5)], shift, addressLength: 0 };
    case Argument.PIECES:
      return {
        lengths: Array.from({ length: random.below(4) }, () => random.pick(LENGTHS)),
        shift,
        addressLength: 0,
      };
    case Argument.ADDRESS:
      return { lengths: [length], shift, addressLength: random.once(4) ? random.below(200) : length };
    default:
      return { lengths: [length], shift, addressLength: 0 };
  }
}

function argument(random: Random, parameter: Parameter): ArgumentCase {
  if (parameter.optional && random.once(3)) return null;
  if (parameter.argument >= Argument.BYTES) return memoryArgument(random, parameter);
  return random.once(2) ? random.pick(NUMBERS) : random.next() | 0;
}

/** A return word near what was asked for, at an edge, or anything. */
function returnWord(random: Random, args: readonly ArgumentCase[]): bigint {
  const memory = args.find(isMemory);
  const choice = random.below(8);
  if (choice < 3 && memory !== undefined) return BigInt(totalOf(memory) + random.below(4) - 2);
  if (choice < 4) return BigInt(random.below(64));
  if (choice < 5) return -BigInt(random.below(150));
  if (choice < 7) return random.pick(EDGES) * (random.once(2) ? -1n : 1n);
  return random.word();
}

function member(random: Random, name: CallName): Member {
  const args = plans[name].parameters.map((parameter) => argument(random, parameter));
  return {
    name,
    args,
    answer: {
      ret: random.once(10) ? null : BigInt.asUintN(64, returnWord(random, args)),
      addressLength: random.once(3) ? null : random.pick([0, 1, 8, 16, 28, 49, 128, 700, 0x7fffffff, 0xffffffff]),
    },
  };
}

/** The ways a call can take. */
function waysOf(name: CallName, plan: Plan): Way[] {
  if (name === "lseek") return ["wide", "call", "seek"];
  if (WIDE.has(name)) return ["wide", "call"];
  if (name === "getrandom") return ["call", "fill"];
  if (name === "clock_gettime") return ["call", "clock"];
  if (plan.route === Route.NUMBERS) return ["call", "numbers"];
  return plan.route === Route.TRANSFER ? ["call", "transfer"] : ["call"];
}

function trash(random: Random, blockBytes: number): Trash {
  const whole = random.once(3);
  const at = whole ? 0 : random.below(blockBytes);
  const length = whole ? blockBytes : Math.min(blockBytes - at, 1 + random.below(64));
  return { at, length, seed: random.next() };
}

/** Makes a case. */
export function generate(random: Random): LyingCase {
  const batch = random.once(5);
  const name = random.pick(NAMES);
  const names = batch ? Array.from({ length: random.below(5) }, () => random.pick(NAMES)) : [name];
  const blockWords = random.once(4) ? random.below(24) : random.once(2) ? 32 + random.below(64) : 512;
  const way = batch ? "batch" : random.pick(waysOf(name, plans[name]));
  return {
    compatible: random.once(2),
    blockWords,
    way,
    window: (way === "transfer" || way === "fill") && random.once(3),
    members: names.map((each) => member(random, each)),
    trash: blockWords === 0 ? [] : Array.from({ length: random.below(3) }, () => trash(random, blockWords * 8)),
    sallyError: random.once(25) ? random.pick([5, 12, 14]) : 0,
  };
}

/** Cases with less in them. */
export function* simpler(attempt: LyingCase): Generator<LyingCase> {
  const { members } = attempt;
  for (let i = 0; attempt.way === "batch" && i < members.length; i++) {
    yield { ...attempt, members: members.filter((_, index) => index !== i) };
  }
  for (let i = 0; i < attempt.trash.length; i++) {
    yield { ...attempt, trash: attempt.trash.filter((_, index) => index !== i) };
  }
  for (const [index, each] of members.entries()) {
    for (const smaller of simplerMembers(each)) yield { ...attempt, members: members.with(index, smaller) };
  }
  if (attempt.sallyError !== 0) yield { ...attempt, sallyError: 0 };
}

function* simplerMembers(each: Member): Generator<Member> {
  if (each.answer.addressLength !== null) yield { ...each, answer: { ...each.answer, addressLength: null } };
  for (const [index, value] of each.args.entries()) {
    if (typeof value === "number" && value !== 0) yield { ...each, args: each.args.with(index, 0) };
    if (isMemory(value) && value.shift !== 0) yield { ...each, args: each.args.with(index, { ...value, shift: 0 }) };
    if (isMemory(value) && value.lengths.length > 1) {
      yield { ...each, args: each.args.with(index, { ...value, lengths: value.lengths.slice(1) }) };
    }
  }
}

/** Whether the parameter is written by the host. */
export const isOutput = (parameter: Parameter): boolean => (parameter.direction & Direction.OUT) !== 0;
