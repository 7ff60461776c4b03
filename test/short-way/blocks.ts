/** Blocks that a hostile guest may hand over: mostly one call of those that go the short way, with anything in it. */
import fc from "fast-check";
import { plans } from "#src/sallyport/calls.js";
import { BLOCK_BYTES } from "#src/sallyport/constants.js";
import {
  AT_SYMLINK_NOFOLLOW,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_LARGEFILE,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
} from "#src/sallyport/linux.js";
import type { Attempt, Item, Placed } from "./attempts.js";
import { LIMIT, WINDOW_BYTES } from "./hosts.js";

const WORD = 2n ** 64n;
const NULL = WORD - 1n;
const WINDOW = 2n ** 32n;
/** Beyond what any file system takes, and not so far that a file with a hole of that size could come to be. */
const FAR = 2n ** 62n;

const words = (...values: readonly bigint[]): Uint8Array => {
  const bytes = new Uint8Array(8 * values.length);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) view.setBigUint64(8 * index, BigInt.asUintN(64, value), true);
  return bytes;
};

const edge = fc.constantFrom(
  ...[0n, 1n, 6n, 8n, 16n, 2n ** 31n, WINDOW - 1n, WINDOW, WINDOW + 8n, 2n ** 33n, 2n ** 63n - 1n, 2n ** 63n],
  ...[WORD - 4096n, WORD - 8n, NULL],
);
const word = fc.oneof(edge, fc.bigInt({ min: 0n, max: NULL }));
const small = (max: number) => fc.integer({ min: 0, max }).map(BigInt);
const descriptor = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: 1, max: 10 }).map(BigInt) },
  { weight: 2, arbitrary: small(LIMIT + 1) },
  {
    weight: 1,
    arbitrary: fc.oneof(
      edge,
      small(10).map((number) => number + WINDOW),
    ),
  },
);
const otherwise = <T>(usual: fc.Arbitrary<T>, odd: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 9, arbitrary: usual }, { weight: 1, arbitrary: odd });

/**
 * Offset and length of a buffer. What is random, or differs from directory to directory, goes into a part of the program's
 * memory of its own, from which nothing is written to a file.
 */
function buffer(dataBytes: number, apart: boolean): fc.Arbitrary<readonly [bigint, bigint]> {
  const inData = fc.tuple(small(dataBytes + 8), small(dataBytes + 8));
  const exact = small(dataBytes).map((at) => [at, BigInt(dataBytes) - at] as const);
  const first = apart ? 2048 : 0;
  const inWindow = fc
    .tuple(small(1000), small(500))
    .map(([at, length]) => [WINDOW + BigInt(first) + at, length] as const);
  const atEnd = fc
    .tuple(small(100), fc.constantFrom(-1n, 0n, 1n, 2n))
    .map(([length, beyond]) => [WINDOW + BigInt(WINDOW_BYTES) - length + beyond, length] as const);
  const wild = fc
    .tuple(word, word)
    .map(([at, length]) => [apart && at >> 32n === 1n ? at | 2048n : at, length] as const);
  const tooLong = fc.tuple(fc.constantFrom(0n, 8n, WINDOW, WINDOW + 8n), fc.constantFrom(2n ** 31n, WINDOW, NULL, FAR));
  return fc.oneof(inData, exact, inWindow, inWindow, ...(apart ? [] : [atEnd]), otherwise(tooLong, wild));
}

const position = fc.oneof(small(400), fc.constantFrom(0n, FAR, 2n ** 63n - 1n, 2n ** 63n, NULL, WORD - 5n));
const NAMES: readonly string[] = [
  ...[
    "f",
    "d",
    "d/g",
    "d/e",
    "link",
    "dangling",
    "out",
    "absolute",
    "up",
    "loop",
    "folder",
    "folder/g",
    "granted",
    "read",
  ],
  ...[
    "",
    ".",
    "..",
    "./f",
    "d/..",
    "d/../f",
    "../outside",
    "d/../../outside",
    "up/outside",
    "/",
    "/etc/passwd",
    "f/",
    "d/",
  ],
  ...[
    "folder/",
    "missing",
    "d/missing",
    "ä",
    "f\0g",
    "x".repeat(255),
    "x".repeat(256),
    "d/".repeat(130),
    "/proc/self/root",
  ],
];
/** A path with its zero byte, or without. */
const path = fc
  .tuple(fc.constantFrom(...NAMES), otherwise(fc.constant("\0"), fc.constant("")))
  .map(([name, end]) => Buffer.from(name + end));
const aligned = (max: number) => fc.integer({ min: 0, max: max >>> 3 }).map((index) => BigInt(8 * index));
const reading = fc.subarray([O_DIRECTORY, O_NOFOLLOW, O_CLOEXEC, O_LARGEFILE]);
const openFlags = otherwise(
  reading,
  fc.subarray([O_DIRECTORY, O_NOFOLLOW, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_NONBLOCK, O_PATH, 0x400000]),
).map((all) => BigInt(all.reduce((flags, each) => flags | each, 0)));

/** Whether the output of statx lies over the path. */
const overlap = (path: bigint, length: number, output: bigint): boolean =>
  path < output + 256n && output < path + BigInt(length) + 1n;

interface Shape {
  readonly args: readonly bigint[];
  readonly placed?: readonly Placed[];
}

/** What a call of each kind asks for. @param bytes of the data */
const SHAPES: Readonly<Record<string, (bytes: number) => fc.Arbitrary<Shape>>> = {
  ...Object.fromEntries(
    ["read", "write", "getdents64"].map((name) => [
      name,
      (bytes: number) =>
        fc
          .tuple(descriptor, buffer(bytes, name === "getdents64"))
          .map(([fd, [at, length]]) => ({ args: [fd, at, length] })),
    ]),
  ),
  ...Object.fromEntries(
    ["pread64", "pwrite64"].map((name) => [
      name,
      (bytes: number) =>
        fc
          .tuple(descriptor, buffer(bytes, false), position)
          .map(([fd, [at, length], where]) => ({ args: [fd, at, length, where] })),
    ]),
  ),
  lseek: () =>
    fc
      .tuple(descriptor, otherwise(position, word), otherwise(small(4), word))
      .map(([fd, to, whence]) => ({ args: [fd, to, whence] })),
  getrandom: (bytes) =>
    fc
      .tuple(buffer(bytes, true), otherwise(fc.constant(0n), fc.constantFrom(1n, 2n, 4n, 64n, WINDOW)))
      .map(([[at, length], flags]) => ({ args: [at, length, flags] })),
  clock_gettime: (bytes) =>
    fc
      .tuple(otherwise(small(13), word), otherwise(fc.constant(0n), fc.oneof(aligned(bytes), word)))
      .map((args) => ({ args })),
  close: () => descriptor.map((fd) => ({ args: [fd] })),
  openat2: (bytes) =>
    fc
      .record({
        fd: fc.oneof(fc.constantFrom(3n, 4n, 3n, 9n), descriptor),
        path,
        flags: openFlags,
        permissions: otherwise(fc.constant(0n), fc.constantFrom(0o644n, 0o7777n, WINDOW)),
        resolve: otherwise(fc.constant(0n), edge),
        how: otherwise(fc.constant(0n), fc.oneof(aligned(bytes), word)),
        mode: fc.oneof(fc.constantFrom(24n, 24n, NULL), otherwise(aligned(bytes), fc.constantFrom(25n, 26n, 0n))),
        at: otherwise(fc.constant(28n), fc.oneof(small(bytes + 8), word)),
      })
      .map(({ fd, path: name, flags, permissions, resolve, how, mode, at }) => ({
        args: [fd, at, how, mode],
        placed: [
          { at: Number(how), bytes: words(flags, permissions, resolve) },
          { at: Number(at), bytes: name },
        ],
      })),
  statx: (bytes) =>
    fc
      .record({
        fd: fc.oneof(fc.constantFrom(3n, 4n, 1n), descriptor),
        path,
        at: otherwise(fc.constantFrom(256n, NULL), fc.oneof(small(bytes + 8), word)),
        flags: otherwise(fc.constantFrom(0n, BigInt(AT_SYMLINK_NOFOLLOW)), word),
        mask: otherwise(fc.constant(0x7ffn), fc.constantFrom(0n, 1n, 0xfffn, 0x80000000n, WINDOW + 0x7ffn)),
        output: otherwise(fc.constant(0n), fc.oneof(aligned(bytes), word)),
      })
      .map(({ fd, path: name, at, flags, mask, output }) => ({
        // A path in the way of what is told about a link has a test of its own.
        args: [fd, at, overlap(at, name.length, output) ? BigInt(AT_SYMLINK_NOFOLLOW) : flags, mask, output],
        placed: [{ at: Number(at), bytes: name }],
      })),
};

/** Calls that go the short way. */
export const CALLS: readonly string[] = Object.keys(SHAPES);
const anyBytes = fc.integer({ min: 0, max: 80 });
/** Bytes of data that a call has; those with structures and paths mostly have room for these. */
const dataBytes = (name: string) => {
  const usual = name === "statx" || name === "openat2" ? fc.constantFrom(36, 40, 65, 80) : anyBytes;
  return otherwise(usual, anyBytes).map((words) => 8 * words);
};

/** Most headers of items are good. */
const HEADERS = 80;
/** Around the largest item that a block has room for. */
const LARGE = [-32, -24, -16, -8, 0].map((less) => BigInt(BLOCK_BYTES + less));

const item: fc.Arbitrary<Item> = fc.constantFrom(...CALLS, "lseek", "openat2", "statx").chain((name) =>
  dataBytes(name).chain((bytes) =>
    fc
      .record({
        shape: SHAPES[name]!(bytes),
        seed: fc.nat(),
        rest: fc.array(word, { minLength: 6, maxLength: 6 }),
        odd: fc.nat(HEADERS),
        large: fc.constantFrom(...LARGE),
        header: word,
      })
      .map(({ shape, seed, rest, odd, header, large }) => ({
        number: odd === 0 ? header : BigInt(plans[name as keyof typeof plans].number),
        args: rest.map((each, index) => shape.args[index] ?? each),
        dataBytes: bytes,
        placed: shape.placed ?? [],
        seed,
        kind: odd === 1 ? header : odd === 2 ? 3n : null,
        size: [header, BigInt(bytes) + 64n, BigInt(bytes) + 76n, large][odd - 3] ?? null,
      })),
  ),
);

export const attempt: fc.Arbitrary<Attempt> = fc.record({
  items: fc.oneof(
    { weight: 6, arbitrary: fc.array(item, { minLength: 1, maxLength: 1 }) },
    { weight: 1, arbitrary: fc.array(item, { minLength: 0, maxLength: 3 }) },
  ),
  end: otherwise(
    fc.constant<readonly [bigint, bigint]>([0n, 0n]),
    fc.tuple(fc.constantFrom(0n, 0n, 8n, 72n), fc.constantFrom(0n, 1n, WINDOW)),
  ),
  trash: fc.oneof(
    { weight: 9, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(fc.record({ at: fc.nat(40), word }), { maxLength: 2 }) },
  ),
});
