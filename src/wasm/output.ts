const FIRST_BYTES = 64;
const NUMBER_BYTES = 5;

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

  /** Leaves room for an unsigned number (LEB128) that is known later. @returns where it is, for {@link setNumber} */
  leaveNumber(): number {
    this.add(new Uint8Array(NUMBER_BYTES));
    return this.length - NUMBER_BYTES;
  }

  /** @param value below 2^32; it takes all of the room that was left */
  setNumber(at: number, value: number): void {
    for (let index = 0; index < NUMBER_BYTES; index++) {
      const more = index < NUMBER_BYTES - 1 ? 0x80 : 0;
      this.#bytes[at + index] = ((value >>> (7 * index)) & 0x7f) | more;
    }
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
