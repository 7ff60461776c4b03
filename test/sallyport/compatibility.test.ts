import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  isCompatible,
  isRequirement,
  KVM_SYSCALL_TRIGGER_EXIT_THREAD,
  KVM_SYSCALL_TRIGGER_PORT,
  MAX_UDP_PACKET_SIZE,
  REQUIRES,
  VERSION,
} from "postern/sallyport";

test("the constants are those of the specification", () => {
  assert.deepEqual(
    [VERSION, REQUIRES, KVM_SYSCALL_TRIGGER_PORT, KVM_SYSCALL_TRIGGER_EXIT_THREAD, MAX_UDP_PACKET_SIZE],
    ["0.7.1", "^0.7.1", 0xff, 0xfe, 65507],
  );
});

/** [requirement, versions that satisfy it, versions that do not] */
const RULES: [string, string[], string[]][] = [
  ["^0.7.1", ["0.7.1", "0.7.2", "0.7.99", "0.7.1+build"], ["0.7.0", "0.8.0", "0.6.9", "1.7.1", "0.7.2-rc.1"]],
  ["^0.2.0", ["0.2.0", "0.2.7"], ["0.7.1", "0.1.0", "0.3.0", "0.2.0-alpha"]],
  ["^0.0.3", ["0.0.3", "0.0.3+x"], ["0.0.4", "0.0.2", "0.1.3"]],
  ["^0.0.0", ["0.0.0"], ["0.0.1"]],
  ["^1.2.3", ["1.2.3", "1.2.4", "1.9.0"], ["1.2.2", "1.1.9", "2.0.0", "0.9.0", "1.3.0-beta"]],
  ["^1.2", ["1.2.0", "1.9.9"], ["1.1.9", "2.0.0"]],
  ["^1", ["1.0.0", "1.9.9"], ["0.9.9", "2.0.0", "1.0.0-a"]],
  ["^0.3", ["0.3.0", "0.3.9"], ["0.4.0", "0.2.9"]],
  ["^0.0", ["0.0.0", "0.0.9"], ["0.1.0"]],
  ["^0", ["0.0.0", "0.9.9"], ["1.0.0"]],
  ["0.7.1", ["0.7.1", "0.7.5"], ["0.8.0"]],
  ["^0.7.1-rc.2", ["0.7.1-rc.2", "0.7.1-rc.10", "0.7.1", "0.7.2"], ["0.7.1-rc.1", "0.7.1-alpha", "0.7.2-rc.3"]],
  ["^1.0.0-alpha", ["1.0.0-alpha.1", "1.0.0-beta", "1.0.0"], ["1.0.0-1", "1.0.1-beta"]],
];

for (const [requirement, good, bad] of RULES) {
  test(`${requirement} accepts ${good.join(", ")} and not ${bad.join(", ")}`, () => {
    for (const version of good) assert.ok(isCompatible(requirement, version), version);
    for (const version of bad) assert.ok(!isCompatible(requirement, version), version);
  });
}

test("a host satisfies what it states itself", () => {
  assert.ok(isCompatible(REQUIRES));
  const numbers = fc.tuple(fc.nat(), fc.nat(), fc.nat());
  fc.assert(
    fc.property(numbers, numbers, (left, right) => {
      const [wanted, offered] = [left.join("."), right.join(".")];
      assert.ok(isCompatible(`^${wanted}`, wanted));
      if (isCompatible(`^${wanted}`, offered) && isCompatible(`^${offered}`, wanted)) assert.equal(wanted, offered);
    }),
    { verbose: 1 },
  );
});

test("what is no version satisfies nothing and is satisfied by nothing", () => {
  for (const text of ["", "^", "^a.b.c", "^01.2.3", "^1.2.3.4", "~1.2.3", ">=1.0.0", "^1.2.3-", "^-1.0.0", "^1..3"]) {
    assert.ok(!isRequirement(text), text);
    assert.ok(!isCompatible(text, "1.2.3"), text);
  }
  for (const text of ["1", "1.2", "^1.2.3", "1.2.3 ", `1.2.${"9".repeat(400)}`, "1.2.3-é"]) {
    assert.ok(!isCompatible("^1.2.3", text), text);
  }
  fc.assert(
    fc.property(fc.string(), fc.string(), (left, right) => {
      assert.equal(typeof isCompatible(left, right), "boolean");
    }),
    { verbose: 1 },
  );
});
