import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { addressOf } from "#src/kernel/index.js";
import { getrandom } from "#src/kernel/random.js";
import { lseek, positionedTransferOf, transferOf } from "#src/kernel/transfer.js";

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

test("bytes and positions move, and failures are negative error numbers", () => {
  const directory = mkdtempSync(join(tmpdir(), "postern-transfer-"));
  const file = join(directory, "file");
  const descriptor = openSync(file, "w+");
  try {
    const bytes = new TextEncoder().encode("hello world");
    const address = addressOf(bytes);
    assert.equal(transferOf("write")(descriptor, address, 11), 11);
    assert.equal(positionedTransferOf("pwrite64")(descriptor, address, 5, 6), 5);
    assert.equal(readFileSync(file, "utf8"), "hello hello");
    assert.equal(lseek(descriptor, 6n, 0), 6);
    assert.equal(transferOf("read")(descriptor, address, 3), 3);
    assert.equal(lseek(descriptor, 0, 1), 9);
    assert.equal(positionedTransferOf("pread64")(descriptor, address, 11, 0), 11);
    assert.equal(lseek(descriptor, -1, 0), -22);
    assert.equal(transferOf("read")(-1, address, 3), -9);
    assert.equal(positionedTransferOf("pread64")(descriptor, address, 3, -1), -22);
  } finally {
    closeSync(descriptor);
    rmSync(directory, { recursive: true });
  }
  assert.throws(() => transferOf("close")(0, 0, 0), TypeError);
});
