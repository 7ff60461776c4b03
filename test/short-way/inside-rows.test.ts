// The inside changes the rows of the program's descriptors as JavaScript does, and not at all for what it leaves to that.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { S_IFDIR, S_IFREG } from "#src/sallyport/linux.js";
import { Access, Entry, Kind } from "#src/shim/wasi/descriptors.js";
import { NOT_HERE } from "#src/short-way/index.js";
import type { Inside } from "./parts.js";
import { CAPACITY, LIMIT, putPath, StagingInside } from "./staging.js";

const SEED = Date.now() | 0;

/** Checks a property; its seed is in the name of the tests. */
const check = (property: unknown, numRuns = 300): void =>
  fc.assert(property as fc.IProperty<unknown>, { seed: SEED, numRuns, includeErrorInReport: true });

describe(`what the inside opens and closes (seed ${SEED})`, () => {
  /** A directory, a file, and two numbers that something of any kind was open at before. */
  const used = (readOnly: boolean, before: Entry, opened: bigint): StagingInside => {
    const directory = new Entry({ kind: Kind.DIRECTORY, descriptor: 20, access: Access.READ, readOnly });
    const file = new Entry({ kind: Kind.REGULAR, descriptor: 21, access: Access.BOTH });
    const made = new StagingInside(() => opened, [directory, file]);
    for (const entry of [before, new Entry({ ...before, name: undefined, descriptor: 23 })]) {
      made.descriptors.add(entry);
    }
    made.descriptors.claimListing(2);
    for (const fd of [2, 3]) assert.equal(made.descriptors.remove(fd, made.descriptors.get(fd)), true);
    return made;
  };
  const kinds = fc.constantFrom(Kind.REGULAR, Kind.DIRECTORY, Kind.FIFO, Kind.STREAM);
  const number = fc.constantFrom(5, 22, 23, LIMIT - 1);

  it("is entered and taken out as JavaScript does it", () =>
    check(
      fc.property(
        fc.boolean(),
        fc.boolean(),
        kinds,
        number,
        fc.boolean(),
        (folder, readOnly, kind, descriptor, narrow) => {
          const [mine, others] = [0, 1].map(() => {
            const before = new Entry({
              kind,
              descriptor: 22,
              access: Access.BOTH,
              flags: 1,
              readOnly: true,
              listens: true,
            });
            if (narrow) before.restrict(0, 0);
            return used(readOnly, before, BigInt(descriptor));
          }) as [StagingInside, StagingInside];
          mine.mode = folder ? S_IFDIR | 0o755 : S_IFREG | 0o644;
          assert.equal(mine.inside.beginPath(0, 1), 0);
          putPath(mine.inside, Uint8Array.of(97));
          const fd = mine.inside.open(0, 1, 0);
          const opened = folder ? Kind.DIRECTORY : Kind.REGULAR;
          const entry = new Entry({ kind: opened, descriptor, access: Access.READ, readOnly });
          assert.equal(fd, others.descriptors.add(entry));
          assert.equal(mine.rows(), others.rows());
          mine.inside.close(fd);
          others.descriptors.remove(fd, entry);
          assert.equal(mine.rows(), others.rows());
          assert.equal(mine.descriptors.add(new Entry({ kind, descriptor, access: Access.READ })), fd);
        },
      ),
    ));
});

describe(`what the inside leaves to JavaScript it has not begun (seed ${SEED})`, () => {
  const anyEntry = fc.record({
    kind: fc.constantFrom(...Object.values(Kind).filter((kind) => kind !== Kind.CLOSED)),
    access: fc.constantFrom(Access.READ, Access.WRITE, Access.BOTH),
    flags: fc.constantFrom(0, 4),
    restricted: fc.boolean(),
  });
  const fds = fc.oneof(fc.integer({ min: -2, max: 12 }), fc.constantFrom(LIMIT - 1, LIMIT, 0x7fffffff, -(2 ** 31)));
  const calls: Readonly<Record<string, (inside: Inside, fd: number) => number>> = {
    read: (inside, fd) => inside.read(fd, 0, 8),
    write: (inside, fd) => inside.write(fd, 0, 8),
    readAt: (inside, fd) => inside.readAt(fd, 0, 8, 0n),
    writeAt: (inside, fd) => inside.writeAt(fd, 0, 8, 0n),
    seek: (inside, fd) => inside.seek(fd, 0n, 0),
    beginPath: (inside, fd) => inside.beginPath(fd, 8),
    beginLongPath: (inside, fd) => inside.beginPath(fd, CAPACITY),
    close: (inside, fd) => inside.close(fd),
    statusOf: (inside, fd) => inside.statusOf(fd),
    beginStatus: (inside, fd) => inside.beginStatus(fd, 8),
    list: (inside, fd) => inside.list(fd, 0n, 100),
    listOn: (inside, fd) => inside.list(fd, 3n, 100),
  };

  it("and the rows are as they were", () => {
    let left = 0;
    check(
      fc.property(
        fc.array(anyEntry, { maxLength: 10 }),
        fds,
        fc.constantFrom(...Object.keys(calls)),
        (all, fd, name) => {
          const entries = all.map(({ kind, access, flags, restricted }, index) => {
            const entry = new Entry({ kind, access, flags, descriptor: index + 20 });
            if (restricted) entry.restrict(entry.base, entry.inheriting);
            return entry;
          });
          const inside = new StagingInside(() => 0n, entries);
          const before = inside.rows();
          const answer = calls[name]!(inside.inside, fd);
          if (inside.sent.length > 0) return;
          // A path that may be opened was only begun.
          if (answer !== 0 || !name.startsWith("begin")) assert.equal(answer, NOT_HERE);
          assert.equal(inside.rows(), before);
          left++;
        },
      ),
      500,
    );
    assert.ok(left > 100, `${left} calls were left`);
  });

  it("and a full table is looked at before anything is opened", () => {
    const entries = Array.from({ length: LIMIT }, (_, descriptor) => {
      const kind = descriptor === 3 ? Kind.DIRECTORY : Kind.REGULAR;
      return new Entry({ kind, descriptor, access: Access.READ });
    });
    const inside = new StagingInside(() => 0n, entries);
    assert.equal(inside.inside.beginPath(3, 8), NOT_HERE);
    assert.equal(inside.descriptors.full, true);
    assert.equal(inside.sent.length, 0);
  });
});
