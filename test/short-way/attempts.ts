/** A block as a test describes it, and how it is written. */
import { Random } from "../hostile/random.js";

const HEADER_BYTES = 16;
const PAYLOAD_BYTES = 72;

/** A word or bytes in the data of an item. */
export interface Placed {
  readonly at: number;
  readonly bytes: Uint8Array;
}

export interface Item {
  readonly number: bigint;
  readonly args: readonly bigint[];
  readonly dataBytes: number;
  readonly placed: readonly Placed[];
  readonly seed: number;
  /** What the header says; null: the truth. */
  readonly kind: bigint | null;
  readonly size: bigint | null;
}

/** Items, what stands behind them, and words overwritten at last. */
export interface Attempt {
  readonly items: readonly Item[];
  /** Mostly the end: two words of zero. */
  readonly end: readonly [size: bigint, kind: bigint];
  readonly trash: readonly { readonly at: number; readonly word: bigint }[];
}

/** Writes a block. */
export function fill(bytes: Uint8Array, { items, end, trash }: Attempt): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  bytes.fill(0);
  let start = 0;
  for (const { number, args, dataBytes: size, placed, seed, kind, size: said } of items) {
    const header = [said ?? BigInt(PAYLOAD_BYTES + size), kind ?? 1n, number, ...args];
    header.forEach((each, index) => {
      view.setBigUint64(start + 8 * index, each, true);
    });
    const data = bytes.subarray(start + HEADER_BYTES + PAYLOAD_BYTES).subarray(0, size);
    new Random(seed).fill(data);
    for (const { at, bytes: what } of placed) if (at < size) data.set(what.subarray(0, size - at), at);
    start += HEADER_BYTES + PAYLOAD_BYTES + size;
  }
  view.setBigUint64(start, end[0], true);
  view.setBigUint64(start + 8, end[1], true);
  for (const { at, word: each } of trash) view.setBigUint64(8 * at, each, true);
}
