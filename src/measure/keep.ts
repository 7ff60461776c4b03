/**
 * The measurement of a keep: what ran (the program's bytes), how it was called, and what it was granted. It does not depend on the backend,
 * the machine or the order in which grants were written. The encoding is described byte by byte in docs/measure.md.
 */
import { createHash } from "node:crypto";
import { MeasureError } from "./error.js";

/** Text, or bytes where it is not UTF-8. */
export type Text = string | Uint8Array;

/** A program, by its content. */
export interface ProgramIdentity {
  /** Bytes. */
  readonly size: number;
  /** SHA-256 of the bytes, 64 hex digits. */
  readonly sha256: string;
}

/** A directory as the program sees it. What is in it is not measured. */
export interface GrantedDirectory {
  /** Name inside the keep. */
  readonly guest: Text;
  readonly access: "read" | "read-write";
}

/** A socket that is open before the program starts, or that it may open. */
export interface GrantedSocket {
  /** Name inside the keep. */
  readonly name: Text;
  readonly kind: "listen" | "connect";
  /** The other side or the own address, as granted, such as `tcp:127.0.0.1:8080`; empty to leave it open. */
  readonly endpoint: Text;
}

/** Everything that the measurement of a keep covers. */
export interface KeepDescription {
  readonly program: ProgramIdentity;
  /** With the program's name as element 0. */
  readonly args: readonly Text[];
  /** Names and values; each name once. */
  readonly env: readonly (readonly [name: Text, value: Text])[];
  readonly directories: readonly GrantedDirectory[];
  readonly sockets: readonly GrantedSocket[];
  /** By name, such as `memory-bytes`; what is absent has no limit. */
  readonly limits: Readonly<Record<string, number | bigint>>;
}

/** A measured keep. */
export interface KeepMeasurement {
  /** SHA-256 of `encoding`, 64 hex digits. */
  readonly measurement: string;
  /** The canonical encoding. */
  readonly encoding: Buffer;
}

/** Most entries of one list, and most bytes of one text. */
export const KEEP_ENTRIES_MAX = 65_536;
export const KEEP_TEXT_MAX = 1 << 20;
/** Most bytes of an encoding. */
export const KEEP_ENCODING_MAX = 16 << 20;

/** First 16 bytes of an encoding; the digit is its version. */
export const KEEP_MAGIC = "postern-keep-1\0\0";
/** The sections, in this order. */
export const KEEP_SECTIONS = ["prog", "args", "envp", "dirs", "sock", "lims"] as const;
export const ACCESS_CODES = { read: 1, "read-write": 3 } as const;
export const SOCKET_CODES = { listen: 1, connect: 2 } as const;

const LIMIT_NAME = /^[a-z][a-z0-9-]{0,63}$/;

/** The identity of a program held in memory. */
export function identifyProgram(bytes: Uint8Array): ProgramIdentity {
  return { size: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
}

/**
 * The measurement of a keep.
 * @throws MeasureError `field` names what has no canonical form; `duplicate` a name that is granted twice; `limit`
 */
export function measureKeep(keep: KeepDescription): KeepMeasurement {
  const encoding = encodeKeep(keep);
  return { measurement: createHash("sha256").update(encoding).digest("hex"), encoding };
}

/**
 * The canonical encoding of a keep.
 * @throws MeasureError as {@link measureKeep}
 */
export function encodeKeep(keep: KeepDescription): Buffer {
  const { size, sha256 } = keep.program;
  if (!Number.isSafeInteger(size) || size < 0)
    throw new MeasureError("field", "program.size must be a number of bytes");
  if (typeof sha256 !== "string" || !/^[0-9a-f]{64}$/i.test(sha256)) {
    throw new MeasureError("field", "program.sha256 must be 64 hex digits");
  }
  const sections: Record<(typeof KEEP_SECTIONS)[number], Buffer[]> = {
    prog: [Buffer.concat([u64(BigInt(size)), Buffer.from(sha256, "hex")])],
    args: list(keep.args, "args").map((text) => string(text, "args")),
    envp: named(
      keep.env,
      "env",
      ([name]) => environmentName(name),
      ([, value]) => string(value, "env"),
    ),
    dirs: named(keep.directories, "directories", ({ guest }) => guestPath(guest), accessByte),
    sock: named(keep.sockets, "sockets", ({ name }) => name, socketBytes),
    lims: named(
      limitEntries(keep.limits),
      "limits",
      ([name]) => limitName(name),
      ([name, value]) => limitBytes(name, value),
    ),
  };
  const parts: Buffer[] = [Buffer.from(KEEP_MAGIC, "latin1")];
  for (const name of KEEP_SECTIONS)
    parts.push(Buffer.from(name, "latin1"), u32(sections[name].length), ...sections[name]);
  const encoding = Buffer.concat(parts);
  if (encoding.length > KEEP_ENCODING_MAX) {
    throw new MeasureError(
      "limit",
      `the description takes ${encoding.length} bytes, at most ${KEEP_ENCODING_MAX} are possible`,
    );
  }
  return encoding;
}

/**
 * The canonical form of a directory's name: one slash between components, no `.` components, none at the end.
 * @throws MeasureError `field` for an empty name or one with a `..` component
 */
export function guestPath(path: Text): Buffer {
  const bytes = textBytes(path, "the name of a directory");
  const text = bytes.toString("latin1");
  const components = text.split("/").filter((component) => component !== "" && component !== ".");
  if (text === "" || components.includes("..")) {
    throw new MeasureError("field", "the name of a directory must not be empty and must not contain ..");
  }
  const joined = components.join("/");
  if (text.startsWith("/")) return Buffer.from(`/${joined}`, "latin1");
  return Buffer.from(joined === "" ? "." : joined, "latin1");
}

/** A text as bytes: UTF-8, without NUL, never with half of a surrogate pair. */
export function textBytes(text: Text, name: string): Buffer {
  if (typeof text !== "string" && !(text instanceof Uint8Array))
    throw new MeasureError("field", `${name} must be text`);
  if (text.length > KEEP_TEXT_MAX) throw new MeasureError("limit", `${name} is longer than ${KEEP_TEXT_MAX} bytes`);
  if (typeof text === "string" && /\p{Surrogate}/u.test(text)) {
    throw new MeasureError("field", `${name} holds half of a surrogate pair`);
  }
  const bytes = typeof text === "string" ? Buffer.from(text, "utf8") : Buffer.from(text);
  if (bytes.length > KEEP_TEXT_MAX) throw new MeasureError("limit", `${name} is longer than ${KEEP_TEXT_MAX} bytes`);
  if (bytes.includes(0)) throw new MeasureError("field", `${name} holds a NUL`);
  return bytes;
}

/** Entries with a name, sorted by its bytes; each name once. */
function named<Entry>(
  entries: readonly Entry[],
  section: string,
  nameOf: (entry: Entry) => Text,
  rest: (entry: Entry) => Buffer,
): Buffer[] {
  const encoded = list(entries, section).map((entry) => {
    const name = textBytes(nameOf(entry), section);
    if (name.length === 0) throw new MeasureError("field", `a name in ${section} is empty`);
    return { name, bytes: Buffer.concat([u32(name.length), name, rest(entry)]) };
  });
  encoded.sort((a, b) => Buffer.compare(a.name, b.name));
  for (let index = 1; index < encoded.length; index++) {
    const { name } = encoded[index]!;
    if (name.equals(encoded[index - 1]!.name)) {
      throw new MeasureError("duplicate", `${section} has "${name.toString("utf8").slice(0, 80)}" twice`);
    }
  }
  return encoded.map(({ bytes }) => bytes);
}

function list<Entry>(entries: readonly Entry[], section: string): readonly Entry[] {
  if (!Array.isArray(entries)) throw new MeasureError("field", `${section} must be a list`);
  if (entries.length > KEEP_ENTRIES_MAX) {
    throw new MeasureError("limit", `${section} has more than ${KEEP_ENTRIES_MAX} entries`);
  }
  return entries;
}

function environmentName(name: Text): Text {
  if (textBytes(name, "env").includes("=")) throw new MeasureError("field", "a name in env contains =");
  return name;
}

function accessByte({ access }: GrantedDirectory): Buffer {
  if (!Object.hasOwn(ACCESS_CODES, access)) throw new MeasureError("field", "access must be read or read-write");
  return Buffer.of(ACCESS_CODES[access]);
}

function socketBytes({ kind, endpoint }: GrantedSocket): Buffer {
  if (!Object.hasOwn(SOCKET_CODES, kind))
    throw new MeasureError("field", "the kind of a socket must be listen or connect");
  return Buffer.concat([Buffer.of(SOCKET_CODES[kind]), string(endpoint, "sockets")]);
}

function limitEntries(limits: KeepDescription["limits"]): [string, number | bigint][] {
  if (typeof limits !== "object" || limits === null) throw new MeasureError("field", "limits must be an object");
  return Object.entries(limits);
}

function limitName(name: string): string {
  if (!LIMIT_NAME.test(name))
    throw new MeasureError("field", "the name of a limit has lower-case letters, digits and hyphens");
  return name;
}

function limitBytes(name: string, value: number | bigint): Buffer {
  const number = typeof value === "bigint" ? value : Number.isSafeInteger(value) ? BigInt(value) : -1n;
  if (number < 0n || number >= 1n << 64n)
    throw new MeasureError("field", `the limit ${name} must be a whole number of 64 bits`);
  return u64(number);
}

function string(text: Text, section: string): Buffer {
  const bytes = textBytes(text, section);
  return Buffer.concat([u32(bytes.length), bytes]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}
