// The inside hands over, word for word, what the engine's fast routes hand over for the same call.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Engine, TransferMemory } from "#src/guest/engine.js";
import { plans } from "#src/sallyport/calls.js";
import { AT_SYMLINK_NOFOLLOW, O_DIRECTORY, O_NOFOLLOW, SEEK_SET, STATX_BASIC_STATS } from "#src/sallyport/linux.js";
import { Access, Short } from "#src/shim/wasi/descriptors.js";
import { Row, SHORT_WAY } from "#src/shim/wasi/rows.js";
import { NOT_HERE } from "#src/short-way/index.js";
import type { Inside } from "./parts.js";
import { CAPACITY, ENTRIES, putPath, StagingEngine, StagingInside } from "./staging.js";

const SEED = Date.now() | 0;
const ENOENT = -2n;
const BATCH_BYTES = 32768;
const TRANSFER_MAX = 0x7ffff000;

/** Checks a property; its seed is in the name of the tests. */
const check = (property: unknown, numRuns = 300): void =>
  fc.assert(property as fc.IProperty<unknown>, { seed: SEED, numRuns });

const memory = (apart: boolean): TransferMemory => ({ bytes: new Uint8Array(0), longs: new BigUint64Array(0), apart });
const low = (word: bigint): number => Number(BigInt.asIntN(32, word));
const high = (word: bigint): number => Number(BigInt.asIntN(32, word >> 32n));

/** Makes a call both ways, and compares what was handed over. @param reply to the n-th hand-over */
function same(
  short: (inside: Inside) => unknown,
  engine: (engine: Engine) => unknown,
  reply: (count: number) => bigint = () => ENOENT,
): void {
  const inside = new StagingInside(reply);
  const twin = new StagingEngine(reply);
  short(inside.inside);
  engine(twin.engine);
  assert.ok(twin.sent.length > 0, "nothing was handed over");
  assert.deepEqual(inside.sent, twin.sent);
}

const withKind = (way: number) =>
  fc.constantFrom(...ENTRIES.flatMap((entry, fd) => ((entry.short & way) !== 0 ? [{ fd, entry }] : [])));
const readable = ENTRIES.flatMap((entry, fd) =>
  (entry.short & Short.SEEK) !== 0 && (entry.access & Access.READ) !== 0 ? [{ fd, entry }] : [],
);
const writable = ENTRIES.flatMap((entry, fd) =>
  (entry.short & Short.SEEK) !== 0 && (entry.access & Access.WRITE) !== 0 ? [{ fd, entry }] : [],
);
const address = fc.oneof(
  fc.integer({ min: 0, max: 0xffffffff }),
  fc.constantFrom(0, 0x7fffffff, 0x80000000, 0xffffffff),
);
const length = fc.oneof(fc.integer({ min: 1, max: 69632 }), fc.constantFrom(1, CAPACITY, CAPACITY + 1, 69632));
const offset = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(0n, -1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)),
);
const position = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
  fc.constantFrom(0n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n + 1n, 2n ** 63n - 1n),
);
/** Of every length there can be here. */
const path = fc
  .integer({ min: 1, max: 255 })
  .chain((bytes) => fc.uint8Array({ min: 1, max: 0x7f, minLength: bytes, maxLength: bytes }));

describe(`what the inside hands over is what the engine hands over (seed ${SEED})`, () => {
  for (const name of ["read", "write"] as const) {
    it(name, () => {
      const way = name === "read" ? Short.READ : Short.WRITE;
      check(
        fc.property(withKind(way), address, length, ({ fd, entry }, start, bytes) =>
          same(
            (inside) => inside[name](fd, start, bytes),
            (engine) => engine.transfer(plans[name], entry.descriptor, memory(false), start, bytes),
          ),
        ),
      );
    });
  }

  for (const name of ["readAt", "writeAt"] as const) {
    it(name, () => {
      const plan = name === "readAt" ? plans.pread64 : plans.pwrite64;
      const files = fc.constantFrom(...(name === "readAt" ? readable : writable));
      check(
        fc.property(files, address, length, position, ({ fd, entry }, start, bytes, at) =>
          same(
            (inside) => inside[name](fd, start, bytes, at),
            (engine) => engine.transfer(plan, entry.descriptor, memory(false), start, bytes, low(at), high(at)),
          ),
        ),
      );
    });
  }

  it("seek", () =>
    check(
      fc.property(withKind(Short.SEEK), offset, fc.integer({ min: 0, max: 2 }), ({ fd, entry }, to, whence) =>
        same(
          (inside) => inside.seek(fd, to, whence),
          (engine) => engine.seek(plans.lseek, entry.descriptor, low(to), high(to), whence),
        ),
      ),
    ));

  it("random", () =>
    check(
      fc.property(address, fc.integer({ min: 1, max: TRANSFER_MAX }), (start, bytes) =>
        same(
          (inside) => inside.random(start, bytes),
          (engine) => engine.fill(plans.getrandom, memory(false), start, bytes, 0),
        ),
      ),
    ));

  it("random in pieces, and writing the rest to a standard stream", () => {
    const pieces = (count: number) => (count < 3 ? 10n : ENOENT);
    same(
      (inside) => inside.random(1000, 64),
      (engine) => {
        for (const done of [0, 10, 20]) engine.fill(plans.getrandom, memory(false), 1000 + done, 64 - done, 0);
      },
      pieces,
    );
    same(
      (inside) => assert.equal(inside.write(1, 1000, 64), 20),
      (engine) => {
        for (const done of [0, 10, 20]) engine.transfer(plans.write, 1, memory(false), 1000 + done, 64 - done);
      },
      pieces,
    );
  });

  it("clock", () =>
    check(
      fc.property(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), (id) =>
        same(
          (inside) => inside.clock(id),
          (engine) => engine.clock(id),
        ),
      ),
    ));

  it("open", () => {
    const flags = fc.constantFrom(0, O_DIRECTORY, O_NOFOLLOW, O_DIRECTORY | O_NOFOLLOW);
    check(
      fc.property(withKind(Short.DIRECTORY), path, flags, ({ fd, entry }, name, how) =>
        same(
          (inside) => {
            assert.equal(inside.beginPath(fd, name.length), 0);
            putPath(inside, name);
            inside.open(fd, name.length, how);
          },
          (engine) => engine.open(entry.descriptor, name, name.length, how, 0),
        ),
      ),
    );
  });

  it("close", () =>
    check(
      fc.property(withKind(Short.CLOSE), ({ fd, entry }) =>
        same(
          (inside) => inside.close(fd),
          (engine) => engine.numbers(plans.close, entry.descriptor),
        ),
      ),
    ));

  it("list", () => {
    const reader = fc.constantFrom(0, 1, SHORT_WAY);
    check(
      fc.property(withKind(Short.DIRECTORY), reader, ({ fd, entry }, before) => {
        const inside = new StagingInside(() => 0n);
        const twin = new StagingEngine(() => 0n);
        const words = new Int32Array(inside.parts.memory.buffer, inside.parts.table);
        words[4 + fd * Row.WORDS + Row.READER] = before;
        // The directory is empty, and does not even tell its own number.
        assert.equal(inside.inside.list(fd, 0n, 100), NOT_HERE);
        if (entry.name !== null || before !== 0) twin.engine.seek(plans.lseek, entry.descriptor, 0, 0, SEEK_SET);
        twin.engine.transfer(plans.getdents64, entry.descriptor, memory(true), 0, BATCH_BYTES);
        assert.deepEqual(inside.sent, twin.sent);
      }),
    );
  });

  it("statusOf", () =>
    check(
      fc.property(withKind(Short.STATUS), ({ fd, entry }) =>
        same(
          (inside) => inside.statusOf(fd),
          (engine) => engine.status(entry.descriptor, new Uint8Array(1), 0, 0, STATX_BASIC_STATS, new Uint8Array(256)),
        ),
      ),
    ));

  it("statusAt", () =>
    check(
      fc.property(withKind(Short.DIRECTORY), path, fc.boolean(), ({ fd, entry }, name, follow) =>
        same(
          (inside) => {
            assert.equal(inside.beginStatus(fd, name.length), 0);
            putPath(inside, name);
            inside.statusAt(fd, name.length, follow ? 1 : 0);
          },
          (engine) => {
            const flags = follow ? 0 : AT_SYMLINK_NOFOLLOW;
            engine.status(entry.descriptor, name, name.length, flags, STATX_BASIC_STATS, new Uint8Array(256));
          },
        ),
      ),
    ));
});
