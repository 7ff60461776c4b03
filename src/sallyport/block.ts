/** The block: memory that guest and host share, and the items in it. */
import { PosternError } from "../errors.js";
import {
  BLOCK_BYTES_MAX,
  HEADER_BYTES,
  Kind,
  LARGEST_ITEM_BYTES,
  payloadBytes,
  SYSCALL_PAYLOAD_BYTES,
  WORD_BYTES,
} from "./constants.js";

/** A block: 8-aligned memory of whole words, seen as bytes and as 32-bit halves of its words. */
export class Block {
  /** The memory, byte by byte. */
  readonly bytes: Uint8Array;
  /** The same memory as 32-bit halves: word i is at 2 * i (low) and 2 * i + 1 (high). */
  readonly halves: Uint32Array;
  /** Size in bytes. A field, because asking a view costs as much as half a call. */
  readonly byteLength: number;

  /**
   * @param buffer memory that holds the block
   * @param byteOffset where it starts, a multiple of 8
   * @param byteLength its size in bytes, a multiple of 8
   * @throws PosternError EINVALIDARGUMENT for a size or place that no block can have
   */
  constructor(buffer: ArrayBufferLike, byteOffset = 0, byteLength: number = buffer.byteLength - byteOffset) {
    if (byteOffset % WORD_BYTES !== 0 || byteLength % WORD_BYTES !== 0 || byteLength > BLOCK_BYTES_MAX) {
      throw new PosternError(
        "EINVALIDARGUMENT",
        `a block starts and ends at multiples of 8 bytes and has at most ${BLOCK_BYTES_MAX} bytes; got ${byteLength} at ${byteOffset}`,
      );
    }
    this.bytes = new Uint8Array(buffer, byteOffset, byteLength);
    this.halves = new Uint32Array(buffer, byteOffset, byteLength / 4);
    this.byteLength = byteLength;
  }

  /**
   * A block of its own memory, all zero.
   * @param words size in 64-bit words
   */
  static ofWords(words: number): Block {
    return new Block(new ArrayBuffer(words * WORD_BYTES));
  }
}

/** An item as the iterator yields it. Offsets are bytes from the start of the block. */
export interface Item {
  readonly kind: Kind;
  /** Where the payload starts. */
  readonly payload: number;
  /** Where the data section starts. */
  readonly data: number;
  /** Bytes in the data section. */
  readonly dataLength: number;
}

/** Why an iteration ended. */
export type IterationEnd =
  /** An END item, or less than a header left. */
  | "end"
  /** The size is not a multiple of 8. */
  | "unaligned"
  /** The size is smaller than the payload of its kind. */
  | "short"
  /** The item reaches beyond the block. */
  | "overrun"
  /** END with a size. */
  | "sized-end";

const MESSAGES: Record<Exclude<IterationEnd, "end">, string> = {
  unaligned: "its size is not a multiple of 8",
  short: "its size is below the payload of its kind",
  overrun: "it reaches beyond the block",
  "sized-end": "an end item has no size",
};

/** The error for a malformed item. @param offset byte offset of its header */
export function malformedItem(end: Exclude<IterationEnd, "end">, offset: number): PosternError {
  return new PosternError("EBADBLOCK", `the item at byte ${offset} of the block is malformed: ${MESSAGES[end]}`, {
    offset,
  });
}

/**
 * Reads the header at `offset`, once, and says what stands there.
 *
 * Compares sizes with what is left of the block before adding anything, so no value can wrap.
 * @param block the block; its memory may change while this runs
 * @param offset byte offset of a header, a multiple of 8
 * @param into receives kind and size
 * @returns `undefined` when there is an item (known or not), else why there is none
 */
export function readHeader(
  block: Block,
  offset: number,
  into: { kind: number; size: number },
): IterationEnd | undefined {
  const left = block.byteLength - offset - HEADER_BYTES;
  if (left < 0) return "end";
  const { halves } = block;
  const half = offset >>> 2;
  const sizeLow = halves[half]!;
  const sizeHigh = halves[half + 1]!;
  const kindLow = halves[half + 2]!;
  const kindHigh = halves[half + 3]!;
  const usual = kindLow === Kind.SYSCALL && (kindHigh | sizeHigh | (sizeLow & 7)) === 0;
  if (!usual || sizeLow > left || sizeLow < SYSCALL_PAYLOAD_BYTES) {
    const refused = checkHeader(sizeLow, sizeHigh, kindLow, kindHigh, left);
    if (refused !== undefined) return refused;
  }
  into.kind = kindHigh === 0 ? kindLow : 0xffffffff;
  into.size = sizeLow;
  return undefined;
}

/** Any header; that of a good system call, the usual one, was told already. */
function checkHeader(
  sizeLow: number,
  sizeHigh: number,
  kindLow: number,
  kindHigh: number,
  left: number,
): IterationEnd | undefined {
  if ((sizeLow & 7) !== 0) return "unaligned";
  const kind = kindHigh === 0 ? kindLow : 0xffffffff;
  if (kind === Kind.END) return sizeLow === 0 && sizeHigh === 0 ? "end" : "sized-end";
  if (sizeHigh !== 0 || sizeLow > left) return "overrun";
  return sizeLow < payloadBytes(kind) ? "short" : undefined;
}

/** How an iteration treats what the original ends silently at. */
export interface IterateOptions {
  /** As sallyport 0.7.1: unaligned and short items and a sized end are a silent end. Default false: they are errors. */
  readonly compatible?: boolean;
}

/**
 * The items of a block, in order; items of unknown kinds are skipped.
 * @throws PosternError EBADBLOCK, with the byte offset, at a malformed item
 */
export function* items(block: Block, options: IterateOptions = {}): Generator<Item, void, undefined> {
  const header = { kind: 0, size: 0 };
  for (let offset = 0; ; offset += HEADER_BYTES + header.size) {
    const end = readHeader(block, offset, header);
    if (end === "end") return;
    if (end !== undefined) {
      if (options.compatible === true && end !== "overrun") return;
      throw malformedItem(end, offset);
    }
    const payload = payloadBytes(header.kind);
    if (payload < 0) continue;
    const start = offset + HEADER_BYTES;
    yield { kind: header.kind as Kind, payload: start, data: start + payload, dataLength: header.size - payload };
  }
}

/**
 * Words that a block needs for some items, without END, alignment and padding.
 * @param itemCount number of items
 * @param dataBytes bytes of all their data
 * @returns words, or null where the sum exceeds 64 bits
 */
export function sizeHint(itemCount: number | bigint, dataBytes: number | bigint): bigint | null {
  const limit = 1n << 64n;
  const headers = BigInt(itemCount) * BigInt(LARGEST_ITEM_BYTES);
  if (headers >= limit) return null;
  const total = headers + BigInt(dataBytes);
  if (total >= limit) return null;
  return (total + 7n) / 8n;
}
