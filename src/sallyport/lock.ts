/** A lock in shared memory, for what several threads of one side change together. Hold it for a few instructions only. */

const FREE = 0;
const HELD = 1;
/** Held, and somebody may wait for it. */
const WANTED = 2;

/** Frames of the stack that nobody who holds a lock exceeds. */
const STACK_FRAMES = 48;

/** Uses so many frames of the stack. @throws RangeError when there are not so many */
function reserveStack(frames: number): number {
  return frames === 0 ? 0 : reserveStack(frames - 1) + 1;
}

/** A lock over one word of shared memory, which starts as 0. Who holds it must not ask for it again. */
export class Lock {
  private readonly words: Int32Array;
  private readonly at: number;

  /** @param at index of the lock's word */
  constructor(words: Int32Array, at: number) {
    this.words = words;
    this.at = at;
  }

  /**
   * Waits until nobody else holds the lock. A program can use up the stack; what happens under the lock must not be cut
   * short by that, so the stack it needs is tried out before.
   */
  take(): void {
    reserveStack(STACK_FRAMES);
    const { words, at } = this;
    if (Atomics.compareExchange(words, at, FREE, HELD) === FREE) return;
    while (Atomics.exchange(words, at, WANTED) !== FREE) Atomics.wait(words, at, WANTED);
  }

  /** Lets somebody else have the lock. */
  give(): void {
    const { words, at } = this;
    if (Atomics.exchange(words, at, FREE) === WANTED) Atomics.notify(words, at, 1);
  }
}
