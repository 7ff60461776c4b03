/**
 * Copies of few bytes. For those a loop beats `set` and `fill`, which cost 50 ns before the first byte, and `subarray`,
 * which allocates.
 */

/** Up to here a loop is faster. */
const LOOP_BYTES_MAX = 64;

/** Copies `count` bytes from `source` at `from` into `target` at `to`. */
export function copyBytes(source: Uint8Array, from: number, target: Uint8Array, to: number, count: number): void {
  if (count <= LOOP_BYTES_MAX) {
    for (let i = 0; i < count; i++) target[to + i] = source[from + i]!;
    return;
  }
  const whole = from === 0 && source.length === count;
  target.set(whole ? source : source.subarray(from, from + count), to);
}

/** Writes `count` zero bytes at `at`. */
export function clearBytes(target: Uint8Array, at: number, count: number): void {
  if (count > LOOP_BYTES_MAX) {
    target.fill(0, at, at + count);
    return;
  }
  for (let i = 0; i < count; i++) target[at + i] = 0;
}
