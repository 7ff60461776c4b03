/** The same call by the inside and by the engine: what each hands over. */
import { createEngine, type Engine } from "#src/guest/engine.js";
import { Block } from "#src/sallyport/block.js";
import { BLOCK_BYTES, LARGEST_ITEM_BYTES } from "#src/sallyport/constants.js";
import { Access, Entry, Kind } from "#src/shim/wasi/descriptors.js";
import { Head, Mark, Row, RowDescriptors } from "#src/shim/wasi/rows.js";
import { BLOCK, NOT_HERE } from "#src/short-way/index.js";
import { type Inside, linkInside, type PartMemory, partMemory } from "./parts.js";

export const LIMIT = 64;
/** What the blocks hold that nobody staged. */
const LEFTOVER = 0xa5;
const RETURN_WORD = 72;
/** Where the mode of what was opened comes back. */
const MODE = LARGEST_ITEM_BYTES + 24;
const END_BYTES = 16;

/** The words of a block from the start of its item through the end item. */
function staged(block: Block): string {
  const { bytes } = block;
  const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  return Buffer.from(bytes.subarray(0, Math.min(BLOCK_BYTES, 16 + size + END_BYTES))).toString("hex");
}

/** Descriptors of the kinds that matter: the program's number is the index, the host's another. */
export const ENTRIES: readonly Entry[] = [
  new Entry({ kind: Kind.INPUT, descriptor: 0, access: Access.READ }),
  new Entry({ kind: Kind.OUTPUT, descriptor: 1, access: Access.WRITE }),
  new Entry({ kind: Kind.DIRECTORY, descriptor: 13, access: Access.READ, name: Uint8Array.of(47) }),
  new Entry({ kind: Kind.DIRECTORY, descriptor: 63, access: Access.READ }),
  new Entry({ kind: Kind.REGULAR, descriptor: 40, access: Access.BOTH }),
  new Entry({ kind: Kind.REGULAR, descriptor: 41, access: Access.READ }),
  new Entry({ kind: Kind.REGULAR, descriptor: 42, access: Access.WRITE }),
  new Entry({ kind: Kind.FIFO, descriptor: 43, access: Access.BOTH }),
  new Entry({ kind: Kind.STREAM, descriptor: 44, access: Access.BOTH }),
  new Entry({ kind: Kind.DATAGRAM, descriptor: 45, access: Access.BOTH }),
  new Entry({ kind: Kind.BLOCK_DEVICE, descriptor: 46, access: Access.BOTH }),
  new Entry({ kind: Kind.TERMINAL, descriptor: 47, access: Access.BOTH }),
];

/** An inside over a block of leftovers, whose host answers with what `reply` gives for the n-th hand-over. */
export class StagingInside {
  readonly parts: PartMemory = partMemory(LIMIT);
  readonly descriptors: RowDescriptors;
  readonly inside: Inside;
  sent: string[] = [];
  /** What is opened. */
  mode = 0;

  constructor(reply: (count: number) => bigint, entries: readonly Entry[] = ENTRIES) {
    const { block, memory, table } = this.parts;
    block.bytes.fill(LEFTOVER);
    const names = entries.map(({ name }) => name);
    this.descriptors = new RowDescriptors(LIMIT, LIMIT, memory.buffer, table, 1, names);
    for (const entry of entries) this.descriptors.add(entry);
    const words = new DataView(memory.buffer);
    this.inside = linkInside(this.parts, LIMIT, {
      sally: () => {
        this.sent.push(staged(block));
        if (this.mode !== 0) words.setUint32(BLOCK + MODE, this.mode, true);
        words.setBigInt64(BLOCK + RETURN_WORD, reply(this.sent.length), true);
        return 0;
      },
      attack: () => {
        throw new Error("attacked");
      },
      enterOther: () => NOT_HERE,
    });
  }

  /** The table of the program's descriptors: what it says, without the hint where a free number may be. */
  rows(): string {
    const { bytes, table } = this.parts;
    const copy = bytes.slice(table);
    const words = new Int32Array(copy.buffer, 0, Head.WORDS + Row.WORDS * LIMIT);
    words[Head.LOWEST_FREE] = 0;
    for (let row = Head.WORDS; row < words.length; row += Row.WORDS) {
      // Rights are what the kind says where they were not narrowed, and a closed row says nothing.
      const open = words[row + Row.GENERATION] !== 0;
      if (!open) words.fill(0, row, row + Row.WORDS);
      else if ((words[row + Row.MARKS]! & Mark.RESTRICTED) === 0)
        words.fill(0, row + Row.BASE, row + Row.INHERITING + 1);
    }
    return Buffer.from(copy).toString("hex");
  }
}

/** An engine over a block of the same leftovers. */
export class StagingEngine {
  readonly engine: Engine;
  sent: string[] = [];

  constructor(reply: (count: number) => bigint) {
    const block = new Block(new ArrayBuffer(BLOCK_BYTES));
    block.bytes.fill(LEFTOVER);
    const words = new DataView(block.bytes.buffer);
    const sally = () => {
      this.sent.push(staged(block));
      words.setBigInt64(RETURN_WORD, reply(this.sent.length), true);
      return 0;
    };
    this.engine = createEngine({ block, sally, window: true });
  }
}

/** Puts a path as the shim does: eight bytes at a time, what is missing in the last ones is zero. */
export function putPath(inside: Inside, path: Uint8Array): void {
  const padded = new Uint8Array((path.length + 7) & ~7);
  padded.set(path);
  const words = new DataView(padded.buffer);
  for (let at = 0; at < padded.length; at += 8) inside.putPath(at / 8, words.getBigUint64(at, true));
}

/** Most bytes of data that a block has room for. */
export const CAPACITY = BLOCK_BYTES - LARGEST_ITEM_BYTES - END_BYTES;
