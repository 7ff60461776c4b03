/** MRENCLAVE from a list of pages, with the checks and the clearing that EADD does before it measures. */
import { MeasureError, type MeasureReason } from "./error.js";
import { ALL_CHUNKS, CHUNKS_PER_PAGE, MeasuredStream, PAGE_SIZE, SECINFO } from "./stream.js";

/** Most pages of one enclave that are accepted: 16 GiB of content. */
export const PAGES_MAX = 1 << 22;

/** Which chunks of a page EEXTEND covers: all in order, none, or the listed ones (0 to 15) in that order. */
export type MeasuredChunks = "all" | "none" | readonly number[];

/** One page as given to EADD. */
export interface Page {
  /** Bytes from the enclave base; a multiple of 4096. */
  readonly offset: bigint;
  /** SECINFO.FLAGS: R 1, W 2, X 4, page type shifted left by 8 (TCS 0x100, REG 0x200). */
  readonly flags: bigint;
  /** Up to 4096 bytes, padded with zeros; absent means a zero page. */
  readonly data?: Uint8Array;
  /** Default: all. */
  readonly measure?: MeasuredChunks;
  /** Where the page is described: byte offset in the file it was read from, for errors. */
  readonly describedAt?: number;
}

/** An enclave before it is measured. */
export interface PageList {
  /** Bytes, a power of two. */
  readonly size: bigint;
  /** Pages of one SSA frame, at least 1. */
  readonly ssaframesize: number;
  /** In the order of EADD, which is part of the measurement. Read once. */
  readonly pages: Iterable<Page>;
}

/** A finished measurement. */
export interface Measurement {
  /** 64 hex digits. */
  readonly mrenclave: string;
  /** ECREATE, EADD and EEXTEND records. */
  readonly records: number;
  /** Bytes of the measured stream. */
  readonly streamLength: number;
}

/** Options of everything that measures a large input. */
export interface MeasureOptions {
  /** Called now and then with bytes done and, where known, bytes in all. */
  readonly progress?: (done: number, total: number | undefined) => void;
  /** Receives the measured stream piece by piece; the pieces in a row are an SGXS file. Valid during the call only. */
  readonly sink?: (bytes: Uint8Array) => void;
}

const PROGRESS_PAGES = 1024;
const ZERO_PAGE = Buffer.alloc(PAGE_SIZE);

/** Measures page by page, for callers that do not have an iterable. `add` in the order of EADD, then `finish` once. */
export class EnclaveMeasurer {
  readonly #stream: MeasuredStream;
  readonly #size: bigint;
  /** Numbers of the pages so far; below 2^52, so that they need no bigints. */
  readonly #seen = new Set<number>();

  /**
   * @param size bytes of the enclave, a power of two of at least 4096
   * @param ssaframesize pages of one SSA frame
   * @throws MeasureError `size`, `ssaframesize`
   */
  constructor(size: bigint, ssaframesize: number, options: MeasureOptions = {}) {
    checkSize(size, ssaframesize);
    this.#size = size;
    this.#stream = new MeasuredStream(options.sink);
    this.#stream.create(size, ssaframesize);
  }

  /**
   * EADD and EEXTEND of one page.
   * @throws MeasureError whose `offset` is where the page is described, or else the place in the measured stream where its
   * record would stand
   */
  add(page: Page): void {
    const refuse = (reason: MeasureReason, text: string): never => {
      throw new MeasureError(reason, `page ${this.#seen.size} at 0x${page.offset.toString(16)}: ${text}`, {
        offset: page.describedAt ?? this.#stream.length,
      });
    };
    if (page.offset < 0n || page.offset % BigInt(PAGE_SIZE) !== 0n) refuse("offset-align", "not a multiple of 4096");
    if (page.offset >= this.#size)
      refuse("offset-range", `outside of the enclave of 0x${this.#size.toString(16)} bytes`);
    const number = Number(page.offset / BigInt(PAGE_SIZE));
    if (this.#seen.has(number)) refuse("duplicate", "this page was added before");
    if (this.#seen.size >= PAGES_MAX) refuse("limit", `more than ${PAGES_MAX} pages`);
    const flags = effectiveFlags(page.flags, refuse);
    const chunks = chunksOf(page.measure, refuse);
    if (page.data !== undefined && page.data.length > PAGE_SIZE) refuse("page-data", "its content is above 4096 bytes");
    this.#seen.add(number);
    this.#stream.page(page.offset, flags, effectiveContent(page.data, flags), chunks);
  }

  /** The measurement. Nothing can be added afterwards. */
  finish(): Measurement {
    const { records, length } = this.#stream;
    return { mrenclave: this.#stream.digest(), records, streamLength: length };
  }
}

/**
 * MRENCLAVE of a list of pages.
 * @throws MeasureError with the reason and the offset of the first page that EADD would refuse, see {@link EnclaveMeasurer.add}
 */
export function measurePages(list: PageList, options: MeasureOptions = {}): Measurement {
  const measurer = new EnclaveMeasurer(list.size, list.ssaframesize, options);
  let done = 0;
  for (const page of list.pages) {
    measurer.add(page);
    done++;
    if (done % PROGRESS_PAGES === 0) options.progress?.(done * PAGE_SIZE, undefined);
  }
  return measurer.finish();
}

/**
 * The rules ECREATE has for SECS.SIZE and SECS.SSAFRAMESIZE.
 * @throws MeasureError `size`, `ssaframesize`
 */
export function checkSize(size: bigint, ssaframesize: number): void {
  if (size < BigInt(PAGE_SIZE) || size >= 1n << 64n || (size & (size - 1n)) !== 0n) {
    throw new MeasureError("size", "the enclave size must be a power of two of at least 4096", { offset: 12 });
  }
  if (!Number.isInteger(ssaframesize) || ssaframesize < 1 || ssaframesize > 0xffff_ffff) {
    throw new MeasureError("ssaframesize", "SSAFRAMESIZE must be from 1 to 0xffffffff pages", { offset: 8 });
  }
}

type Refuse = (reason: MeasureReason, text: string) => never;

/**
 * The flags that EADD measures. Only permissions and the page type may be given: Linux refuses PENDING, MODIFIED and PR as
 * well. A TCS page loses its permission bits.
 */
export function effectiveFlags(flags: bigint, refuse: Refuse): bigint {
  if ((flags & ~(SECINFO.permissions | SECINFO.typeMask)) !== 0n) {
    refuse("secinfo-reserved", `SECINFO.FLAGS 0x${flags.toString(16)} has a reserved bit`);
  }
  const type = flags & SECINFO.typeMask;
  if (type === SECINFO.typeTcs) return type;
  if (type !== SECINFO.typeRegular) refuse("page-type", "the type must be TCS (0x100) or REG (0x200)");
  if ((flags & SECINFO.write) !== 0n && (flags & SECINFO.read) === 0n) {
    refuse("write-without-read", "a page that can be written must be readable");
  }
  return flags;
}

function chunksOf(measure: MeasuredChunks | undefined, refuse: Refuse): readonly number[] {
  if (measure === undefined || measure === "all") return ALL_CHUNKS;
  if (measure === "none") return [];
  let seen = 0;
  for (const chunk of measure) {
    if (!Number.isInteger(chunk) || chunk < 0 || chunk >= CHUNKS_PER_PAGE) {
      return refuse("chunk", "a chunk is not one of 0 to 15");
    }
    if ((seen & (1 << chunk)) !== 0) return refuse("chunk", `chunk ${chunk} is listed twice`);
    seen |= 1 << chunk;
  }
  return [...measure];
}

/** What EADD leaves in the page: in a TCS, STATE, FLAGS.DBGOPTIN, CSSA and AEP are cleared. */
function effectiveContent(data: Uint8Array | undefined, flags: bigint): Uint8Array {
  if (data === undefined) return ZERO_PAGE;
  if (flags !== SECINFO.typeTcs && data.length === PAGE_SIZE) return data;
  const page = Buffer.alloc(PAGE_SIZE);
  page.set(data);
  if (flags === SECINFO.typeTcs) {
    page.fill(0, 0, 8);
    page[8] = page[8]! & ~1;
    page.fill(0, 24, 28);
    page.fill(0, 40, 48);
  }
  return page;
}
