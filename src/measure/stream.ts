/**
 * The measured stream: what ECREATE, EADD and EEXTEND hash, record by record (Intel SDM volume 3D, the pseudo code of these
 * leaves). All integers are little endian, all records multiples of 64 bytes; the SHA-256 of the stream is MRENCLAVE.
 */
import { createHash } from "node:crypto";

/** Bytes of a page. */
export const PAGE_SIZE = 4096;
/** Bytes that one EEXTEND covers. */
export const CHUNK_SIZE = 256;
/** Chunks of a page. */
export const CHUNKS_PER_PAGE = PAGE_SIZE / CHUNK_SIZE;
/** Bytes of the header of each record. */
export const RECORD_SIZE = 64;

/** First eight bytes of each record. */
export const TAG = {
  create: "ECREATE\0",
  add: "EADD\0\0\0\0",
  extend: "EEXTEND\0",
  unmeasured: "UNMEASRD",
  unsized: "UNSIZED\0",
} as const;

/** Bits of SECINFO.FLAGS. */
export const SECINFO = {
  read: 0x1n,
  write: 0x2n,
  execute: 0x4n,
  permissions: 0x7n,
  typeMask: 0xff00n,
  typeTcs: 0x100n,
  typeRegular: 0x200n,
} as const;

/** Every chunk of a page, in ascending order. */
export const ALL_CHUNKS: readonly number[] = Array.from({ length: CHUNKS_PER_PAGE }, (_, index) => index);

const EXTEND_SIZE = RECORD_SIZE + CHUNK_SIZE;

/** Hashes records in the order given. It checks nothing: {@link EnclaveMeasurer} and the SGXS reader do, each by its own rules. */
export class MeasuredStream {
  readonly #hash = createHash("sha256");
  readonly #sink: ((bytes: Uint8Array) => void) | undefined;
  readonly #buffer = Buffer.alloc(RECORD_SIZE + CHUNKS_PER_PAGE * EXTEND_SIZE);
  #records = 0;
  #length = 0;

  /** @param sink receives each piece of the stream, valid during the call only; an SGXS file is all pieces in a row */
  constructor(sink?: (bytes: Uint8Array) => void) {
    this.#sink = sink;
  }

  /** ECREATE, EADD and EEXTEND records so far. */
  get records(): number {
    return this.#records;
  }

  /** Bytes of the stream so far. */
  get length(): number {
    return this.#length;
  }

  /** @param size bytes of the enclave; @param ssaframesize pages of one SSA frame */
  create(size: bigint, ssaframesize: number): void {
    const record = this.#record(0, TAG.create);
    record.writeUInt32LE(ssaframesize, 8);
    record.writeBigUInt64LE(size, 12);
    this.#push(RECORD_SIZE, 1);
  }

  /**
   * One EADD and an EEXTEND for each chunk listed.
   * @param offset from the enclave base
   * @param flags SECINFO.FLAGS as they take effect
   * @param content 4096 bytes
   * @param chunks indices 0 to 15 in the order of measuring
   */
  page(offset: bigint, flags: bigint, content: Uint8Array, chunks: readonly number[]): void {
    const add = this.#record(0, TAG.add);
    add.writeBigUInt64LE(offset, 8);
    add.writeBigUInt64LE(flags, 16);
    let end = RECORD_SIZE;
    for (const chunk of chunks) {
      this.#record(end, TAG.extend).writeBigUInt64LE(offset + BigInt(chunk * CHUNK_SIZE), 8);
      this.#buffer.set(content.subarray(chunk * CHUNK_SIZE, (chunk + 1) * CHUNK_SIZE), end + RECORD_SIZE);
      end += EXTEND_SIZE;
    }
    this.#push(end, 1 + chunks.length);
  }

  /** A record as it stands in a file. */
  raw(bytes: Uint8Array): void {
    this.#emit(bytes);
    this.#records++;
  }

  /** MRENCLAVE as hex. The stream cannot be continued afterwards. */
  digest(): string {
    return this.#hash.digest("hex");
  }

  #record(at: number, tag: string): Buffer {
    const record = this.#buffer.subarray(at, at + RECORD_SIZE);
    record.fill(0);
    record.write(tag, 0, "latin1");
    return record;
  }

  #push(length: number, records: number): void {
    this.#emit(this.#buffer.subarray(0, length));
    this.#records += records;
  }

  #emit(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.#sink?.(bytes);
    this.#length += bytes.length;
  }
}
