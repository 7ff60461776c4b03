/**
 * A host for a block that others can write while it is executed, where somebody decides on or watches the requests: it
 * executes a private copy. What was judged is then what is done, whatever another thread of the guest writes meanwhile.
 */
import { Block, readHeader } from "../sallyport/block.js";
import { argumentSlots, HEADER_BYTES, Kind, payloadBytes } from "../sallyport/constants.js";

/** Return words of a kind: two for system calls, one for the others. */
function returnBytes(kind: number): number {
  return kind === Kind.SYSCALL ? 16 : 8;
}

/** The private copy of a block, and the ways between the two. */
export class PrivateCopy {
  /** The copy: to be executed. */
  readonly block: Block;
  private readonly shared: Block;
  private readonly header = { kind: 0, size: 0 };

  constructor(shared: Block) {
    this.shared = shared;
    this.block = new Block(new ArrayBuffer(shared.byteLength));
  }

  /** Copies the items, each byte once, up to the end or the first that is malformed. */
  take(): void {
    const { shared, block, header } = this;
    const total = shared.byteLength;
    for (let offset = 0; offset + HEADER_BYTES <= total; offset += HEADER_BYTES + header.size) {
      block.bytes.set(shared.bytes.subarray(offset, offset + HEADER_BYTES), offset);
      if (readHeader(block, offset, header) !== undefined) return;
      const start = offset + HEADER_BYTES;
      block.bytes.set(shared.bytes.subarray(start, start + header.size), start);
    }
  }

  /** Gives back what an execution may have written: return words and data. */
  give(): void {
    const { shared, block, header } = this;
    for (let offset = 0; readHeader(block, offset, header) === undefined; offset += HEADER_BYTES + header.size) {
      const payload = payloadBytes(header.kind);
      if (payload < 0) continue;
      const from = offset + HEADER_BYTES + 8 + 8 * argumentSlots(header.kind);
      const end = offset + HEADER_BYTES + header.size;
      const returned = from + returnBytes(header.kind);
      shared.bytes.set(block.bytes.subarray(from, returned), from);
      shared.bytes.set(block.bytes.subarray(offset + HEADER_BYTES + payload, end), offset + HEADER_BYTES + payload);
    }
  }
}

/** Whether other threads or processes may write to a block: its memory is shared. */
export function isShared(block: Block): boolean {
  return typeof SharedArrayBuffer !== "undefined" && block.bytes.buffer instanceof SharedArrayBuffer;
}
