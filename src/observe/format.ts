/** The two formats of a line: the texts around its values. */
import { errnoName } from "../sallyport/linux.js";
import { Escapes, encoded } from "./ascii.js";
import { Texts } from "./names.js";

/** What stands around a value. */
export class Enclosure {
  readonly start: Uint8Array;
  readonly end: Uint8Array;
  /** Instead of the end, where only the first part of the value is shown. */
  readonly cut: Uint8Array;

  constructor(start: string, end: string, cut = end) {
    this.start = encoded(start);
    this.end = encoded(end);
    this.cut = encoded(cut);
  }
}

/** A format of lines. */
export interface LineFormat {
  readonly json: boolean;
  /** In front of the arguments. */
  start(call: string): string;
  /** In front of each argument. */
  key(name: string): string;
  /** Between two of them. */
  readonly next: string;
  /** Between the arguments and the answer. */
  readonly end: string;
  /** A word in the place of a value. */
  word(text: string): string;
  /** Bytes or a path that was left out. */
  readonly nothing: string;
  /** In front of the length of bytes that are not known, in JSON, and instead of it in a text. */
  readonly unknown: string;
  readonly data: Enclosure;
  /** Around the length of bytes. */
  readonly length: Enclosure;
  /** How each byte is written. */
  readonly escapes: Escapes;
  readonly record: Enclosure;
  readonly result: Enclosure;
  /** Answers by errno. */
  readonly failures: Texts;
}

const ESCAPES: Readonly<Record<number, string>> = { 9: "\\t", 10: "\\n", 13: "\\r", 34: '\\"', 92: "\\\\" };

/** A byte in printable ASCII. */
function escapedByte(byte: number): string {
  const printable = byte >= 32 && byte < 127;
  return ESCAPES[byte] ?? (printable ? String.fromCharCode(byte) : `\\${byte.toString(8)}`);
}

/** How a text shows each byte of data: eight bytes for each, and how many of them count. */
export function textEscapes(): Pick<Escapes, "units" | "lengths"> {
  return TEXT_LINES.escapes;
}

/** As strace shows calls: `read(3, "hello", 4096) = 5`. */
export const TEXT_LINES: LineFormat = {
  json: false,
  start: (call) => `${call}(`,
  key: () => "",
  next: ", ",
  end: ") = ",
  word: (text) => text,
  nothing: "NULL",
  unknown: "?",
  data: new Enclosure('"', '"', '"...'),
  length: new Enclosure(", ", ""),
  escapes: new Escapes(escapedByte),
  record: new Enclosure("{", "}", "...}"),
  result: new Enclosure("", "\n"),
  failures: new Texts((errno) => `-1 ${errnoName(errno)}\n`),
};

/** Objects: `{"call":"read","args":{"fd":3,"buf":{"data":"hello","length":4096}},"result":5}`. */
export const JSON_LINES: LineFormat = {
  json: true,
  start: (call) => `{"call":"${call}","args":{`,
  key: (name) => `"${name}":`,
  next: ",",
  end: "},",
  word: (text) => `"${text}"`,
  nothing: "null",
  unknown: '{"length":',
  data: new Enclosure('{"data":"', '"'),
  length: new Enclosure(',"length":', "}"),
  escapes: new Escapes((byte) => JSON.stringify(String.fromCharCode(byte)).slice(1, -1)),
  record: new Enclosure('"{', '}"', '...}"'),
  result: new Enclosure('"result":', "}\n"),
  failures: new Texts((errno) => `"errno":"${errnoName(errno)}"}\n`),
};
