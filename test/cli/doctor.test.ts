import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isReady, probeNode, reported, reportText } from "#src/cli/doctor.js";
import { COMMAND, inDirectory, postern } from "./run-command.js";

const EXPECTED = [
  "node",
  "kernel",
  "openat2",
  "landlock",
  "seccomp",
  "user namespaces",
  "kvm",
  "sgx",
  "nitro enclaves",
  "vsock",
  "huge pages",
];

test("the machine is reported in words and as JSON, and the status says whether programs can run", () => {
  const words = postern("doctor");
  const json = postern("doctor", "--json");
  const report = JSON.parse(json.stdout);
  for (const name of EXPECTED) {
    assert.ok(name in report.probes, name);
    assert.match(words.stdout, new RegExp(`^${name} +(yes|no|NO) +\\S`, "m"));
  }
  assert.equal(words.stderr, "");
  assert.equal(words.status, report.ready ? 0 : 1);
  assert.equal(json.status, words.status);
});

test("doctor works where koffi cannot be loaded, and says so", () => {
  inDirectory((directory) => {
    const preload = join(directory, "without-koffi.cjs");
    writeFileSync(
      preload,
      `const Module = require("node:module");
       const load = Module._load;
       Module._load = (name, ...rest) => {
         if (name.includes("koffi")) throw new Error("no native part\\nRequire stack: ...");
         return load(name, ...rest);
       };`,
    );
    const { stdout, stderr, status } = spawnSync(process.execPath, ["--require", preload, COMMAND, "doctor"], {
      encoding: "utf8",
    });
    assert.equal(stderr, "");
    assert.match(stdout, /^system calls {2}NO {3}koffi cannot be loaded: no native part\n {19}Install Postern again/m);
    assert.match(stdout, /Programs cannot run here/);
    assert.equal(status, 1);
  });
});

test("a missing requirement is not ready, a missing device is", () => {
  const yes = { present: true, detail: "fine" };
  const no = { present: false, detail: "absent", fix: "Get it." };
  const withoutDevice = reported({ openat2: yes, kvm: no });
  assert.equal(isReady(withoutDevice), true);
  assert.equal(
    reportText(withoutDevice, true),
    [
      "openat2  yes  fine",
      "kvm      no   absent",
      "              Get it.",
      "",
      "Programs can run here. What is missing above is needed only for some backends and devices.",
      "",
    ].join("\n"),
  );
  const withoutCall = reported({ openat2: no, kvm: yes });
  assert.equal(isReady(withoutCall), false);
  assert.match(reportText(withoutCall, false), /^openat2 {2}NO {3}absent$/m);
});

test("the version of Node is judged", () => {
  assert.deepEqual(probeNode("20.0.0"), { present: true, detail: "version 20.0.0" });
  assert.equal(probeNode("18.20.1").present, false);
  assert.match(probeNode("18.20.1").fix!, /Node 20/);
});
