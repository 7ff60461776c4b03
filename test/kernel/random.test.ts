import assert from "node:assert/strict";
import { test } from "node:test";
import { addressOf } from "#src/kernel/index.js";
import { getrandom } from "#src/kernel/random.js";

test("random bytes fill exactly what was asked, before and after the vDSO takes over, and differ each time", () => {
  const bytes = new Uint8Array(600);
  const address = addressOf(bytes);
  const seen = new Set<string>();
  for (let i = 0; i < 200; i++) {
    for (const length of [1, 16, 255, 256, 257, 500]) {
      bytes.fill(0);
      assert.equal(getrandom(address, length, 0), length);
      assert.ok(bytes.subarray(length).every((byte) => byte === 0));
      if (length < 16) continue;
      const text = Buffer.from(bytes.subarray(0, length)).toString("hex");
      assert.ok(!seen.has(text));
      seen.add(text);
    }
  }
});

test("no length and unknown flags are the kernel's to answer", () => {
  assert.equal(getrandom(addressOf(new Uint8Array(8)), 0, 0), 0);
  assert.equal(getrandom(addressOf(new Uint8Array(8)), 8, 0x80), -22);
});
