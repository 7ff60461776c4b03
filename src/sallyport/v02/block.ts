/** The memory both sides share: a message and a buffer behind it. */
import { PosternError } from "../../errors.js";
import { BLOCK_ALIGN, BLOCK_SIZE, BUF_CAPACITY, MESSAGE_SIZE } from "./constants.js";
import { Cursor } from "./cursor.js";
import { Message } from "./message.js";

const ADDRESS_LIMIT = 2n ** 64n - BigInt(BLOCK_SIZE);

/** A block of 69632 bytes: message at 0, buffer of 69568 bytes at 64. */
export class Block {
  /** All bytes of the block. Shared: what the other side writes may change at any time. */
  readonly bytes: Uint8Array;
  /** Where the block lies in the memory of the side that hands it over: pointers in requests are counted from here. */
  readonly address: bigint;
  readonly message: Message;
  readonly #buf: Uint8Array;

  /**
   * @param bytes exactly 69632 bytes, a new zeroed block where left out
   * @param address real address of the first byte, a multiple of 8. It decides the padding of alignments above 8, and
   *   what {@link addressOf} gives. Zero stands for any page-aligned address
   * @throws PosternError EINVALIDARGUMENT
   */
  constructor(bytes: Uint8Array = new Uint8Array(BLOCK_SIZE), address = 0n) {
    if (bytes.length !== BLOCK_SIZE) {
      throw new PosternError("EINVALIDARGUMENT", `A block has ${BLOCK_SIZE} bytes; there are ${bytes.length}.`);
    }
    if (address < 0n || address > ADDRESS_LIMIT || address % BigInt(BLOCK_ALIGN) !== 0n) {
      throw new PosternError("EINVALIDARGUMENT", `A block cannot lie at ${address}: use a multiple of ${BLOCK_ALIGN}.`);
    }
    this.bytes = bytes;
    this.address = address;
    this.message = new Message(bytes);
    this.#buf = bytes.subarray(MESSAGE_SIZE);
  }

  /** Bytes of the buffer. */
  static bufCapacity(): number {
    return BUF_CAPACITY;
  }

  /** A cursor over the whole buffer. */
  cursor(): Cursor {
    return new Cursor(this.#buf, Number(BigInt.asUintN(32, this.address)) + MESSAGE_SIZE);
  }

  /** Fills the buffer with zeros, so that nothing of an earlier call is left in it. */
  clearBuffer(): void {
    this.#buf.fill(0);
  }

  /** Real address of the byte at `offset` of the buffer: what stands in a request. */
  addressOf(offset: number): bigint {
    return this.address + BigInt(MESSAGE_SIZE + offset);
  }
}
