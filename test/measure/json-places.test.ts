import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { elementPlaces } from "#src/measure/json-places.js";

test("every element is found where its text starts, whatever surrounds it", () => {
  const outer = fc.dictionary(fc.string(), fc.jsonValue());
  fc.assert(
    fc.property(outer, fc.array(fc.jsonValue()), outer, fc.nat(3), (before, list, after, indent) => {
      const { pages: _, ...rest } = after;
      const text = JSON.stringify({ ...before, pages: list, ...rest }, null, indent);
      const bytes = Buffer.from(text);
      const places = elementPlaces(bytes, "pages");
      assert.equal(places.length, list.length);
      for (const [index, at] of places.entries()) {
        const start = JSON.stringify(list[index]).slice(0, 1);
        assert.equal(String.fromCharCode(bytes[at]!), start);
      }
    }),
    { numRuns: 300 },
  );
});

test("a list that is not there has no places", () => {
  for (const text of [
    "{}",
    "[]",
    "7",
    '{"a":{"pages":[1]}}',
    '["pages",[1]]',
    '{"pages":{"a":1,"b":2}}',
    '{"pages":[],"a":[1,2]}',
  ]) {
    assert.deepEqual(elementPlaces(Buffer.from(text), "pages"), [], text);
  }
});
