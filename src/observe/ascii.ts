/**
 * Text written byte by byte into memory that is there: no string is made, and nothing is allocated.
 *
 * The functions of a writer are made once, over constant views (docs/performance.md).
 */

const encoder = new TextEncoder();

/** Where a number is parted, so that either part has 32 bits, and digits of the lower part. */
const BILLION = 1e9;
const BILLION_DIGITS = 9;
/** Bytes of an escape that are stored at once. */
const UNIT_BYTES = 8;

/** A text as bytes, to be made once. */
export function encoded(text: string): Uint8Array {
  return encoder.encode(text);
}

/** How each byte is written: in up to six bytes, stored as a number that is never computed with. */
export class Escapes {
  readonly units = new Float64Array(256);
  readonly lengths = new Uint8Array(256);

  constructor(text: (byte: number) => string) {
    const bytes = new Uint8Array(this.units.buffer);
    for (let byte = 0; byte < 256; byte++) {
      this.lengths[byte] = encoder.encodeInto(text(byte), bytes.subarray(UNIT_BYTES * byte)).written;
    }
  }
}

/**
 * Writes at a place. What lies beyond the end of the memory is counted and not kept, as snprintf does it: an element that
 * a typed array does not have takes no value.
 */
export interface ByteWriter {
  /** Where the next byte goes. */
  place(): number;
  move(to: number): void;
  /** Writes bytes as they are. */
  put(text: Uint8Array): void;
  /** Writes bytes with escapes. Near the end of the memory it may count more than there is to write. */
  escaped(from: Uint8Array, start: number, count: number): void;
  /** Writes two digits for each byte. */
  hexadecimal(from: Uint8Array, start: number, count: number): void;
  /** Writes a number. */
  decimal(value: number | bigint): void;
}

/** Makes a writer. */
export function createByteWriter(bytes: Uint8Array, escapes: Escapes): ByteWriter {
  const { units, lengths } = escapes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const size = bytes.length;
  let at = 0;

  function put(text: Uint8Array): void {
    const { length } = text;
    for (let i = 0; i < length; i++) bytes[at + i] = text[i]!;
    at += length;
  }

  function escaped(from: Uint8Array, start: number, count: number): void {
    const end = start + count;
    const room = at + UNIT_BYTES * count;
    if (room > size) {
      at = room;
      return;
    }
    let place = at;
    for (let i = start; i < end; i++) {
      const byte = from[i]!;
      view.setFloat64(place, units[byte]!, true);
      place += lengths[byte]!;
    }
    at = place;
  }

  function hexadecimal(from: Uint8Array, start: number, count: number): void {
    for (let i = 0; i < 2 * count; i++) {
      const byte = from[start + (i >> 1)]!;
      const digit = (i & 1) === 0 ? byte >> 4 : byte & 15;
      bytes[at + i] = digit < 10 ? 48 + digit : 87 + digit;
    }
    at += 2 * count;
  }

  /** Writes the last digits of a number of 32 bits. */
  function digits(value: number, count: number): void {
    let left = value;
    for (let i = at + count - 1; i >= at; i--) {
      const rest = (left / 10) | 0;
      bytes[i] = 48 + left - 10 * rest;
      left = rest;
    }
    at += count;
  }

  function decimal(value: number | bigint): void {
    if (typeof value === "bigint" || !Number.isSafeInteger(value)) {
      put(encoded(String(value)));
    } else if (value < 0) {
      bytes[at++] = 45;
      decimal(-value);
    } else if ((value | 0) === value) {
      let count = 1;
      for (let left = value; left > 9; left = (left / 10) | 0) count++;
      digits(value, count);
    } else {
      const high = Math.floor(value / BILLION);
      decimal(high);
      digits(value - high * BILLION, BILLION_DIGITS);
    }
  }

  return {
    place: () => at,
    move: (to) => {
      at = to;
    },
    put,
    escaped,
    hexadecimal,
    decimal,
  };
}
