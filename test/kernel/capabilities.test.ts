import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { PROBES, probeMachine } from "#src/kernel/capabilities.js";

describe("what the machine can do", () => {
  it("says for every capability what was found, and for most absent ones what to do", () => {
    const found = probeMachine();
    assert.deepEqual(Object.keys(found), Object.keys(PROBES));
    for (const [name, { present, detail, fix }] of Object.entries(found)) {
      assert.equal(typeof present, "boolean", name);
      assert.ok(detail.length > 0, name);
      if (fix !== undefined) {
        assert.ok(!present, `${name}: a fix is for what is absent`);
        assert.match(fix, /\.$/, name);
      }
    }
  });

  it("leaves no descriptor behind", () => {
    const before = readdirSync("/proc/self/fd").length;
    for (let round = 0; round < 20; round++) probeMachine();
    assert.equal(readdirSync("/proc/self/fd").length, before);
  });

  it("agrees with what the kernel tells elsewhere", () => {
    const release = readFileSync("/proc/sys/kernel/osrelease", "utf8").trim();
    assert.ok(PROBES.kernel().detail.includes(release));
    assert.equal(PROBES.vsock().present, existsSync("/dev/vsock"));
    assert.equal(
      PROBES["huge pages"]().present,
      /^HugePages_Free:\s+[1-9]/m.test(readFileSync("/proc/meminfo", "utf8")),
    );
  });

  it("names the device and the way in when it is missing", () => {
    for (const [name, path] of [
      ["kvm", "/dev/kvm"],
      ...(process.arch === "x64" ? ([["sgx", "/dev/sgx_enclave"]] as const) : []),
      ["nitro enclaves", "/dev/nitro_enclaves"],
    ] as const) {
      const { present, detail, fix } = PROBES[name]();
      if (existsSync(path)) continue;
      assert.equal(present, false);
      assert.match(detail, new RegExp(path));
      assert.ok(fix !== undefined);
    }
  });
});
