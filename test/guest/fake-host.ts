/** A host for tests: answers each item of a block by a function. */
import { createEngine, createHandler, type Handler, type HandlerOptions } from "postern/guest";
import { Block, items, Kind } from "postern/sallyport";

/** One item, as the host sees it. */
export interface FakeItem {
  readonly number: number;
  readonly words: DataView;
  /** Byte offset of the data in the block. */
  readonly data: number;
  /** Byte offset of the payload in the block. */
  readonly payload: number;
  readonly bytes: Uint8Array;
  /** Argument of a slot. */
  argument(slot: number): bigint;
}

/** Answers an item: its return word; undefined leaves ENOSYS. */
export type Answer = (item: FakeItem) => number | bigint | undefined;

export interface FakeKeep {
  readonly handler: Handler;
  readonly block: Block;
  /** Numbers of the calls that left the guest, in order. */
  readonly seen: number[];
}

/** A handler in front of a host that answers so. */
export function fakeKeep(
  answer: Answer,
  options: { words?: number; compatible?: boolean } & Partial<HandlerOptions> = {},
): FakeKeep {
  const { words = 128, compatible = false, ...more } = options;
  const block = Block.ofWords(words);
  const view = new DataView(block.bytes.buffer);
  const seen: number[] = [];
  const sally = (): number => {
    for (const { kind, payload, data } of items(block)) {
      const number = Number(view.getBigUint64(payload, true));
      seen.push(number);
      const argument = (slot: number): bigint => view.getBigUint64(payload + 8 + 8 * slot, true);
      const value = answer({ number, words: view, data, payload, bytes: block.bytes, argument });
      if (value !== undefined) view.setBigInt64(data - (kind === Kind.SYSCALL ? 16 : 8), BigInt(value), true);
    }
    return 0;
  };
  const engine = createEngine({ block, sally, compatible });
  return { handler: createHandler({ engine, ...more }), block, seen };
}
