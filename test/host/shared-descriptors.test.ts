import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { DescriptorTable, descriptorRows, SharedDescriptorTable, sharingMemory } from "#src/host/index.js";
import type { Work } from "./shared-worker.js";

const EBUSY = 16;
const EMFILE = 24;
const LIMIT = 4;

function tables(count: number, output = Number.POSITIVE_INFINITY) {
  const rows = descriptorRows(LIMIT, true);
  const sharing = sharingMemory(LIMIT, output);
  return Array.from({ length: count }, () => new SharedDescriptorTable(rows, sharing));
}

test("threads see each other's descriptors, and take the lowest free number", () => {
  const [one, two] = tables(2) as [SharedDescriptorTable, SharedDescriptorTable];
  assert.deepEqual([one.add(50, 1, true), two.add(51, 1, true), one.add(52, 1, true)], [0, 1, 2]);
  assert.equal(two.remove(0), 50);
  assert.deepEqual([one.add(53, 1, true), one.add(54, 1, true), two.add(55, 1, true)], [0, 3, -EMFILE]);
  assert.deepEqual([two.find(0, 0), two.find(3, 0), two.find(4, 0), two.find(0, 1)], [53, 54, -1, -1]);
});

test("what somebody uses is closed by the last who gives it back, and its number stays taken until then", () => {
  const [one, two, three] = tables(3) as [SharedDescriptorTable, SharedDescriptorTable, SharedDescriptorTable];
  one.add(50, 1, true);
  assert.equal(one.find(0, 0), 50);
  assert.equal(two.find(0, 0), 50);
  assert.equal(three.remove(0), -1, "not to be closed yet");
  assert.equal(three.find(0, 0), -1, "and not to be found any more");
  assert.equal(three.remove(0), -1);
  assert.equal(three.add(60, 1, true), 1);
  assert.equal(three.replace(0, 61, 1), -EBUSY);
  const closed: number[] = [];
  one.release((native) => closed.push(native));
  assert.equal(closed.length, 0);
  two.release((native) => closed.push(native));
  assert.deepEqual(closed, [50]);
  assert.equal(three.add(62, 1, true), 0);
});

test("what is not the table's to close is not closed by the last user either", () => {
  const [one] = tables(1) as [SharedDescriptorTable];
  one.add(2, 1, false);
  one.find(0, 0);
  one.remove(0);
  one.release(() => assert.fail("closed"));
  assert.equal(one.free(), 0);
});

test("a table that threads left in the midst of something is emptied whole", () => {
  const rows = descriptorRows(LIMIT, true);
  const table = new SharedDescriptorTable(rows, sharingMemory(LIMIT, 0));
  table.add(50, 1, true);
  table.add(51, 1, true);
  table.find(0, 0);
  table.remove(0);
  const closed: number[] = [];
  new DescriptorTable(rows).clear((native) => closed.push(native));
  assert.deepEqual(closed, [50, 51]);
});

test("the output limit counts for all threads together, and what was not written is given back", () => {
  const [one, two] = tables(2, 100) as [SharedDescriptorTable, SharedDescriptorTable];
  assert.equal(one.reserveOutput(80), 80);
  assert.equal(two.reserveOutput(80), 20);
  one.countOutput(30);
  two.countOutput(-5);
  assert.equal(two.outputLeft[0], 70);
  assert.equal(two.reserveOutput(80), 70);
  assert.equal(one.reserveOutput(1), 0);
});

test("a hundred thousand openings and closings: no thread ever uses what was not granted, and nothing stays open", async () => {
  const directory = mkdtempSync(join(tmpdir(), "postern-threads-"));
  const path = (name: string, text: string) => {
    writeFileSync(join(directory, name), text);
    return new TextEncoder().encode(`${join(directory, name)}\0`);
  };
  const before = readdirSync("/proc/self/fd").length;
  const rows = descriptorRows(LIMIT, true);
  const done = new Int32Array(new SharedArrayBuffer(8));
  const roles = ["owner", "owner", "user", "user", "stranger"] as const;
  const shared = { rows, sharing: sharingMemory(LIMIT, 0), done, turns: 50_000 };
  const files = { granted: path("granted", "G"), foreign: path("foreign", "F") };
  const counts = await Promise.all(
    roles.map(async (role) => {
      const work: Work = { role, ...shared, ...files };
      const worker = new Worker(new URL("./shared-worker.js", import.meta.url), { workerData: work });
      const [result] = (await once(worker, "message")) as [{ used: number; absent: number; wrong: number }];
      await worker.terminate();
      return result;
    }),
  );
  rmSync(directory, { recursive: true });
  assert.ok(counts[2]!.used + counts[3]!.used > 100, "the threads met");
  assert.ok(counts.every(({ wrong }) => wrong === 0));
  assert.ok(rows.subarray(0, LIMIT).every((native) => native === -1));
  // Descriptors of the threads themselves may come and go.
  assert.ok(readdirSync("/proc/self/fd").length <= before + 8);
});
