/**
 * One request, as policies and observers see it: the host's own copy of number and arguments, and the data section.
 * One record is reused for every call; whoever wants to keep something copies it.
 */
import type { Block } from "../sallyport/block.js";
import { Argument, type Plan } from "../sallyport/call.js";
import { plans } from "../sallyport/calls.js";
import type { RequestView, Span } from "../sallyport/request-view.js";

const ALL_ONES = 0xffffffff;
const TWO_32 = 2 ** 32;
/** Six arguments of 64 bits. */
const WORDS_BYTES = 48;
/** Bytes of the longest socket address. */
const ADDRESS_BYTES_MAX = 128;
const NOTHING = new Uint8Array(0);

/** Memory of the program that requests may refer to, where the host granted that. */
export interface Window {
  /** Its first byte, for the kernel. */
  address(): number;
  /** Its bytes now. */
  bytes(): Uint8Array;
}

/** The host's private copy of an item. */
export class Request implements RequestView {
  /** The description the request is read by. */
  plan: Plan = plans.read;
  /**
   * Arguments as they were when the item was looked at: halves of 64-bit words. Private to the host. With a buffer of its
   * own, since the engine looks up where small arrays without one are, at each access.
   */
  readonly words = new Uint32Array(new ArrayBuffer(WORDS_BYTES));
  /** Where the data section starts, in bytes from the start of the block. */
  data = 0;
  /** Bytes in the data section. */
  dataLength = 0;
  /** What the call answered: >= 0, or -errno. Valid in `after`. */
  result = 0;
  private readonly block: Block;
  /** The program's memory, where large data may lie. */
  readonly window: Window | undefined;
  /** See {@link span}. */
  private readonly found: { memory: Uint8Array; start: number; length: number } = {
    memory: NOTHING,
    start: 0,
    length: 0,
  };

  constructor(block: Block, window: Window | undefined) {
    this.block = block;
    this.window = window;
  }

  /** Name of the call. */
  get name(): string {
    return this.plan.name;
  }

  /** Value of a number argument, by parameter index. */
  number(parameter: number): number {
    const { argument } = this.plan.parameters[parameter]!;
    const slot = this.plan.valueSlot[parameter]!;
    const low = this.words[2 * slot]!;
    if (argument === Argument.WORD) return low + (this.words[2 * slot + 1]! | 0) * TWO_32;
    return argument === Argument.UNSIGNED ? low : low | 0;
  }

  /** Whether an argument that may be left out was. */
  absent(parameter: number): boolean {
    const slot = this.plan.offsetSlot[parameter]!;
    return this.words[2 * slot] === ALL_ONES && this.words[2 * slot + 1] === ALL_ONES;
  }

  /**
   * The bytes an argument refers to, as they are now; the guest may change them. Empty when absent or out of bounds.
   * @param parameter index of the parameter
   * @param most bytes at most
   */
  bytes(parameter: number, most = Number.POSITIVE_INFINITY): Uint8Array {
    const { memory, start, length } = this.span(parameter);
    return memory.subarray(start, start + Math.min(length, most));
  }

  /** Where those bytes lie; one record, used again for the next. */
  span(parameter: number): Span {
    const { found } = this;
    const high = this.words[2 * this.plan.offsetSlot[parameter]! + 1]!;
    if (high === 0) {
      found.memory = this.block.bytes;
      this.find(parameter, this.data, this.dataLength);
    } else {
      found.memory = high === 1 && this.window !== undefined ? this.window.bytes() : NOTHING;
      this.find(parameter, 0, found.memory.length);
    }
    return found;
  }

  /** Finds the bytes in a region of the memory. */
  private find(parameter: number, region: number, room: number): void {
    const { plan, words, found } = this;
    const { argument, size } = plan.parameters[parameter]!;
    const offset = Math.min(words[2 * plan.offsetSlot[parameter]!]!, room);
    const start = region + offset;
    let length = size;
    if (argument === Argument.PATH) {
      const end = found.memory.indexOf(0, start);
      length = end < 0 || end >= region + room ? 0 : end - start;
    } else if (argument === Argument.ADDRESS) {
      length = ADDRESS_BYTES_MAX;
    } else if (argument !== Argument.RECORD) {
      length = words[2 * plan.lengthSlot[parameter]!]! * size;
    }
    found.start = start;
    found.length = Math.min(length, room - offset);
  }
}
