import assert from "node:assert/strict";
import { test } from "node:test";
import { Right } from "#src/shim/wasi/abi.js";
import { Access, Entry, Kind } from "#src/shim/wasi/descriptors.js";
import { descriptorMemory, SharedDescriptors } from "#src/shim/wasi/shared-descriptors.js";

const MAX = 8;
const name = Uint8Array.of(0x2f);

function two(): [SharedDescriptors, SharedDescriptors] {
  const memory = descriptorMemory(MAX);
  return [1, 2].map((thread) => new SharedDescriptors(MAX, { memory, thread }, [null, name])) as [
    SharedDescriptors,
    SharedDescriptors,
  ];
}

const entry = (descriptor: number, more: object = {}) =>
  new Entry({ kind: Kind.REGULAR, access: Access.BOTH, descriptor, ...more });

test("what one thread opens the others have, with everything that is known of it", () => {
  const [one, other] = two();
  const flags = { flags: 4, readOnly: true, terminal: true, listens: true };
  assert.equal(one.add(entry(5, flags)), 0);
  assert.equal(one.add(entry(6, { kind: Kind.DIRECTORY, name })), 1);
  const { generation: _generation, ...seen } = other.get(0);
  const { generation: _own, ...made } = one.get(0);
  assert.deepEqual(seen, made);
  assert.equal(other.get(1).name, name);
  assert.ok(other.uses(5) && other.uses(6) && !other.uses(7));
  assert.ok(other.uses(MAX), "a number that no host gives out");
  assert.equal(other.get(2).kind, Kind.CLOSED);
  assert.equal(other.get(-1).kind, Kind.CLOSED);
  assert.equal(other.add(entry(7)), 2);
  assert.equal(other.get(0), other.get(0), "a copy is kept as long as it is good");
});

test("flags and rights that one thread changes hold for the others", () => {
  const [one, other] = two();
  one.add(entry(5));
  assert.ok(other.get(0).plainRead);
  const mine = one.get(0);
  mine.flags = 1;
  mine.restrict(Right.FD_WRITE, 0);
  one.changed(0, mine);
  const theirs = other.get(0);
  assert.deepEqual([theirs.flags, theirs.base, theirs.restricted], [1, Right.FD_WRITE, true]);
  assert.ok(!theirs.plainRead && theirs.lacks(Right.FD_READ));
  // A copy that is out of date changes nothing.
  other.remove(0, theirs);
  one.changed(0, mine);
  assert.equal(other.get(0).kind, Kind.CLOSED);
});

test("of two threads that close the same number, one closes", () => {
  const [one, other] = two();
  one.add(entry(5));
  const [mine, theirs] = [one.get(0), other.get(0)];
  assert.ok(one.remove(0, mine));
  assert.ok(!one.uses(5));
  assert.equal(one.add(entry(5)), 0, "and the number is another's already");
  assert.ok(!other.remove(0, theirs));
  assert.equal(other.get(0).descriptor, 5);
});

test("a move that another thread forestalled does not happen", () => {
  const [one, other] = two();
  one.add(entry(5));
  one.add(entry(6));
  const [source, target] = [one.get(0), one.get(1)];
  assert.ok(other.remove(0, other.get(0)));
  assert.ok(!one.move(0, source, 1, target));
  assert.equal(one.get(1).descriptor, 6);
  assert.equal(one.add(entry(7)), 0);
  assert.ok(one.move(0, one.get(0), 1, one.get(1)));
  assert.deepEqual([other.get(0).kind, other.get(1).descriptor], [Kind.CLOSED, 7]);
  assert.ok(other.uses(7) && !other.uses(6));
});

test("the limit holds for all threads together", () => {
  const [one, other] = two();
  for (let count = 0; count < MAX; count++) {
    assert.ok(!one.full);
    (count % 2 === 0 ? one : other).add(entry(count));
  }
  assert.ok(one.full && other.full);
});

test("a directory that another thread has read since is told from one that nobody has", () => {
  const [one, other] = two();
  one.add(entry(5, { kind: Kind.DIRECTORY }));
  assert.ok(!one.claimListing(0));
  assert.ok(one.claimListing(0));
  assert.ok(!other.claimListing(0));
  assert.ok(!one.claimListing(0));
});
