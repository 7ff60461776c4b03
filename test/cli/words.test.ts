import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { editDistance, nearest } from "#src/cli/nearest.js";
import { printable } from "#src/cli/printable.js";

test("the distance counts insertions, removals, replacements and swaps of neighbours", () => {
  const distances: [string, string, number][] = [
    ["", "", 0],
    ["", "abc", 3],
    ["memory", "memroy", 1],
    ["inspect", "inspct", 1],
    ["inspct", "inspect", 1],
    ["doctor", "dactor", 1],
    ["run", "doctor", 6],
  ];
  for (const [from, to, edits] of distances) assert.equal(editDistance(from, to), edits, `${from} ${to}`);
});

test("the distance is the same both ways, zero only for the same word, and at most the longer length", () => {
  const word = fc.string({ maxLength: 12 });
  fc.assert(
    fc.property(word, word, (one, other) => {
      const edits = editDistance(one, other);
      assert.equal(edits, editDistance(other, one));
      assert.equal(edits === 0, one === other);
      assert.ok(edits <= Math.max(one.length, other.length));
    }),
  );
});

test("the nearest word is offered only when it is near", () => {
  const words = ["inspect", "doctor", "run"];
  assert.equal(nearest("insect", words), "inspect");
  assert.equal(nearest("rn", words), "run");
  assert.equal(nearest("x", words), undefined);
  assert.equal(nearest("completely", words), undefined);
  assert.equal(nearest("r".repeat(1_000_000), words), undefined);
});

test("what goes to a terminal has no control characters, and text of any language stays", () => {
  assert.equal(printable("größe 大きさ 🏰"), "größe 大きさ 🏰");
  assert.equal(printable("\u001b[31m\n\u009b\u202e"), "\\u{1b}[31m\\u{a}\\u{9b}\\u{202e}");
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      assert.ok(!/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u.test(printable(text)));
    }),
  );
});
