/** Numbers by their names. */
import type { ValueNames } from "../sallyport/call.js";
import { encoded } from "./ascii.js";

/** Texts kept of one kind of number. Programs use few; one that tries them all gains nothing. */
const KEPT = 64;

/** A number by its names: the flags in it, or the one it is. */
export function named(value: number, shown: ValueNames): string {
  if (shown.style === "octal") return `0${value.toString(8)}`;
  if (shown.style === "hexadecimal") return `0x${value.toString(16)}`;
  const names = Object.entries(shown.names ?? {});
  if (shown.style === "enumeration") return names.find(([, each]) => each === value)?.[0] ?? String(value);
  const parts: string[] = [];
  let left = value;
  // Flags of several bits first: O_SYNC contains O_DSYNC.
  for (const [name, bits] of names.sort(([, a], [, b]) => bitCount(b) - bitCount(a))) {
    if (bits === 0 || (left & bits) !== bits) continue;
    parts.push(name);
    left &= ~bits;
  }
  if (left !== 0) parts.push(`0x${(left >>> 0).toString(16)}`);
  return parts.length === 0 ? (names.find(([, bits]) => bits === 0)?.[0] ?? "0") : parts.join("|");
}

function bitCount(value: number): number {
  let count = 0;
  for (let left = value >>> 0; left !== 0; left &= left - 1) count++;
  return count;
}

/** The texts of numbers as bytes, made when they are first asked for. */
export class Texts {
  private readonly text: (value: number) => string;
  private readonly known = new Map<number, Uint8Array>();

  constructor(text: (value: number) => string) {
    this.text = text;
  }

  of(value: number): Uint8Array {
    return this.known.get(value) ?? this.make(value);
  }

  private make(value: number): Uint8Array {
    if (this.known.size === KEPT) this.known.clear();
    const text = encoded(this.text(value));
    this.known.set(value, text);
    return text;
  }
}
