// A lying host gets no more out of a keep whose common calls go the short way than out of any other.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Dirent, LIMIT, type Lie, LyingKeep } from "./lies.js";

const SEED = Date.now() | 0;
const WORD = 2n ** 64n;
const PATH = 1000;
const IOVEC = 16;
const RESULT = 32;
const BUFFER = 4096;
const ROOM = 32768;
const MODES = [0o100644n, 0o040755n, 0o010644n, 0o020644n, 0o060644n, 0o140644n, 0o120777n, 0n, 0xffffffffn];

/** A call: its function, and its parameters where it has a buffer of so many bytes. */
interface Call {
  readonly name: string;
  readonly args: readonly (number | bigint)[];
  readonly length: number;
}

const fd = fc.oneof(fc.integer({ min: 0, max: 8 }), fc.constantFrom(0, 1));
const file = fc.oneof(fc.constantFrom(4, 4, 4, 6), fd);
const folder = fc.oneof(fc.constantFrom(3, 5, 5), fd);
const length = fc.oneof(fc.integer({ min: 1, max: 200 }), fc.constantFrom(1, 4095, 4096, 32768));
const call = (name: string, ...args: readonly (fc.Arbitrary<number | bigint> | number | bigint)[]) =>
  fc.record({
    name: fc.constant(name),
    length,
    args: fc.tuple(...args.map((each) => (typeof each === "object" ? each : fc.constant(each)))),
  });
const position = fc.bigInt({ min: 0n, max: 2n ** 62n });
const anyCall: fc.Arbitrary<Call> = fc.oneof(
  call("fd_read", fc.oneof(fd, file), IOVEC, 1, RESULT),
  call("fd_write", fd, IOVEC, 1, RESULT),
  call("fd_pread", file, IOVEC, 1, position, RESULT),
  call("fd_pwrite", file, IOVEC, 1, position, RESULT),
  call("fd_seek", file, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.integer({ min: 0, max: 2 }), RESULT),
  call("fd_tell", file, RESULT),
  call("random_get", BUFFER, length),
  call("clock_time_get", fc.integer({ min: 0, max: 3 }), 0n, RESULT),
  call("path_open", 3, 1, PATH, 3, fc.constantFrom(0, 2), 2n, 0n, 0, RESULT),
  call("path_open", 3, 1, PATH, 3, fc.constantFrom(0, 2), 2n, 0n, 0, RESULT),
  call("fd_close", fd),
  call("fd_filestat_get", file, BUFFER),
  call("path_filestat_get", 3, fc.integer({ min: 0, max: 1 }), PATH, 3, BUFFER),
  call("fd_readdir", folder, BUFFER, ROOM, fc.constantFrom(0n, 0n, 0n, 1n, 3n), RESULT),
  call("fd_readdir", folder, BUFFER, ROOM, 0n, RESULT),
  call("fd_fdstat_get", fd, BUFFER),
);

/** A return word: near a count, at an edge, an error or next to one, or anything. */
const returnWord = fc.oneof(
  fc.bigInt({ min: -4100n, max: -4090n }),
  fc.bigInt({ min: -150n, max: -1n }),
  fc.bigInt({ min: 0n, max: BigInt(LIMIT + 2) }),
  fc.bigInt({ min: 0n, max: 40_000n }),
  fc.constantFrom(2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 63n),
  fc.bigInt({ min: 0n, max: WORD - 1n }),
);
const time = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 34n }),
  fc.constantFrom(9_223_372_035n, 9_223_372_036n, 18_446_744_073n, 18_446_744_074n, 2n ** 63n, WORD - 1n),
);
const nanoseconds = fc.constantFrom(0n, 999_999_999n, 1_000_000_000n, 2n ** 32n - 1n, 2n ** 32n, WORD - 1n);
/** The first words of the data: for clock_gettime a time, for openat2 a mode in the fourth, for statx times behind. */
const words = fc
  .tuple(time, nanoseconds, fc.constantFrom(...MODES), fc.tuple(time, time, time), nanoseconds)
  .map(([seconds, nanos, mode, [accessed, changed, modified], fraction]) => {
    const noise = (count: number) => new Array<bigint>(count).fill(7n);
    // The mode at 24, and for statx, where it has 16 bits, at 28.
    const both = mode | (mode << 32n);
    const times = [accessed, fraction, 7n, 7n, changed, fraction, modified, fraction];
    return [seconds, nanos, 7n, both & (WORD - 1n), ...noise(4), ...times];
  });

const plainName = fc.stringMatching(/^[a-z]{1,12}$/).map((text) => Buffer.from(`${text}\0`));
const oddName = fc.constantFrom(
  "\0",
  ".\0",
  "..\0",
  "a/b\0",
  "/\0",
  "no end",
  "",
  "a\0/\0",
  "...\0",
  "seven77/\0",
  "eight888/",
);
const dirent = (lies: boolean): fc.Arbitrary<Dirent> =>
  fc.record({
    inode: fc.oneof(fc.bigInt({ min: 1n, max: 1000n }), fc.constant(2n ** 64n - 1n)),
    type: fc.constantFrom(...(lies ? [0, 1, 2, 4, 6, 8, 10, 12, 77] : [4, 8, 10])),
    length: lies
      ? fc.oneof(fc.constant(null), fc.constantFrom(0, 8, 18, 19, 20, 23, 24, 25, 32, 40, 65535))
      : fc.constant(null),
    name: lies
      ? fc.oneof(
          plainName,
          oddName.map((text) => Buffer.from(text)),
        )
      : plainName,
  });
const OWN: Dirent = { inode: 77n, type: 4, length: null, name: Buffer.from(".\0") };
const withOwnInode = (each: Dirent): Dirent => (each.name[0] === 46 && each.name[1] === 0 ? OWN : each);
const directory = fc.oneof(
  { weight: 2, arbitrary: fc.array(fc.array(dirent(false), { minLength: 1, maxLength: 8 }), { maxLength: 2 }) },
  { weight: 2, arbitrary: fc.array(fc.array(dirent(true), { minLength: 1, maxLength: 4 }), { maxLength: 2 }) },
);

/** Which number counts where a directory tells two has a test of its own. */
const batches = directory.map((all) => [[OWN], ...all.map((batch) => batch.map(withOwnInode))]);

const lie: fc.Arbitrary<Lie> = fc.record({
  ret: fc.oneof({ weight: 2, arbitrary: fc.constant(null) }, { weight: 3, arbitrary: returnWord }),
  words,
  seed: fc.nat(),
  batches,
  trash: fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    {
      weight: 1,
      arbitrary: fc.array(fc.record({ at: fc.nat(400), length: fc.integer({ min: 1, max: 64 }) }), { maxLength: 2 }),
    },
  ),
  error: fc.oneof(
    { weight: 12, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.constantFrom(5, 12, 14, 4095) },
  ),
});

const HONEST: Lie = { ret: null, words: [], seed: 1, batches: [], trash: [], error: 0 };
/** Of the preopened directory and of the other one. */
const LISTINGS = [3, 5].map((number) => [number, BUFFER, ROOM, 0n, RESULT]);

/** Puts what calls refer to into a keep's memory. */
function prepare(keep: LyingKeep, bytes: number): void {
  keep.bytes.set(Buffer.from("a/b"), PATH);
  keep.view.setUint32(IOVEC, BUFFER, true);
  keep.view.setUint32(IOVEC + 4, bytes, true);
}

/** Makes the same calls on two keeps, up to an attack, and compares what comes of them. */
function compare(calls: readonly (readonly [Call, Lie])[]): void {
  const [short, long] = [new LyingKeep(true), new LyingKeep(false)];
  for (const [{ name, args, length: bytes }, each] of calls) {
    // What closing answers has a test of its own.
    const isError = each.ret !== null && each.ret < 0n && each.ret >= -4095n;
    const told = name === "fd_close" && !isError ? { ...each, ret: 0n } : each;
    for (const keep of [short, long]) prepare(keep, bytes);
    const answers = [short, long].map((keep) => keep.call(name, args, told));
    assert.equal(answers[0], answers[1], name);
    if (answers[0] === "attacked") {
      assert.deepEqual([short.host.exits, long.host.exits], [1, 1]);
      return;
    }
    assert.ok(Buffer.from(short.bytes.buffer).equals(long.bytes), `memory after ${name}`);
  }
}

describe(`a lying host gets the same answers the short way (seed ${SEED})`, () => {
  it("whatever a directory is said to hold", () => {
    const honest = fc.oneof({ weight: 5, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: returnWord });
    const told = fc.record({ ret: honest, batches }).map((each) => ({ ...HONEST, ...each }));
    const listing = fc.record({ name: fc.constant("fd_readdir"), length, args: fc.constantFrom(...LISTINGS) });
    fc.assert(
      fc.property(listing, told, (one, lies) => compare([[one, lies]])),
      { seed: SEED, numRuns: 600, includeErrorInReport: true },
    );
  });

  it("whatever is called", () => {
    const calls = fc.array(fc.tuple(anyCall, lie), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(calls, (all) => compare(all)),
      { seed: SEED, numRuns: 800, includeErrorInReport: true },
    );
  });
});

describe("a lie of one kind is answered the short way as it is without", () => {
  const both = <T>(ask: (keep: LyingKeep) => T): void => {
    const [short, long] = [new LyingKeep(true), new LyingKeep(false)];
    for (const keep of [short, long]) prepare(keep, 100);
    assert.deepEqual(ask(short), ask(long));
  };

  for (const ret of [1n, 2n ** 31n, -4096n, 2n ** 63n]) {
    it(`closing that answers ${ret} has closed`, () => both((keep) => keep.call("fd_close", [4], { ...HONEST, ret })));
  }

  it("of a directory's own numbers the first one counts", () => {
    const batches = [[OWN, { ...OWN, inode: 78n }]];
    both((keep) => [
      keep.call("fd_readdir", [5, BUFFER, ROOM, 0n, RESULT], { ...HONEST, batches }),
      keep.view.getBigUint64(BUFFER + 8, true),
    ]);
  });

  for (const error of [4096, 5000, 2 ** 31 - 1]) {
    it(`a hand-over that fails with ${error}, which is no error of Linux, has failed`, () => {
      const lie = { ...HONEST, error };
      both((keep) => keep.call("fd_read", [0, IOVEC, 1, RESULT], lie));
      both((keep) => keep.call("fd_seek", [4, 0n, 0, RESULT], lie));
      both((keep) => keep.call("path_open", [3, 1, PATH, 3, 0, 2n, 0n, 0, RESULT], lie));
      both((keep) => keep.call("clock_time_get", [0, 0n, RESULT], lie));
    });
  }

  const afterwards = (keep: LyingKeep) => {
    keep.host.handOvers = 0;
    const later = ["fd_read", "fd_write"].map((name) => keep.call(name, [0, IOVEC, 1, RESULT], HONEST));
    return [...later, keep.call("clock_time_get", [0, 0n, RESULT], HONEST), keep.host.handOvers];
  };

  it("after an impossible reply no call is handed over any more", () =>
    both((keep) => {
      assert.equal(keep.call("fd_read", [0, IOVEC, 1, RESULT], { ...HONEST, ret: 101n }), "attacked");
      return afterwards(keep);
    }));

  it("after an impossible reply to a call that JavaScript makes no call is handed over any more", () =>
    both((keep) => {
      // Processor time is not told the short way, and no second has so many nanoseconds.
      const lie = { ...HONEST, words: [1n, 1_000_000_000n] };
      assert.equal(keep.call("clock_time_get", [3, 0n, RESULT], lie), "attacked");
      return afterwards(keep);
    }));
});
