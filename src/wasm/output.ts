const FIRST_BYTES = 64;
const NUMBER_BYTES_MAX = 5;

/** @returns the offset behind it */
function writeNumber(bytes: Uint8Array, at: number, value: number, least: number): number {
  let rest = value;
  let end = at;
  while (rest >= 0x80 || end - at < least - 1) {
    bytes[end++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[end++] = rest;
  return end;
}

/** Bytes in a row, which grow, and where those that were copied came from. */
export class Output {
  #bytes: Uint8Array;
  /** Pairs: an offset here, and the one that it was copied from. */
  readonly #places: number[] = [];
  length = 0;

  /** @param expected how many bytes to make room for at first */
  constructor(expected = FIRST_BYTES) {
    this.#bytes = new Uint8Array(Math.max(expected, FIRST_BYTES));
  }

  add(part: ArrayLike<number>): void {
    this.#makeRoom(this.length + part.length);
    this.#bytes.set(part, this.length);
    this.length += part.length;
  }

  /** Adds an unsigned number (LEB128). @param value below 2^32 @param least bytes to take at least */
  addNumber(value: number, least = 1): void {
    this.#makeRoom(this.length + NUMBER_BYTES_MAX);
    this.length = writeNumber(this.#bytes, this.length, value, least);
  }

  /** Leaves room for a number that is known later. @returns where it is, for {@link setNumber} */
  leaveNumber(): number {
    this.addNumber(0, NUMBER_BYTES_MAX);
    return this.length - NUMBER_BYTES_MAX;
  }

  setNumber(at: number, value: number): void {
    writeNumber(this.#bytes, at, value, NUMBER_BYTES_MAX);
  }

  /** Adds a part of a file, and notes where. */
  copy(file: Uint8Array, start: number, end: number): void {
    if (start === end) return;
    this.#places.push(this.length, start);
    this.add(file.subarray(start, end));
  }

  /** Adds all of another one, with what that has noted. */
  append(other: Output): void {
    const places = other.#places;
    for (let index = 0; index < places.length; index += 2) {
      this.#places.push(this.length + places[index]!, places[index + 1]!);
    }
    this.add(other.bytes);
  }

  /** Forgets everything. */
  clear(): void {
    this.length = 0;
    this.#places.length = 0;
  }

  /** What was noted: see `Changes`. In shared memory, so that threads need no copy. */
  places(): Uint32Array {
    const places = new Uint32Array(new SharedArrayBuffer(this.#places.length * Uint32Array.BYTES_PER_ELEMENT));
    places.set(this.#places);
    return places;
  }

  /** What was added, valid until something else is. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  #makeRoom(length: number): void {
    if (length <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(length, 2 * this.#bytes.length));
    larger.set(this.bytes);
    this.#bytes = larger;
  }
}
