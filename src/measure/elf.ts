/**
 * An enclave built from a static position-independent ELF program: where its segments, the heap, and for each thread the stack,
 * the TCS and the SSA frames go. The layout is Postern's own and is described in docs/measure.md.
 */
import { MeasureError } from "./error.js";
import { buildTcs } from "./page-list.js";
import type { Page, PageList } from "./pages.js";
import { PAGE_SIZE, SECINFO } from "./stream.js";

/** Something with a size that can be read at any place. */
export interface ByteSource {
  /** Bytes in all. */
  readonly size: number;
  /** Exactly `length` bytes from `offset`; the caller stays below `size`. */
  read(offset: number, length: number): Uint8Array;
}

/** What the layout adds to the program. All in pages of 4096 bytes, except `threads` and `nssa`. */
export interface ElfLayoutOptions {
  /** Threads, each with a stack, a TCS and SSA frames; 1 to 256. Default 1. */
  readonly threads?: number;
  /** SSA frames of a thread; 1 to 16. Default 3. */
  readonly nssa?: number;
  /** Pages of an SSA frame; 1 to 16. Default 1. */
  readonly ssaframesize?: number;
  /** Pages of the heap; up to 1,048,576. Default 256. */
  readonly heap?: number;
  /** Pages of a stack; 1 to 65,536. Default 16. */
  readonly stack?: number;
  /** Bytes of the enclave, a power of two; default: the smallest that fits. */
  readonly size?: bigint;
}

/** A laid out enclave, ready to be measured, and where its parts are (offsets from the enclave base). */
export interface ElfLayout extends PageList {
  /** Offset of the entry point. */
  readonly entry: bigint;
  /** First offset behind the program's segments, rounded up to a page. */
  readonly imageEnd: bigint;
  readonly heap: bigint;
  /** The TCS page of each thread. */
  readonly tcs: readonly bigint[];
  /** Pages that will be added. */
  readonly pageCount: number;
}

/** Most bytes of the image of a program. */
export const ELF_IMAGE_MAX = 4 * 2 ** 30;
const SEGMENTS_MAX = 64;
const HEADER_SIZE = 64;
const PROGRAM_HEADER_SIZE = 56;
const PT_LOAD = 1;
const PT_INTERP = 3;
const ET_DYN = 3;
const EM_X86_64 = 62;
const PAGE = BigInt(PAGE_SIZE);

/** A segment that is loaded. Addresses and sizes in bytes. */
interface Segment {
  readonly fileOffset: number;
  readonly fileSize: number;
  readonly start: number;
  readonly memorySize: number;
  readonly flags: bigint;
}

/**
 * Lays out the enclave of a program.
 * @param source the ELF file: 64 bit, little endian, x86-64, static position-independent
 * @throws MeasureError `truncated`, `elf`, `overlap`, `write-without-read`, `limit`, `field`, `size`; `offset` is the file offset of the
 * field or the segment that is wrong
 */
export function layOutElf(source: ByteSource, options: ElfLayoutOptions = {}): ElfLayout {
  const threads = counted(options.threads, 1, 1, 256, "threads");
  const nssa = counted(options.nssa, 3, 1, 16, "nssa");
  const ssaframesize = counted(options.ssaframesize, 1, 1, 16, "ssaframesize");
  const heapPages = counted(options.heap, 256, 0, 1 << 20, "heap");
  const stackPages = counted(options.stack, 16, 1, 1 << 16, "stack");
  const { segments, entry } = readSegments(source);
  const imageEnd = pageUp(segments.reduce((end, segment) => Math.max(end, segment.start + segment.memorySize), 0));
  const heap = imageEnd + PAGE_SIZE;
  let end = heap + heapPages * PAGE_SIZE;
  const places = Array.from({ length: threads }, () => {
    const stack = end + PAGE_SIZE;
    const tcs = stack + stackPages * PAGE_SIZE;
    end = tcs + (1 + nssa * ssaframesize) * PAGE_SIZE;
    return { stack, tcs, ssa: tcs + PAGE_SIZE };
  });
  const size = options.size ?? powerOfTwoFrom(BigInt(end));
  if (size < BigInt(end)) {
    throw new MeasureError("size", `the layout needs 0x${end.toString(16)} bytes, more than the size given`);
  }
  const imagePages = segments.reduce((sum, segment) => sum + pagesOf(segment), 0);
  const pageCount = imagePages + heapPages + threads * (stackPages + 1 + nssa * ssaframesize);
  const readWrite = SECINFO.typeRegular | SECINFO.read | SECINFO.write;
  function* pages(): Generator<Page> {
    for (const segment of segments) yield* segmentPages(source, segment);
    yield* zeroPages(heap, heapPages, readWrite);
    for (const { stack, tcs, ssa } of places) {
      yield* zeroPages(stack, stackPages, readWrite);
      yield { offset: BigInt(tcs), flags: SECINFO.typeTcs, data: buildTcs({ ossa: ssa, nssa, oentry: entry }) };
      yield* zeroPages(ssa, nssa * ssaframesize, readWrite);
    }
  }
  return {
    size,
    ssaframesize,
    pages: pages(),
    entry: BigInt(entry),
    imageEnd: BigInt(imageEnd),
    heap: BigInt(heap),
    tcs: places.map((place) => BigInt(place.tcs)),
    pageCount,
  };
}

/** A {@link ByteSource} over bytes in memory. */
export function sourceOfBytes(bytes: Uint8Array): ByteSource {
  return { size: bytes.length, read: (offset, length) => Buffer.from(bytes.subarray(offset, offset + length)) };
}

function readSegments(source: ByteSource): { segments: Segment[]; entry: number } {
  const header = readPart(source, 0, HEADER_SIZE, "the ELF header");
  const expect = (holds: boolean, at: number, text: string) => {
    if (!holds) throw new MeasureError("elf", `byte ${at}: ${text}`, { offset: at });
  };
  expect(header.toString("latin1", 0, 4) === "\x7fELF", 0, "not an ELF file");
  expect(header[4] === 2 && header[5] === 1, 4, "not a 64-bit little-endian ELF file");
  expect(header.readUInt16LE(16) === ET_DYN, 16, "not position-independent; link it with -static-pie");
  expect(header.readUInt16LE(18) === EM_X86_64, 18, "not for x86-64");
  expect(header.readUInt16LE(54) === PROGRAM_HEADER_SIZE, 54, "program headers must have 56 bytes");
  const count = header.readUInt16LE(56);
  expect(
    count > 0 && count <= SEGMENTS_MAX,
    56,
    `from 1 to ${SEGMENTS_MAX} program headers are possible, not ${count}`,
  );
  const tableOffset = header.readBigUInt64LE(32);
  expect(tableOffset <= BigInt(source.size), 32, "the program headers are behind the end of the file");
  const table = readPart(source, Number(tableOffset), count * PROGRAM_HEADER_SIZE, "the program headers");
  const segments: Segment[] = [];
  for (let index = 0; index < count; index++) {
    const at = index * PROGRAM_HEADER_SIZE;
    const type = table.readUInt32LE(at);
    expect(type !== PT_INTERP, Number(tableOffset) + at, "needs a dynamic linker; link it with -static-pie");
    if (type === PT_LOAD && table.readBigUInt64LE(at + 40) > 0n) {
      segments.push(readSegment(source, table.subarray(at, at + PROGRAM_HEADER_SIZE), Number(tableOffset) + at));
      checkOrder(segments, Number(tableOffset) + at);
    }
  }
  expect(segments.length > 0, Number(tableOffset), "nothing to load");
  const entry = header.readBigUInt64LE(24);
  const inside = segments.some(
    ({ start, memorySize, flags }) =>
      (flags & SECINFO.execute) !== 0n && entry >= BigInt(start) && entry < BigInt(start + memorySize),
  );
  expect(inside, 24, "the entry point is not in an executable segment");
  return { segments, entry: Number(entry) };
}

function readSegment(source: ByteSource, header: Buffer, at: number): Segment {
  const bits = header.readUInt32LE(4);
  const [fileOffset, start, fileSize, memorySize] = [8, 16, 32, 40].map((field) => header.readBigUInt64LE(field)) as [
    bigint,
    bigint,
    bigint,
    bigint,
  ];
  const limit = BigInt(ELF_IMAGE_MAX);
  if (start > limit || memorySize > limit || start + memorySize > limit) {
    throw new MeasureError("limit", `byte ${at}: a segment lies above ${ELF_IMAGE_MAX} bytes`, { offset: at });
  }
  if (fileSize > memorySize) {
    throw new MeasureError("elf", `byte ${at + 32}: a segment is larger in the file than in memory`, {
      offset: at + 32,
    });
  }
  if (fileOffset > BigInt(source.size) || fileOffset + fileSize > BigInt(source.size)) {
    const text = `byte ${at + 8}: a segment ends behind the end of the file (${source.size} bytes)`;
    throw new MeasureError("truncated", text, { offset: at + 8 });
  }
  const [execute, write, read] = [bits & 1, bits & 2, bits & 4];
  if (write !== 0 && read === 0) {
    const text = `byte ${at + 4}: a segment can be written but not read`;
    throw new MeasureError("write-without-read", text, { offset: at + 4 });
  }
  const flags =
    SECINFO.typeRegular |
    (read !== 0 ? SECINFO.read : 0n) |
    (write !== 0 ? SECINFO.write : 0n) |
    (execute !== 0 ? SECINFO.execute : 0n);
  return {
    fileOffset: Number(fileOffset),
    fileSize: Number(fileSize),
    start: Number(start),
    memorySize: Number(memorySize),
    flags,
  };
}

/** Segments must ascend, as the ELF specification says, and no page may belong to two: it could only have one set of permissions. */
function checkOrder(segments: readonly Segment[], at: number): void {
  const [before, last] = [segments.at(-2), segments.at(-1)!];
  if (before !== undefined && pageDown(last.start) < pageUp(before.start + before.memorySize)) {
    const text = `byte ${at}: a segment shares a page with the one before it, or the two are out of order`;
    throw new MeasureError("overlap", text, { offset: at });
  }
}

function* segmentPages(source: ByteSource, segment: Segment): Generator<Page> {
  const fileEnd = segment.start + segment.fileSize;
  for (let page = pageDown(segment.start); page < segment.start + segment.memorySize; page += PAGE_SIZE) {
    const from = Math.max(page, segment.start);
    const to = Math.min(page + PAGE_SIZE, fileEnd);
    if (from >= to) {
      yield { offset: BigInt(page), flags: segment.flags };
      continue;
    }
    const data = Buffer.alloc(PAGE_SIZE);
    data.set(readPart(source, segment.fileOffset + from - segment.start, to - from, "a segment"), from - page);
    yield { offset: BigInt(page), flags: segment.flags, data };
  }
}

function* zeroPages(start: number, count: number, flags: bigint): Generator<Page> {
  for (let index = 0; index < count; index++) yield { offset: BigInt(start + index * PAGE_SIZE), flags };
}

function readPart(source: ByteSource, offset: number, length: number, name: string): Buffer {
  const missing = offset + length > source.size;
  const bytes = missing ? undefined : source.read(offset, length);
  if (bytes === undefined || bytes.length !== length) {
    const end = Math.min(source.size, offset + (bytes?.length ?? length));
    throw new MeasureError("truncated", `the file ends at byte ${end}, inside of ${name}`, { offset: end });
  }
  return Buffer.from(bytes);
}

function pagesOf(segment: Segment): number {
  return (pageUp(segment.start + segment.memorySize) - pageDown(segment.start)) / PAGE_SIZE;
}

function pageDown(address: number): number {
  return address - (address % PAGE_SIZE);
}

function pageUp(address: number): number {
  return pageDown(address + PAGE_SIZE - 1);
}

function powerOfTwoFrom(end: bigint): bigint {
  let size = PAGE;
  while (size < end) size *= 2n;
  return size;
}

function counted(value: number | undefined, preset: number, lowest: number, highest: number, name: string): number {
  const count = value ?? preset;
  if (!Number.isInteger(count) || count < lowest || count > highest) {
    throw new MeasureError("field", `${name} must be a whole number from ${lowest} to ${highest}`);
  }
  return count;
}
