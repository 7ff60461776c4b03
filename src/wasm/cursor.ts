import { PosternError } from "../errors.js";

/** Longest name in bytes; V8 has the same limit. */
const NAME_BYTES_MAX = 100_000;

/** Keeps a byte order mark, which in a WebAssembly name is a character like any other, and refuses what is not UTF-8. */
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Makes the error for a module whose bytes make no sense.
 *
 * @param offset byte offset in the module
 * @param problem what is wrong there, without a full stop
 */
export function malformed(offset: number, problem: string): PosternError {
  return new PosternError("EMALFORMED", `the WebAssembly module is cut off or damaged at byte ${offset}: ${problem}`, {
    offset,
  });
}

/**
 * Reads forward through a range of a module. Every read is checked against the end of the range, and every count
 * against a limit, before anything is allocated for it.
 *
 * Number formats: WebAssembly core specification, section 5.2.2 (LEB128).
 */
export class Cursor {
  readonly bytes: Uint8Array;
  readonly end: number;
  position: number;

  constructor(bytes: Uint8Array, position: number, end: number) {
    this.bytes = bytes;
    this.position = position;
    this.end = end;
  }

  get atEnd(): boolean {
    return this.position >= this.end;
  }

  get remaining(): number {
    return this.end - this.position;
  }

  /** One byte. `what` names it in the error when it is missing. */
  u8(what: string): number {
    if (this.position >= this.end) throw malformed(this.position, `${what} is missing`);
    return this.bytes[this.position++]!;
  }

  /** An unsigned 32-bit number of one to five bytes. */
  u32(what: string): number {
    return this.#unsigned(what, 5, 0xffff_ffff);
  }

  /** An unsigned 64-bit number, refused where a JavaScript number would lose digits. */
  u64(what: string): number {
    return this.#unsigned(what, 10, Number.MAX_SAFE_INTEGER);
  }

  /** A signed 33-bit number, as block and heap types use it. */
  s33(what: string): number {
    const start = this.position;
    let result = 0;
    for (let index = 0; index < 5; index++) {
      const byte = this.u8(what);
      result += (byte & 0x7f) * 2 ** (7 * index);
      if (byte < 0x80) return (byte & 0x40) === 0 ? result : result - 2 ** (7 * (index + 1));
    }
    throw malformed(start, `${what} is not a number`);
  }

  /**
   * The length of a vector.
   *
   * @param limit largest length accepted
   * @param elementBytesMin fewest bytes one element takes, so that a length the rest cannot hold is refused at once
   */
  count(what: string, limit: number, elementBytesMin: number): number {
    const start = this.position;
    const count = this.u32(`the number of ${what}`);
    if (count > limit) throw malformed(start, `${count} ${what}, at most ${limit} are accepted`);
    if (count * elementBytesMin > this.remaining) throw malformed(start, `${count} ${what} do not fit in what is left`);
    return count;
  }

  /** A length and that many bytes of UTF-8. */
  name(what: string): string {
    const start = this.position;
    const length = this.u32(`the length of ${what}`);
    if (length > NAME_BYTES_MAX) throw malformed(start, `${what} has ${length} bytes, at most ${NAME_BYTES_MAX}`);
    const from = this.position;
    this.skip(length, what);
    try {
      return decoder.decode(this.bytes.subarray(from, this.position));
    } catch {
      throw malformed(from, `${what} is not UTF-8`);
    }
  }

  /** Steps over `length` bytes. */
  skip(length: number, what: string): void {
    if (length > this.remaining) throw malformed(this.position, `${what} is cut off`);
    this.position += length;
  }

  /** A section: its number, where it starts, and its contents. The cursor is behind it then. */
  section(): { readonly identifier: number; readonly start: number; readonly contents: Cursor } {
    const start = this.position;
    const identifier = this.u8("a section");
    const size = this.u32("the size of a section");
    const contents = new Cursor(this.bytes, this.position, this.position + size);
    this.skip(size, "a section");
    return { identifier, start, contents };
  }

  #unsigned(what: string, bytesMax: number, valueMax: number): number {
    const start = this.position;
    let result = 0;
    for (let index = 0; index < bytesMax; index++) {
      const byte = this.u8(what);
      result += (byte & 0x7f) * 2 ** (7 * index);
      if (byte < 0x80) {
        if (result > valueMax) throw malformed(start, `${what} is too large`);
        return result;
      }
    }
    throw malformed(start, `${what} is not a number`);
  }
}
