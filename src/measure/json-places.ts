/** Where the elements of a list stand in JSON text, so that an error can tell the byte. */

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const LIST = 0x5b;
const OPENING = new Set([LIST, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);
const SPACE = new Set([0x20, 0x09, 0x0a, 0x0d]);

/**
 * The byte offset of each element of the list `key` of the outermost object.
 * @param bytes JSON text that is known to be correct, in UTF-8
 * @returns nothing where the key is not there or is written with escapes
 */
export function elementPlaces(bytes: Uint8Array, key: string): number[] {
  const name = Buffer.from(key);
  let places: number[] = [];
  let depth = 0;
  let inList = false;
  let expectsElement = false;
  let lastString = Buffer.alloc(0);
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (SPACE.has(byte)) continue;
    if (expectsElement && depth === 2 && byte !== COMMA && !CLOSING.has(byte)) {
      places.push(at);
      expectsElement = false;
    }
    if (byte === QUOTE) {
      const end = endOfString(bytes, at);
      if (depth === 1) lastString = Buffer.from(bytes.subarray(at + 1, end));
      at = end;
    } else if (OPENING.has(byte)) {
      depth++;
      if (depth === 2 && inList) {
        places = [];
        inList = byte === LIST;
        expectsElement = inList;
      }
    } else if (CLOSING.has(byte)) {
      depth--;
      if (depth === 1) [inList, expectsElement] = [false, false];
    } else if (byte === COLON && depth === 1) {
      inList = lastString.equals(name);
    } else if (byte === COMMA && depth === 2) {
      expectsElement = inList;
    }
  }
  return places;
}

function endOfString(bytes: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at;
}
