/**
 * A lying host and a hostile program at once: system calls from random registers, over memory with random pieces.
 *
 * Properties: a value or an errno, never a crash; memory changes only where the platform gave it out for writing;
 * nothing stays borrowed.
 */
import assert from "node:assert/strict";
import { createEngine, createHandler, MemoryPlatform, type Platform, type Word } from "postern/guest";
import { Block } from "postern/sallyport";
import { PosternError } from "#src/errors.js";
import { Random } from "./random.js";
import type { Side } from "./side.js";

const BASE = 0x10000;
const MEMORY_BYTES = 4096;
const CALLS_MAX = 6;
const NUMBERS = [
  0, 1, 2, 3, 5, 7, 9, 10, 11, 12, 13, 14, 16, 19, 20, 25, 28, 32, 33, 35, 39, 41, 42, 43, 44, 45, 49, 50, 51, 54, 56,
  60, 63, 72, 89, 102, 104, 107, 108, 131, 158, 162, 202, 218, 228, 229, 231, 232, 233, 281, 288, 290, 291, 292, 318, 8,
];
const SMALL = [0, 1, 2, 3, 4, 7, 8, 9, 12, 16, 28, 48, 128, 129, 137, 0x541b, 0x5421, 0x5413, 0x80000, 4096, 8192];
const EDGES = [2n ** 64n - 1n, 2n ** 63n, 2n ** 32n, 2n ** 31n, 2n ** 53n, 2n ** 64n - 8n, 2n ** 52n];
const RETURNS = [
  0n,
  1n,
  2n,
  5n,
  8n,
  16n,
  4096n,
  2n ** 31n,
  2n ** 32n,
  2n ** 63n,
  -1n,
  -4n,
  -11n,
  -4095n,
  -4096n,
  -4097n,
];

/** System calls one after the other, on one keep. */
export interface RegistersCase {
  readonly compatible: boolean;
  readonly blockWords: number;
  readonly memorySeed: number;
  readonly hostSeed: number;
  readonly trackBorrows: boolean;
  readonly calls: readonly (readonly Word[])[];
}

function argument(random: Random): Word {
  const choice = random.below(10);
  if (choice < 4) return random.pick(SMALL);
  if (choice < 7) return BASE + random.below(MEMORY_BYTES / 8) * 8;
  if (choice < 8) return BASE + random.below(MEMORY_BYTES + 64) - 32;
  return choice < 9 ? random.pick(EDGES) : random.word();
}

function generate(random: Random): RegistersCase {
  return {
    compatible: random.once(2),
    blockWords: random.once(5) ? random.below(20) : random.pick([32, 64, 600]),
    memorySeed: random.next(),
    hostSeed: random.next(),
    trackBorrows: !random.once(3),
    calls: Array.from({ length: 1 + random.below(CALLS_MAX) }, () => [
      random.pick(NUMBERS),
      ...Array.from({ length: 6 }, () => argument(random)),
    ]),
  };
}

function* simpler(attempt: RegistersCase): Generator<RegistersCase> {
  for (let i = 0; attempt.calls.length > 1 && i < attempt.calls.length; i++) {
    yield { ...attempt, calls: attempt.calls.filter((_, index) => index !== i) };
  }
  for (const [index, call] of attempt.calls.entries()) {
    for (let i = 1; i < call.length; i++) {
      if (call[i] !== 0) yield { ...attempt, calls: attempt.calls.with(index, call.with(i, 0)) };
    }
  }
}

/** Bytes that look like what calls point to: small numbers, pointers into the memory, texts. */
function fillMemory(memory: Uint8Array, seed: number): void {
  const random = new Random(seed);
  const view = new DataView(memory.buffer);
  for (let at = 0; at < MEMORY_BYTES; at += 8) {
    const word = random.once(3) ? BigInt(BASE + random.below(MEMORY_BYTES)) : BigInt(random.below(40));
    view.setBigUint64(at, random.once(6) ? random.word() : word, true);
  }
  for (const [at, text] of [
    [64, "/etc/resolv.conf\0"],
    [128, "/proc/self/exe\0"],
  ] as const) {
    memory.set(new TextEncoder().encode(text), at);
  }
}

/** Remembers what was given out for writing. */
class Watched implements Platform {
  readonly writable: Uint8Array;
  readonly #platform: MemoryPlatform;

  constructor(platform: MemoryPlatform) {
    this.#platform = platform;
    this.writable = new Uint8Array(MEMORY_BYTES);
  }

  validateSlice(pointer: Word, count: Word, size: number, align: number): Uint8Array | null {
    return this.#platform.validateSlice(pointer, count, size, align);
  }

  validateSliceMut(pointer: Word, count: Word, size: number, align: number): Uint8Array | null {
    const memory = this.#platform.validateSliceMut(pointer, count, size, align);
    if (memory !== null) this.writable.fill(1, memory.byteOffset, memory.byteOffset + memory.byteLength);
    return memory;
  }

  validateString(pointer: Word): Uint8Array | null {
    return this.#platform.validateString(pointer);
  }

  release(): void {
    this.#platform.release();
  }
}

/** A host that writes anything, and a return word where one is read. */
function lie(block: Block, random: Random): number {
  const kind = block.halves[2];
  if (random.once(2)) {
    const start = random.below(block.byteLength);
    random.fill(block.bytes.subarray(start, start + random.below(80)));
  }
  const at = kind === 1 ? 72 : 56;
  if (!random.once(8) && at + 8 <= block.byteLength) {
    new DataView(block.bytes.buffer).setBigInt64(at, random.once(6) ? random.word() : random.pick(RETURNS), true);
  }
  return random.once(30) ? 14 : 0;
}

function run(attempt: RegistersCase): void {
  const memory = new Uint8Array(MEMORY_BYTES);
  fillMemory(memory, attempt.memorySeed);
  const block = Block.ofWords(attempt.blockWords);
  const host = new Random(attempt.hostSeed);
  const engine = createEngine({ block, sally: () => lie(block, host), compatible: attempt.compatible });
  const handler = createHandler({ engine, random: (into) => into.fill(7) !== undefined });
  const inner = new MemoryPlatform({ buffer: () => memory.buffer, base: BASE, trackBorrows: attempt.trackBorrows });
  for (const registers of attempt.calls) {
    const before = memory.slice();
    const platform = new Watched(inner);
    try {
      const value = handler.syscall(platform, registers);
      assert.ok(Number.isSafeInteger(value) && value >= -4097, `a value: ${value}`);
      assert.equal(handler.errno, value < 0 ? -value : 0, "errno");
    } catch (error) {
      if (!(error instanceof PosternError) || error.code !== "EATTACKED") throw error;
      assert.ok(handler.attacked, "attacked");
    }
    const strayed = memory.findIndex((byte, at) => byte !== before[at] && platform.writable[at] === 0);
    assert.equal(strayed, -1, "a byte changed that was not given out for writing");
    assert.notEqual(inner.validateSliceMut(BASE, MEMORY_BYTES, 1, 1), null, "something stayed borrowed");
    inner.release();
  }
}

/** The side of the opaque entry. */
export const registersSide: Side<RegistersCase> = { name: "registers", generate, simpler, run };
