/** Reads the headers and notes of a 64-bit little-endian ELF file. Every offset is checked before it is followed. */
import { PosternError } from "../errors.js";

/** A segment: one program header. */
export interface ProgramHeader {
  readonly type: number;
  readonly flags: number;
  /** Where the bytes are in the file. */
  readonly offset: number;
  readonly fileSize: number;
  /** Where they go. */
  readonly address: bigint;
  /** Bytes in memory; those beyond the file's are zero. */
  readonly size: bigint;
  readonly align: bigint;
}

/** A note: a typed piece of data with the name of who defined the type. */
export interface Note {
  /** Without a closing zero byte. */
  readonly name: string;
  readonly type: number;
  readonly data: Uint8Array;
  /** Where the note begins in the file. */
  readonly offset: number;
}

export const EM_X86_64 = 62;
const PT_LOAD = 1;
const PT_NOTE = 4;
const SHT_NOTE = 7;

const HEADER_SIZE = 64;
const PROGRAM_HEADER_SIZE = 56;
const SECTION_HEADER_SIZE = 64;
/** Counts that do not fit in the header stand in the first section header. */
const PN_XNUM = 0xffff;
const NOTE_HEADER_SIZE = 12;
const NOTES_MAX = 4096;
const IDENTITY = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1] as const;

function malformed(offset: number, message: string): PosternError {
  return new PosternError("EMALFORMED", message, { offset });
}

/** An ELF file in memory. The constructor reads the headers; what is wrong with them is EMALFORMED with its offset. */
export class ElfFile {
  /** Architecture: {@link EM_X86_64} or another. */
  readonly machine: number;
  readonly programHeaders: readonly ProgramHeader[];
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #noteSections: readonly { readonly offset: number; readonly size: number }[];

  /** @throws PosternError EMALFORMED */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#checkIdentity();
    this.machine = this.#view.getUint16(18, true);
    const sections = this.#sections();
    this.programHeaders = this.#programHeaders(sections.extendedPrograms);
    this.#noteSections = sections.notes;
  }

  /** Notes of the PT_NOTE segments, each once, in file order. @throws PosternError EMALFORMED */
  segmentNotes(): Note[] {
    return this.#notes(this.programHeaders.filter(({ type }) => type === PT_NOTE).map(range));
  }

  /** Notes of the SHT_NOTE sections. @throws PosternError EMALFORMED */
  sectionNotes(): Note[] {
    return this.#notes(this.#noteSections);
  }

  #checkIdentity(): void {
    IDENTITY.forEach((value, offset) => {
      if (this.#bytes[offset] !== value) throw malformed(offset, "This is no 64-bit little-endian ELF file.");
    });
    if (this.#bytes.length < HEADER_SIZE) {
      throw malformed(this.#bytes.length, `The file ends inside the ELF header, which has ${HEADER_SIZE} bytes.`);
    }
  }

  /** A 64-bit file offset or size as a number; anything beyond the file is refused by who uses it. */
  #word(offset: number): number {
    return Number(this.#view.getBigUint64(offset, true));
  }

  /** Checks that a table of `count` entries lies in the file. `field` is where its offset was read. */
  #checkTable(field: number, offset: number, count: number, size: number, what: string): void {
    if (count === 0 || (offset >= HEADER_SIZE && offset + count * size <= this.#bytes.length)) return;
    throw malformed(field, `The table of ${what} (${count} at ${offset}) is not inside the file.`);
  }

  #checkEntrySize(field: number, wanted: number, what: string): void {
    const size = this.#view.getUint16(field, true);
    if (size !== wanted) throw malformed(field, `A ${what} has ${wanted} bytes; this file says ${size}.`);
  }

  #programHeaders(extended: number | null): ProgramHeader[] {
    const table = this.#word(32);
    const short = this.#view.getUint16(56, true);
    const count = short === PN_XNUM && extended !== null ? extended : short;
    if (count > 0) this.#checkEntrySize(54, PROGRAM_HEADER_SIZE, "program header");
    this.#checkTable(32, table, count, PROGRAM_HEADER_SIZE, "program headers");
    return Array.from({ length: count }, (_, index) => this.#programHeader(table + index * PROGRAM_HEADER_SIZE));
  }

  #programHeader(at: number): ProgramHeader {
    const header = {
      type: this.#view.getUint32(at, true),
      flags: this.#view.getUint32(at + 4, true),
      offset: this.#word(at + 8),
      address: this.#view.getBigUint64(at + 16, true),
      fileSize: this.#word(at + 32),
      size: this.#view.getBigUint64(at + 40, true),
      align: this.#view.getBigUint64(at + 48, true),
    };
    this.#checkRange(at + 8, header.offset, header.fileSize, "segment");
    if (header.type === PT_LOAD && this.#view.getBigUint64(at + 32, true) > header.size) {
      throw malformed(at + 32, "A segment has more bytes in the file than in memory.");
    }
    if (header.address + header.size > 2n ** 64n) throw malformed(at + 16, "A segment wraps around the address space.");
    return header;
  }

  /** An empty range may be anywhere. */
  #checkRange(field: number, offset: number, size: number, what: string): void {
    if (size === 0 || offset + size <= this.#bytes.length) return;
    throw malformed(field, `A ${what} (${size} bytes at ${offset}) is not inside the file.`);
  }

  #sections(): { extendedPrograms: number | null; notes: { offset: number; size: number }[] } {
    const table = this.#word(40);
    if (table === 0) return { extendedPrograms: null, notes: [] };
    const short = this.#view.getUint16(60, true);
    this.#checkEntrySize(58, SECTION_HEADER_SIZE, "section header");
    this.#checkTable(40, table, Math.max(short, 1), SECTION_HEADER_SIZE, "section headers");
    const count = short === 0 ? this.#word(table + 32) : short;
    this.#checkTable(40, table, count, SECTION_HEADER_SIZE, "section headers");
    const notes: { offset: number; size: number }[] = [];
    for (let at = table; at < table + count * SECTION_HEADER_SIZE; at += SECTION_HEADER_SIZE) {
      if (this.#view.getUint32(at + 4, true) !== SHT_NOTE) continue;
      const [offset, size] = [this.#word(at + 24), this.#word(at + 32)];
      this.#checkRange(at + 24, offset, size, "section");
      notes.push({ offset, size });
    }
    return { extendedPrograms: this.#view.getUint32(table + 44, true), notes };
  }

  #notes(ranges: readonly { readonly offset: number; readonly size: number }[]): Note[] {
    const found = new Map<number, Note>();
    let read = 0;
    for (const { offset, size } of ranges) {
      const notes = this.#notesIn(offset, offset + size);
      read += notes.length; // of overlapping ranges too, so that many of them cannot cost more than one
      if (read > NOTES_MAX) throw malformed(offset, `The file has more than ${NOTES_MAX} notes.`);
      for (const note of notes) found.set(note.offset, note);
    }
    return [...found.values()].sort((left, right) => left.offset - right.offset);
  }

  /**
   * Notes are aligned to 4. Some linkers write those of 8-aligned sections with 8; both parse to the same end or not at
   * all, so the second is tried where the first fails.
   */
  #notesIn(start: number, end: number): Note[] {
    try {
      return this.#notesAligned(start, end, 4);
    } catch (error) {
      try {
        return this.#notesAligned(start, end, 8);
      } catch {
        throw error;
      }
    }
  }

  #notesAligned(start: number, end: number, align: number): Note[] {
    const notes: Note[] = [];
    let at = start;
    while (at < end && !this.#isPadding(at, end)) {
      if (end - at < NOTE_HEADER_SIZE) throw malformed(at, "The file's notes end inside the header of a note.");
      const [nameSize, size] = [this.#view.getUint32(at, true), this.#view.getUint32(at + 4, true)];
      const name = at + NOTE_HEADER_SIZE;
      const data = start + roundUp(name + nameSize - start, align);
      if (name + nameSize > end || (size > 0 && data + size > end)) {
        throw malformed(at, `A note (name of ${nameSize} bytes, data of ${size}) is longer than what is left for it.`);
      }
      if (notes.length === NOTES_MAX) throw malformed(at, `The file has more than ${NOTES_MAX} notes.`);
      notes.push({
        name: nameOf(this.#bytes.subarray(name, name + nameSize)),
        type: this.#view.getUint32(at + 8, true),
        data: this.#bytes.slice(data, data + size),
        offset: at,
      });
      at = start + roundUp(Math.min(data, end) + size - start, align);
    }
    return notes;
  }

  /** Fewer bytes than a note has, all zero, at the end. */
  #isPadding(at: number, end: number): boolean {
    return end - at < NOTE_HEADER_SIZE && this.#bytes.subarray(at, end).every((byte) => byte === 0);
  }
}

function range(header: ProgramHeader): { offset: number; size: number } {
  return { offset: header.offset, size: header.fileSize };
}

function roundUp(value: number, align: number): number {
  return Math.ceil(value / align) * align;
}

function nameOf(bytes: Uint8Array): string {
  const end = bytes.at(-1) === 0 ? bytes.length - 1 : bytes.length;
  return String.fromCharCode(...bytes.subarray(0, Math.min(end, 64)));
}
