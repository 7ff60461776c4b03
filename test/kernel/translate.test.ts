import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { constantsOf, SYS, structCopier, structsOf, systemCallNumbers } from "#src/kernel/index.js";
import { openFlagsFromWire, openFlagsToWire, openFlagsTranslator } from "#src/kernel/translate.js";

const x86 = constantsOf("x86_64");
const arm = constantsOf("arm64");
const toArm = openFlagsTranslator("x86_64", "arm64");
const toX86 = openFlagsTranslator("arm64", "x86_64");

describe("open flags between architectures", () => {
  const names = (Object.keys(x86) as (keyof typeof x86)[]).filter((name) => name.startsWith("O_"));

  it("carries every single flag over to the one of the same name", () => {
    assert.ok(names.length > 15);
    for (const name of names) {
      assert.equal(toArm(x86[name]), arm[name], name);
      assert.equal(toX86(arm[name]), x86[name], name);
    }
  });

  it("keeps protections where the numbers trade places", () => {
    assert.equal(toArm(x86.O_DIRECTORY | x86.O_NOFOLLOW), arm.O_DIRECTORY | arm.O_NOFOLLOW);
    assert.equal(toArm(0x30000), 0xc000);
  });

  it("loses no bit in either direction, and leaves unknown ones to the kernel", () => {
    fc.assert(
      fc.property(fc.integer(), (flags) => {
        assert.equal(toX86(toArm(flags)), flags);
        assert.equal(toArm(toX86(flags)), flags);
        assert.equal(openFlagsToWire(openFlagsFromWire(flags)), flags);
      }),
    );
  });
});

describe("structs between architectures", () => {
  it("rewrites an arm64 stat into the x86-64 one, widening by sign", () => {
    const from = structsOf("arm64").stat;
    const to = structsOf("x86_64").stat;
    const source = new DataView(new ArrayBuffer(from.size + 8));
    for (let index = 0; index < from.size; index++) source.setUint8(8 + index, 0xff);
    const set = (name: keyof typeof from.fields, value: bigint) => {
      const { offset, size } = from.fields[name];
      if (size === 8) source.setBigInt64(8 + offset, value, true);
      else source.setInt32(8 + offset, Number(value), true);
    };
    set("st_nlink", -1n); // unsigned: 4294967295
    set("st_blksize", -4096n);
    set("st_size", 2n ** 40n);
    set("st_atime", -5n);
    set("st_mode", 0o100644n);
    const target = new DataView(new ArrayBuffer(to.size + 16).slice(0));
    for (let index = 0; index < target.byteLength; index++) target.setUint8(index, 0xaa);
    structCopier(from, to)(source, 8, target, 16);
    const get = (name: keyof typeof to.fields) => {
      const { offset, size } = to.fields[name];
      return size === 8 ? target.getBigInt64(16 + offset, true) : BigInt(target.getUint32(16 + offset, true));
    };
    assert.equal(get("st_nlink"), 4294967295n);
    assert.equal(get("st_blksize"), -4096n);
    assert.equal(get("st_size"), 2n ** 40n);
    assert.equal(get("st_atime"), -5n);
    assert.equal(get("st_mode"), 0o100644n);
    assert.equal(target.getUint32(16 + 36, true), 0, "padding is zero");
    assert.equal(target.getBigInt64(16 + 120, true), 0n, "the unused tail is zero");
    assert.equal(target.getUint8(15), 0xaa, "nothing before the struct changes");
  });

  it("moves the data of an epoll_event by four bytes, in place too", () => {
    const packed = structsOf("x86_64").epoll_event;
    const wide = structsOf("arm64").epoll_event;
    const view = new DataView(new ArrayBuffer(16));
    view.setUint32(0, 0x80000001, true);
    view.setBigUint64(4, 0x1122334455667788n, true);
    structCopier(packed, wide)(view, 0, view, 0);
    assert.equal(view.getUint32(0, true), 0x80000001);
    assert.equal(view.getUint32(4, true), 0);
    assert.equal(view.getBigUint64(8, true), 0x1122334455667788n);
    structCopier(wide, packed)(view, 0, view, 0);
    assert.equal(view.getBigUint64(4, true), 0x1122334455667788n);
  });

  it("refuses to narrow a field", () => {
    assert.throws(() => structCopier(structsOf("x86_64").stat, structsOf("arm64").stat), { code: "EINVALIDARGUMENT" });
  });
});

describe("system call numbers", () => {
  it("has the calls of each architecture only", () => {
    assert.equal(systemCallNumbers("x86_64").read, 0);
    assert.equal(systemCallNumbers("arm64").read, 63);
    assert.equal(systemCallNumbers("x86_64").open, 2);
    for (const name of ["open", "poll", "dup2", "epoll_wait", "pipe", "mkdir"] as const) {
      assert.ok(!(name in systemCallNumbers("arm64")), name);
    }
    assert.ok(Object.isFrozen(SYS));
    assert.equal(SYS.openat2, 437);
  });

  it("gives no number twice", () => {
    for (const machine of ["x86_64", "arm64"] as const) {
      const numbers = Object.values(systemCallNumbers(machine));
      assert.equal(new Set(numbers).size, numbers.length);
    }
  });
});
