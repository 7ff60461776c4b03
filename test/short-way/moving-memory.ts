/**
 * Reads into a program's memory that has grown, and tells whether it has moved then and what was read where. To be run where
 * there is so little room for addresses that it must move.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { addressOf } from "#src/kernel/index.js";
import { TestKeep } from "./keeps.js";

const PAGES_MAX = 65536;
const PAGES_STEP = 200;
const [IOVEC, RESULT, PATH, BUFFER] = [64, 32, 1024, 8192];
const TEXT = "what was read";

function answers(short: boolean): { readonly moved: boolean; readonly read: string } {
  const keep = new TestKeep(short, (data) => writeFileSync(join(data, "f"), TEXT), PAGES_MAX);
  keep.bytes.set(Buffer.from("f"), PATH);
  keep.call("path_open", 3, 0, PATH, 1, 0, 2n, 0n, 0, RESULT);
  const fd = keep.view.getUint32(RESULT, true);
  const before = addressOf(keep.bytes);
  for (let steps = 0; steps < 8 && addressOf(keep.bytes) === before; steps++) keep.memory.grow(PAGES_STEP);
  const { view } = keep;
  view.setUint32(IOVEC, BUFFER, true);
  view.setUint32(IOVEC + 4, TEXT.length, true);
  // Into a place that was there before the memory grew.
  const error = keep.call("fd_read", fd, IOVEC, 1, RESULT);
  const bytes = Buffer.from(keep.bytes.subarray(BUFFER, BUFFER + TEXT.length));
  const moved = addressOf(keep.bytes) !== before;
  keep.close();
  return { moved, read: `${error} ${bytes.toString("latin1")}` };
}

console.log(JSON.stringify([answers(true), answers(false)]));
