/** Builds small ELF files. */

export interface NoteInput {
  readonly name?: string;
  readonly type: number;
  readonly data: Uint8Array | string;
}

export interface SegmentInput {
  readonly type: number;
  readonly flags?: number;
  readonly address?: bigint;
  readonly size?: bigint;
  readonly bytes?: Uint8Array;
}

export interface ElfInput {
  readonly notes?: readonly NoteInput[];
  /** Where the notes are: a segment, a section, both, or a segment with notes of 8-byte alignment. */
  readonly place?: "segment" | "section" | "both";
  readonly align?: 4 | 8;
  readonly segments?: readonly SegmentInput[];
  readonly machine?: number;
}

/** Name of the notes as C and Rust shims write it: with a closing zero byte. */
export const NAME = "sallyport\0";

function padded(bytes: Uint8Array, align: number): Uint8Array {
  const result = new Uint8Array(Math.ceil(bytes.length / align) * align);
  result.set(bytes);
  return result;
}

export function concat(...parts: Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

export function little(size: number, value: number | bigint): Uint8Array {
  return Uint8Array.from({ length: size }, (_, index) => Number((BigInt(value) >> BigInt(8 * index)) & 0xffn));
}

/** Bytes of notes, one after another. */
export function noteBytes(notes: readonly NoteInput[], align = 4): Uint8Array {
  const encoder = new TextEncoder();
  const parts = notes.map(({ name = NAME, type, data }) => {
    const [title, value] = [encoder.encode(name), typeof data === "string" ? encoder.encode(data) : data];
    const sizes = concat(little(4, title.length), little(4, value.length), little(4, type));
    return padded(concat(padded(concat(sizes, title), align), value), align);
  });
  return concat(...parts);
}

export function programHeader(
  type: number,
  flags: number,
  offset: number | bigint,
  address: bigint,
  fileSize: number | bigint,
  size: bigint,
  align = 4,
): Uint8Array {
  return concat(
    little(4, type),
    little(4, flags),
    ...[offset, address, address, fileSize, size, align].map((value) => little(8, value)),
  );
}

/** Header, program headers, section headers, notes, then the bytes of the segments: every byte means something. */
export function buildElf({
  notes = [],
  place = "segment",
  align = 4,
  segments = [],
  machine = 62,
}: ElfInput): Uint8Array {
  const [inSegment, inSection] = [place !== "section", place !== "segment"];
  const programs = segments.length + (inSegment ? 1 : 0);
  const sections = inSection ? 2 : 0;
  const table = 64 + 56 * programs;
  const content = noteBytes(notes, align);
  let offset = table + 64 * sections;
  const noteOffset = offset;
  offset += content.length;
  const headers: Uint8Array[] = [];
  if (inSegment) headers.push(programHeader(4, 4, noteOffset, 0n, content.length, BigInt(content.length), align));
  for (const { type, flags = 4, address = 0n, size, bytes = new Uint8Array() } of segments) {
    headers.push(programHeader(type, flags, offset, address, bytes.length, size ?? BigInt(bytes.length)));
    offset += bytes.length;
  }
  const section = concat(
    little(4, 0),
    little(4, 7),
    little(8, 0),
    ...[0, noteOffset, content.length].map((value) => little(8, value)),
    new Uint8Array(24),
  );
  const header = concat(
    Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    ...[3, machine].map((value) => little(2, value)),
    little(4, 1),
    ...[0, programs > 0 ? 64 : 0, sections > 0 ? table : 0].map((value) => little(8, value)),
    little(4, 0),
    ...[64, 56, programs, 64, sections, 0].map((value) => little(2, value)),
  );
  const sectionTable = sections > 0 ? concat(new Uint8Array(64), section) : new Uint8Array();
  const bodies = segments.map(({ bytes = new Uint8Array() }) => bytes);
  return concat(header, ...headers, sectionTable, content, ...bodies);
}
