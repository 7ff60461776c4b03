/** Reads the canonical encoding of a keep back, accepts no other form of it, and names the first difference between two keeps. */
import { MeasureError, type MeasureReason } from "./error.js";
import {
  ACCESS_CODES,
  encodeKeep,
  type GrantedDirectory,
  type GrantedSocket,
  KEEP_ENCODING_MAX,
  KEEP_ENTRIES_MAX,
  KEEP_MAGIC,
  type KEEP_SECTIONS,
  KEEP_TEXT_MAX,
  type KeepDescription,
  SOCKET_CODES,
  type Text,
} from "./keep.js";

/**
 * A keep from its canonical encoding. Texts that are not UTF-8 come back as bytes.
 * @throws MeasureError `truncated`, `not-canonical`, `limit`, each with the byte offset
 */
export function decodeKeep(bytes: Uint8Array): KeepDescription {
  if (bytes.length > KEEP_ENCODING_MAX) {
    const text = `an encoding has at most ${KEEP_ENCODING_MAX} bytes`;
    throw new MeasureError("limit", text, { offset: KEEP_ENCODING_MAX });
  }
  const b = Buffer.from(bytes);
  const reader = new Reader(b);
  if (reader.take(16).toString("latin1") !== KEEP_MAGIC)
    reader.refuse("not-canonical", 0, "not the encoding of a keep");
  const [program] = reader.section("prog", () => ({
    size: Number(reader.u64()),
    sha256: reader.take(32).toString("hex"),
  }));
  if (program === undefined) return reader.refuse("not-canonical", 20, "the program is missing");
  const keep: KeepDescription = {
    program,
    args: reader.section("args", () => reader.text()),
    env: reader.section("envp", () => [reader.text(), reader.text()] as const),
    directories: reader.section(
      "dirs",
      (): GrantedDirectory => ({ guest: reader.text(), access: reader.code(ACCESS_CODES) }),
    ),
    sockets: reader.section(
      "sock",
      (): GrantedSocket => ({ name: reader.text(), kind: reader.code(SOCKET_CODES), endpoint: reader.text() }),
    ),
    limits: Object.fromEntries(reader.section("lims", () => [String(reader.text()), reader.u64()] as const)),
  };
  if (reader.offset !== b.length) reader.refuse("not-canonical", reader.offset, "bytes follow the last section");
  return checkedCanonical(keep, b);
}

/** The one encoding of `keep` must be the bytes it was read from; otherwise order, names or counts are not canonical. */
function checkedCanonical(keep: KeepDescription, bytes: Buffer): KeepDescription {
  let again: Buffer;
  try {
    again = encodeKeep(keep);
  } catch (error) {
    const text = error instanceof MeasureError ? error.message : "this is not canonical";
    throw new MeasureError("not-canonical", text, { cause: error, offset: 16 });
  }
  if (!again.equals(bytes)) {
    let offset = 0;
    while (offset < again.length && again[offset] === bytes[offset]) offset++;
    throw new MeasureError("not-canonical", `byte ${offset}: the order or a name is not the canonical one`, { offset });
  }
  return keep;
}

/**
 * The first difference between two keeps in words, or null when they measure the same.
 * @throws MeasureError as {@link encodeKeep}
 */
export function compareKeeps(expected: KeepDescription, found: KeepDescription): string | null {
  const [a, b] = [decodeKeep(encodeKeep(expected)), decodeKeep(encodeKeep(found))];
  if (a.program.sha256 !== b.program.sha256 || a.program.size !== b.program.size) {
    const name = ({ sha256, size }: KeepDescription["program"]) => `${sha256} (${size} bytes)`;
    return `the program is ${name(b.program)}, expected ${name(a.program)}`;
  }
  return (
    firstDifference("argument", a.args.map(numbered), b.args.map(numbered)) ??
    firstDifference("environment variable", a.env.map(pair), b.env.map(pair)) ??
    firstDifference("directory", a.directories.map(directory), b.directories.map(directory)) ??
    firstDifference("socket", a.sockets.map(socket), b.sockets.map(socket)) ??
    firstDifference("limit", Object.entries(a.limits).map(limit), Object.entries(b.limits).map(limit))
  );
}

type NamedValue = readonly [name: string, value: string];

const numbered = (text: Text, index: number): NamedValue => [String(index), shown(text)];
const pair = ([name, value]: readonly [Text, Text]): NamedValue => [shown(name), shown(value)];
const directory = ({ guest, access }: GrantedDirectory): NamedValue => [shown(guest), access];
const socket = ({ name, kind, endpoint }: GrantedSocket): NamedValue => [shown(name), `${kind} ${shown(endpoint)}`];
const limit = ([name, value]: readonly [string, number | bigint]): NamedValue => [name, String(value)];

function firstDifference(what: string, expected: readonly NamedValue[], found: readonly NamedValue[]): string | null {
  const values = new Map(found);
  for (const [name, value] of expected) {
    if (!values.has(name)) return `${what} ${name} is missing, expected ${value}`;
    if (values.get(name) !== value) return `${what} ${name} is ${values.get(name)}, expected ${value}`;
  }
  const names = new Set(expected.map(([name]) => name));
  const extra = found.find(([name]) => !names.has(name));
  return extra === undefined ? null : `${what} ${extra[0]} is ${extra[1]}, but was not expected`;
}

/** A text between quotes, control characters escaped, so that it can be shown on a terminal. */
function shown(text: Text): string {
  return typeof text === "string" ? JSON.stringify(text) : `bytes ${Buffer.from(text).toString("hex")}`;
}

class Reader {
  offset = 0;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  take(length: number): Buffer {
    if (length > this.#bytes.length - this.offset) {
      const end = this.#bytes.length;
      this.refuse("truncated", end, `the encoding ends, ${length} bytes were to follow from byte ${this.offset}`);
    }
    this.offset += length;
    return this.#bytes.subarray(this.offset - length, this.offset);
  }

  section<Entry>(name: (typeof KEEP_SECTIONS)[number], read: () => Entry): Entry[] {
    const start = this.offset;
    if (this.take(4).toString("latin1") !== name)
      this.refuse("not-canonical", start, `section ${name} must follow here`);
    const count = this.take(4).readUInt32LE(0);
    const most = name === "prog" ? 1 : KEEP_ENTRIES_MAX;
    if (count > most)
      this.refuse("limit", start + 4, `section ${name} has ${count} entries, at most ${most} are possible`);
    return Array.from({ length: count }, read);
  }

  text(): Text {
    const start = this.offset;
    const length = this.take(4).readUInt32LE(0);
    if (length > KEEP_TEXT_MAX)
      this.refuse("limit", start, `a text has ${length} bytes, at most ${KEEP_TEXT_MAX} are possible`);
    const bytes = this.take(length);
    const text = bytes.toString("utf8");
    return Buffer.from(text, "utf8").equals(bytes) ? text : Buffer.from(bytes);
  }

  u64(): bigint {
    return this.take(8).readBigUInt64LE(0);
  }

  code<Name extends string>(codes: Readonly<Record<Name, number>>): Name {
    const start = this.offset;
    const code = this.take(1)[0];
    for (const name of Object.keys(codes) as Name[]) if (codes[name] === code) return name;
    return this.refuse("not-canonical", start, `code ${code} is not known here`);
  }

  refuse(reason: MeasureReason, offset: number, text: string): never {
    throw new MeasureError(reason, `byte ${offset}: ${text}`, { offset });
  }
}
