import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import { architecture, viewOf } from "#src/kernel/index.js";
import { findDynamicSymbol, vdsoSymbol } from "#src/kernel/vdso.js";

const [symbol, version] =
  architecture === "x86_64" ? ["__vdso_clock_gettime", "LINUX_2.6"] : ["__kernel_clock_gettime", "LINUX_2.6.39"];

/** Where this process's vDSO lies, as the kernel tells it; the test's own source, not the code's. */
const range = /^([0-9a-f]+)-([0-9a-f]+) .*\[vdso\]$/m.exec(readFileSync("/proc/self/maps", "utf8"));
const skip = range === null ? "this kernel maps no vDSO" : false;
const base = Number.parseInt(range?.[1] ?? "0", 16);
const end = Number.parseInt(range?.[2] ?? "0", 16);
/** A copy of the image, free to be damaged. */
const image = () => new Uint8Array(viewOf(base, end - base)).slice();

describe("vDSO symbols", { skip }, () => {
  it("finds a function inside of the image, with and without its version", () => {
    const address = vdsoSymbol(symbol);
    assert.ok(address !== null && address > base && address < end);
    assert.equal(vdsoSymbol(symbol, version), address);
  });

  it("knows when there is no such symbol or version", () => {
    assert.equal(vdsoSymbol("__vdso_no_such_function"), null);
    assert.equal(vdsoSymbol(symbol.slice(0, -1)), null);
    assert.equal(vdsoSymbol(`${symbol}x`), null);
    assert.equal(vdsoSymbol(""), null);
    assert.equal(vdsoSymbol(symbol, "LINUX_1.0"), null);
  });

  it("finds symbols by the GNU hash table as well, for images without the older one", () => {
    const bytes = image();
    const view = new DataView(bytes.buffer);
    const offset = findDynamicSymbol(bytes, symbol);
    let hidden = 0;
    // Turn the entry DT_HASH (4) of the dynamic section into an unknown tag. It is found by its value, the section's offset.
    const dynamic = dynamicSection(view);
    let hasGnuHash = false;
    for (let at = dynamic; view.getBigUint64(at, true) !== 0n; at += 16) {
      if (view.getBigUint64(at, true) === 0x6ffffef5n) hasGnuHash = true;
      if (view.getBigUint64(at, true) !== 4n) continue;
      view.setBigUint64(at, 0x6000000fn, true);
      hidden++;
    }
    assert.ok(hidden <= 1);
    assert.equal(findDynamicSymbol(bytes, symbol), hasGnuHash ? offset : null);
  });

  it("answers null for an image cut off anywhere before the end of its tables, and never reads outside", () => {
    const bytes = image();
    const whole = findDynamicSymbol(bytes, symbol, version);
    assert.notEqual(whole, null);
    for (let length = 0; length < bytes.length; length += 7) {
      const found = findDynamicSymbol(bytes.subarray(0, length), symbol, version);
      assert.ok(found === null || found === whole);
      if (length < 64) assert.equal(found, null);
    }
  });

  it("survives any damage to the first bytes, where all the offsets are", () => {
    const bytes = image();
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(1023), fc.nat(255)), { minLength: 1, maxLength: 12 }),
        (damage: [number, number][]) => {
          const damaged = bytes.slice();
          for (const [at, value] of damage) damaged[at] = value;
          const found = findDynamicSymbol(damaged, symbol, version);
          assert.ok(found === null || (found > 0 && found < damaged.length));
        },
      ),
      { numRuns: 500 },
    );
  });

  it("refuses what is no 64-bit little-endian ELF image", () => {
    assert.equal(findDynamicSymbol(new Uint8Array(4096), symbol), null);
    const bytes = image();
    bytes[4] = 1;
    assert.equal(findDynamicSymbol(bytes, symbol), null);
  });
});

/** Offset of the dynamic section, by elf(5). */
function dynamicSection(view: DataView): number {
  const table = Number(view.getBigUint64(32, true));
  for (let index = 0; index < view.getUint16(56, true); index++) {
    const header = table + index * 56;
    if (view.getUint32(header, true) === 2) return Number(view.getBigUint64(header + 16, true));
  }
  throw new Error("no dynamic section");
}
