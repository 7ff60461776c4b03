/** MRENCLAVE from an SGXS stream file (Fortanix), read piece by piece. Only the canonical form is accepted. */
import { firstNonZero } from "./bytes.js";
import { MeasureError, type MeasureReason } from "./error.js";
import { checkSize, effectiveFlags, type Measurement, type MeasureOptions } from "./pages.js";
import { CHUNK_SIZE, MeasuredStream, PAGE_SIZE, RECORD_SIZE, SECINFO, TAG } from "./stream.js";

/** Most bytes of one SGXS stream that are read. */
export const SGXS_BYTES_MAX = 64 * 2 ** 30;

const PROGRESS_BYTES = 4 * 2 ** 20;

/** What a measured SGXS stream says. */
export interface SgxsMeasurement extends Measurement {
  /** Bytes of the enclave. */
  readonly size: bigint;
  /** Pages of one SSA frame. */
  readonly ssaframesize: number;
  /** Pages added. */
  readonly pages: number;
  /** Chunks of 256 bytes that are loaded but not measured. */
  readonly unmeasuredChunks: number;
}

/** Reads an SGXS stream: `update` with each piece, of any size, then `finish` once. */
export class SgxsMeasurer {
  readonly #stream: MeasuredStream;
  /** A record that came in pieces: header, and data where it has any. */
  readonly #record = Buffer.alloc(RECORD_SIZE + CHUNK_SIZE);
  #filled = 0;
  /** Offset in the file of the record being collected. */
  #offset = 0;
  #size: bigint | undefined;
  #ssaframesize = 0;
  #page: bigint | undefined;
  #chunks = 0;
  #pages = 0;
  #unmeasured = 0;

  constructor(options: Pick<MeasureOptions, "sink"> = {}) {
    this.#stream = new MeasuredStream(options.sink);
  }

  /**
   * Takes the next piece of the file.
   * @throws MeasureError `not-canonical`, `unsized`, `bad-tag`, `limit`; `offset` is the file offset of the field that is wrong
   */
  update(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      const wanted = this.#filled < RECORD_SIZE ? RECORD_SIZE : this.#record.length;
      const taken = Math.min(wanted - this.#filled, bytes.length - at);
      this.#record.set(bytes.subarray(at, at + taken), this.#filled);
      this.#filled += taken;
      at += taken;
      if (this.#filled === RECORD_SIZE && this.#header()) continue;
      if (this.#filled === RECORD_SIZE || this.#filled === this.#record.length) this.#complete();
    }
  }

  /**
   * The measurement of the whole file.
   * @throws MeasureError `truncated` when the file ends inside of a record, `not-canonical` when it is empty
   */
  finish(): SgxsMeasurement {
    const end = this.#offset + this.#filled;
    if (this.#filled > 0) {
      const text = `the stream ends at byte ${end}, inside of the record that starts at byte ${this.#offset}`;
      throw new MeasureError("truncated", text, { offset: end });
    }
    if (this.#size === undefined) throw new MeasureError("not-canonical", "the stream is empty", { offset: 0 });
    return {
      mrenclave: this.#stream.digest(),
      records: this.#stream.records,
      streamLength: this.#stream.length,
      size: this.#size,
      ssaframesize: this.#ssaframesize,
      pages: this.#pages,
      unmeasuredChunks: this.#unmeasured,
    };
  }

  /** Checks a header as soon as it is there. True when 256 bytes of data belong to it and must be collected first. */
  #header(): boolean {
    const tag = this.#record.toString("latin1", 0, 8);
    switch (tag) {
      case TAG.create:
        this.#create();
        return false;
      case TAG.add:
        this.#add();
        return false;
      case TAG.extend:
      case TAG.unmeasured:
        this.#extend();
        return true;
      case TAG.unsized:
        return this.#refuse("unsized", 0, "the stream leaves the enclave size open and cannot be measured");
      default:
        return this.#refuse("bad-tag", 0, "not the tag of a record");
    }
  }

  #complete(): void {
    if (this.#record.toString("latin1", 0, 8) === TAG.unmeasured) this.#unmeasured++;
    else this.#stream.raw(this.#record.subarray(0, this.#filled));
    this.#offset += this.#filled;
    this.#filled = 0;
    if (this.#offset > SGXS_BYTES_MAX) this.#refuse("limit", 0, `the stream is longer than ${SGXS_BYTES_MAX} bytes`);
  }

  #create(): void {
    if (this.#size !== undefined) this.#refuse("not-canonical", 0, "a second ECREATE record");
    this.#zeroFrom(20);
    const size = this.#record.readBigUInt64LE(12);
    const ssaframesize = this.#record.readUInt32LE(8);
    try {
      checkSize(size, ssaframesize);
    } catch (error) {
      if (!(error instanceof MeasureError)) throw error;
      this.#refuse("not-canonical", error.offset ?? 0, error.message);
    }
    this.#size = size;
    this.#ssaframesize = ssaframesize;
  }

  #add(): void {
    const size = this.#started();
    this.#zeroFrom(24);
    const offset = this.#record.readBigUInt64LE(8);
    if (offset % BigInt(PAGE_SIZE) !== 0n)
      this.#refuse("not-canonical", 8, "the page offset is not a multiple of 4096");
    if (offset >= size) this.#refuse("not-canonical", 8, "the page is outside of the enclave");
    if (this.#page !== undefined && offset <= this.#page) {
      this.#refuse("not-canonical", 8, "page offsets must grow from record to record");
    }
    const flags = this.#record.readBigUInt64LE(16);
    const effective = effectiveFlags(flags, (_, text) => this.#refuse("not-canonical", 16, text));
    if (effective !== flags && (flags & SECINFO.permissions) !== 0n) {
      this.#refuse("not-canonical", 16, "a TCS page has no permission bits");
    }
    this.#page = offset;
    this.#chunks = 0;
    this.#pages++;
  }

  #extend(): void {
    this.#started();
    this.#zeroFrom(16);
    const offset = this.#record.readBigUInt64LE(8);
    if (offset % BigInt(CHUNK_SIZE) !== 0n)
      this.#refuse("not-canonical", 8, "the chunk offset is not a multiple of 256");
    if (this.#page === undefined || offset - (offset % BigInt(PAGE_SIZE)) !== this.#page) {
      this.#refuse("not-canonical", 8, "the chunk is not in the page that was added last");
    }
    const bit = 1 << Number((offset % BigInt(PAGE_SIZE)) / BigInt(CHUNK_SIZE));
    if ((this.#chunks & bit) !== 0) this.#refuse("not-canonical", 8, "this chunk appeared before");
    this.#chunks |= bit;
  }

  #started(): bigint {
    return this.#size ?? this.#refuse("not-canonical", 0, "the stream does not start with ECREATE");
  }

  #zeroFrom(start: number): void {
    const wrong = firstNonZero(this.#record, start, RECORD_SIZE);
    if (wrong >= 0) this.#refuse("not-canonical", wrong, "a reserved byte is not zero");
  }

  #refuse(reason: MeasureReason, at: number, text: string): never {
    const offset = this.#offset + at;
    throw new MeasureError(reason, `byte ${offset}: ${text}`, { offset });
  }
}

/**
 * MRENCLAVE of an SGXS stream held in memory.
 * @throws MeasureError `not-canonical`, `unsized`, `bad-tag`, `truncated`, `limit`, each with the file offset
 */
export function measureSgxs(bytes: Uint8Array, options: Pick<MeasureOptions, "sink"> = {}): SgxsMeasurement {
  const measurer = new SgxsMeasurer(options);
  measurer.update(bytes);
  return measurer.finish();
}

/**
 * MRENCLAVE of an SGXS stream that arrives in pieces: a file stream, standard input, a socket.
 * @param total bytes in all, where known, for `progress`
 * @throws MeasureError as {@link measureSgxs}
 */
export async function measureSgxsStream(
  pieces: AsyncIterable<Uint8Array>,
  options: MeasureOptions = {},
  total?: number,
): Promise<SgxsMeasurement> {
  const measurer = new SgxsMeasurer(options);
  let done = 0;
  let reported = 0;
  for await (const piece of pieces) {
    measurer.update(piece);
    done += piece.length;
    if (done - reported >= PROGRESS_BYTES) {
      reported = done;
      options.progress?.(done, total);
    }
  }
  return measurer.finish();
}
