/** Pseudo-random numbers that a seed repeats. Not for secrets. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed ^ 0x5bf03635) | 0 || 1;
    for (let i = 0; i < 4; i++) this.next();
  }

  /** 32 random bits: a counter, mixed until every input bit reaches every output bit. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  }

  /** 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor((this.next() / 2 ** 32) * limit);
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  /** 64 random bits. */
  word(): bigint {
    return (BigInt(this.next()) << 32n) | BigInt(this.next());
  }

  /** Fills bytes. */
  fill(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.next();
  }
}

/** Seed of the case with that number in a run with that seed. */
export function caseSeed(seed: number, index: number): number {
  return Math.imul(seed ^ Math.imul(index + 1, 0x9e3779b1), 0x85ebca6b) | 0;
}
