/** Calls of WASI at random, as a program makes them that holds nothing sacred. */
import fc from "fast-check";
import { Right } from "#src/shim/wasi/abi.js";
import { LIMIT } from "./keeps.js";

/** Bytes that are put into the program's memory before a call. */
export interface Poke {
  readonly at: number;
  readonly bytes: Uint8Array;
}

export interface Call {
  /** Of a function; or `grow`, with pages. */
  readonly name: string;
  readonly args: readonly (number | bigint)[];
  readonly pokes: readonly Poke[];
}

const IOVECS = 64;
const PATH = 1024;
const MEMORY_BYTES = 131072;
const RIGHTS = [Right.FD_READ, Right.FD_READ | Right.FD_WRITE, Right.FD_WRITE, 0, 0x3fffffff];

const mostly = <T>(usual: fc.Arbitrary<T>, odd: fc.Arbitrary<T>, weight = 12): fc.Arbitrary<T> =>
  fc.oneof({ weight, arbitrary: usual }, { weight: 1, arbitrary: odd });
const oddPointer = fc.constantFrom(
  ...[0, 1, 0x7fffffff, -1, -8, -65536].map((each) => each | 0),
  ...[-65, -64, -9, -8, -7, -4, -3, -1, 0, 1, 65536].map((each) => MEMORY_BYTES + each),
);
const pointer = (usual: fc.Arbitrary<number>) => mostly(usual, oddPointer);
const result = pointer(fc.constantFrom(32, 33, 40, 48));
const buffer = pointer(fc.integer({ min: 8192, max: 40_000 }));
const fd = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 12 }) },
  { weight: 3, arbitrary: fc.constantFrom(3, 4) },
  { weight: 1, arbitrary: fc.constantFrom(LIMIT - 1, LIMIT, -1, 0x7fffffff) },
);
const file = fc.oneof({ weight: 5, arbitrary: fc.constantFrom(5, 6, 9, 10) }, { weight: 1, arbitrary: fd });
const length = fc.oneof(
  fc.integer({ min: 0, max: 300 }),
  fc.constantFrom(0, 1, 4096, 69528, 69529, 69632, 69633, 80_000),
);
/** Near enough for a file of that size, or beyond what any file may have. */
const offset = fc.oneof(
  fc.bigInt({ min: 0n, max: 400n }),
  fc.constantFrom(0n, 2n ** 62n, 2n ** 63n - 1n, 2n ** 63n - 70n),
);
const NAMES = [
  ...[
    "f",
    "empty",
    "big",
    "sub",
    "sub/g",
    "sub/inner",
    "many",
    "link",
    "dangling",
    "out",
    "absolute",
    "folder",
    "folder/g",
  ],
  ...[
    "new",
    "sub/new",
    "made",
    "made/x",
    "missing",
    "missing/x",
    "f/",
    "sub/",
    "./f",
    "sub/../f",
    ".",
    "..",
    "../input",
    "/f",
  ],
  ...[
    "",
    "ä",
    "f\0",
    "\0",
    "n\xff",
    "e\u0301",
    "x".repeat(255),
    "y".repeat(256),
    "sub/".repeat(70),
    "exactly8",
    "seven77",
    "pipe",
  ],
];
const name = mostly(fc.constantFrom(...NAMES), fc.string({ unit: "binary", maxLength: 20 }), 20).map((text) =>
  Buffer.from(text, text === "n\xff" ? "latin1" : "utf8"),
);
const path = fc.tuple(name, mostly(fc.constant(PATH), oddPointer, 30)).map(([bytes, at]) => ({ bytes, at }));
/** Making and removing have a test of their own for paths of no bytes. */
const somePath = path.map((each) => (each.bytes.length === 0 ? { ...each, bytes: Buffer.from("f") } : each));
const pokePath = ({ bytes, at }: Poke): readonly Poke[] => (at === PATH ? [{ at, bytes }] : []);

type Argument = fc.Arbitrary<number | bigint>;

const call = (named: string, ...args: readonly Argument[]): fc.Arbitrary<Call> =>
  fc.tuple(...args).map((all) => ({ name: named, args: all, pokes: [] }));

/** A call with buffers in its second and third parameter. */
function withBuffers(named: string, ...more: readonly Argument[]): fc.Arbitrary<Call> {
  const buffers = fc.array(fc.tuple(buffer, length), { minLength: 0, maxLength: 3 });
  const iovecs = mostly(
    fc.tuple(buffer, length).map((each) => [each]),
    buffers,
    4,
  );
  return fc
    .tuple(file, iovecs, mostly(fc.constant(IOVECS), oddPointer, 20), fc.tuple(...more))
    .map(([number, all, at, rest]) => {
      const bytes = Buffer.from(new Int32Array(all.flat()).buffer);
      const pokes = at === IOVECS ? [{ at, bytes }] : [];
      return { name: named, args: [number, at, all.length, ...rest], pokes };
    });
}

/** A call with a path in its parameters. */
const withPath = (
  named: string,
  before: readonly Argument[],
  after: readonly Argument[],
  names = path,
): fc.Arbitrary<Call> =>
  fc.tuple(fc.tuple(...before), names, fc.tuple(...after)).map(([first, where, last]) => ({
    name: named,
    args: [...first, where.at, where.bytes.length, ...last],
    pokes: pokePath(where),
  }));

const lookup = mostly(fc.constantFrom(0, 1), fc.constantFrom(2, -1));
const directory = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(3, 4, 7, 8) },
  { weight: 1, arbitrary: fc.integer({ min: 5, max: 10 }) },
  { weight: 1, arbitrary: fd },
);
const rights = fc.constantFrom(...RIGHTS).map(BigInt);
const reading = fc.constant(BigInt(Right.FD_READ));

/** Opening for reading, mostly; nobody opens a pipe to write, since reading it would wait then. */
const opening: fc.Arbitrary<Call> = withPath(
  "path_open",
  [directory, lookup],
  [
    fc.oneof(fc.constantFrom(0, 0, 0, 2), fc.integer({ min: 0, max: 16 })),
    fc.oneof({ weight: 3, arbitrary: reading }, { weight: 1, arbitrary: rights }),
    fc.constantFrom(0n, 0x3fffffffn),
    mostly(fc.constant(0), fc.constantFrom(1, 4, 5, 32), 6),
    result,
  ],
).map((each) => {
  const isPipe = each.pokes.some(({ bytes }) => Buffer.from(bytes).includes("pipe"));
  return isPipe ? { ...each, args: each.args.with(5, BigInt(Right.FD_READ)) } : each;
});

/** Records can be taken apart again as long as their size is not stored among them. */
function apart(each: Call): Call {
  const [, start, room, , size] = each.args.map(Number) as [number, number, number, number, number];
  return start < size + 4 && size < start + room ? { ...each, args: each.args.with(1, 8192) } : each;
}

export const anyCall: fc.Arbitrary<Call> = fc.oneof(
  { weight: 8, arbitrary: opening },
  { weight: 3, arbitrary: withBuffers("fd_read", result) },
  { weight: 3, arbitrary: withBuffers("fd_write", result) },
  { weight: 2, arbitrary: withBuffers("fd_pread", offset, result) },
  { weight: 2, arbitrary: withBuffers("fd_pwrite", offset, result) },
  {
    weight: 3,
    arbitrary: call(
      "fd_seek",
      file,
      mostly(fc.bigInt({ min: -50n, max: 300n }), fc.constantFrom(2n ** 62n, 2n ** 63n - 1n, -(2n ** 63n)), 6),
      mostly(fc.integer({ min: 0, max: 2 }), fc.constantFrom(3, -1)),
      result,
    ),
  },
  { weight: 1, arbitrary: call("fd_tell", file, result) },
  {
    weight: 6,
    arbitrary: call(
      "fd_readdir",
      directory,
      buffer,
      fc.oneof(fc.constantFrom(0, 1, 24, 25, 51, 52, 100, 5000, 40_000), fc.integer({ min: 0, max: 400 })),
      fc.oneof(fc.constant(0n), fc.bigInt({ min: 0n, max: 12n }), fc.constantFrom(400n, 2n ** 32n, 2n ** 64n - 1n)),
      result,
    ).map(apart),
  },
  { weight: 2, arbitrary: call("fd_close", fc.oneof(fc.integer({ min: 5, max: 10 }), fd)) },
  { weight: 1, arbitrary: call("fd_renumber", file, file) },
  { weight: 1, arbitrary: call("fd_fdstat_set_flags", file, fc.constantFrom(0, 1, 4, 5, 2, 64)) },
  { weight: 1, arbitrary: call("fd_fdstat_set_rights", directory, rights, rights) },
  { weight: 3, arbitrary: call("fd_filestat_get", file, pointer(fc.constantFrom(256, 512))) },
  { weight: 4, arbitrary: withPath("path_filestat_get", [directory, lookup], [pointer(fc.constantFrom(256, 512))]) },
  { weight: 1, arbitrary: withPath("path_unlink_file", [directory], [], somePath) },
  { weight: 1, arbitrary: withPath("path_create_directory", [directory], [], somePath) },
  { weight: 1, arbitrary: call("random_get", buffer, fc.oneof(fc.integer({ min: 0, max: 300 }), oddPointer)) },
  { weight: 1, arbitrary: call("clock_time_get", fc.integer({ min: -1, max: 4 }), fc.constant(0n), result) },
  { weight: 1, arbitrary: call("grow", fc.integer({ min: 0, max: 1 })) },
);

const open = (path: string, oflags: number, rights: number): Call => ({
  name: "path_open",
  args: [3, 1, PATH, path.length, oflags, BigInt(rights), 0n, 0, 32],
  pokes: [{ at: PATH, bytes: Buffer.from(path) }],
});

/** What a program does first: files are 5, 6, 9 and 10, directories 7 and 8. */
export const FIRST: readonly Call[] = [
  open("f", 0, Right.FD_READ | Right.FD_WRITE),
  open("big", 0, Right.FD_READ),
  open("sub", 2, Right.FD_READ),
  open("many", 0, Right.FD_READ),
  open("empty", 0, Right.FD_READ | Right.FD_WRITE),
  open("link", 0, Right.FD_READ),
];
