import assert from "node:assert/strict";
import { closeSync, existsSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createEngine } from "postern/guest";
import { createHost, DescriptorTable, descriptorRows } from "postern/host";
import { BLOCK_BYTES, Block, Errno, plans } from "postern/sallyport";

const EVERYTHING = 15;
const bytes = (text: string) => new TextEncoder().encode(text);

test("what a policy judged is what is done, though the guest writes another path meanwhile", () => {
  const directory = mkdtempSync(join(tmpdir(), "postern-copying-"));
  const descriptors = new DescriptorTable(descriptorRows(8));
  const shared = new Block(new SharedArrayBuffer(BLOCK_BYTES));
  const judged: string[] = [];
  try {
    descriptors.add(openSync(directory, "r"), EVERYTHING, true);
    const decide = (request: { bytes(parameter: number): Uint8Array }) => {
      const path = Buffer.from(request.bytes(1)).toString();
      judged.push(path);
      // Another thread of the guest, at the worst moment.
      const at = Buffer.from(shared.bytes).indexOf("good");
      shared.bytes.set(bytes("evil"), at);
      return path === "good" ? 0 : Errno.EACCES;
    };
    const host = createHost({ block: shared, descriptors, policy: { decide } });
    const engine = createEngine({ block: shared, sally: () => host.execute() });
    assert.equal(engine.call(plans.mkdirat, 0, bytes("good"), 0o700), 0);
    assert.deepEqual(judged, ["good"]);
    assert.ok(existsSync(join(directory, "good")));
    assert.ok(!existsSync(join(directory, "evil")));
  } finally {
    descriptors.clear(closeSync);
    rmSync(directory, { recursive: true });
  }
});

test("results and outputs of a copied block come back, for several items and after a malformed one", () => {
  const shared = new Block(new SharedArrayBuffer(1024));
  const seen: string[] = [];
  const observer = { after: (request: { name: string }) => void seen.push(request.name) };
  const host = createHost({ block: shared, observer });
  const engine = createEngine({ block: shared, sally: () => host.execute() });
  const time = new Uint8Array(16);
  const results = engine.batch([
    { plan: plans.clock_gettime, args: [1, time] },
    { plan: plans.sched_yield, args: [] },
    { plan: plans.close, args: [7] },
  ]);
  assert.deepEqual(results, [
    { value: 0, errno: 0 },
    { value: 0, errno: 0 },
    { value: -Errno.EBADF, errno: Errno.EBADF },
  ]);
  assert.ok(time.some((byte) => byte !== 0));
  assert.deepEqual(seen, ["clock_gettime", "sched_yield", "close"]);
  shared.halves.set([72, 0, 1, 0, plans.sched_yield.number, 0], 0);
  shared.halves.set([3, 0, 1, 0], 22);
  assert.throws(() => host.execute(), { code: "EBADBLOCK", offset: 88 });
  assert.equal(shared.halves[18], 0);
});
