import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { NoteType, Pf, Pt } from "postern/sallyport";
import { buildElf, type ElfInput, little } from "../sallyport/elf-builder.js";
import { inDirectory, postern } from "./run-command.js";

const SEGMENTS = [
  { type: Pt.EXEC, flags: Pf.R | Pf.W | Pf.X, address: 0x20_0000n, size: 0x10_0000n },
  { type: Pt.LOAD, flags: Pf.R | Pf.W | Pf.KVM_SALLYPORT, address: 0x10_0000n, size: 2n * 69632n },
];

function shim(requires: string): ElfInput {
  const notes = [
    { type: NoteType.REQUIRES, data: requires },
    { type: NoteType.BLOCK_SIZE, data: little(8, 69632) },
    { type: NoteType.NUM_BLOCKS, data: little(8, 2) },
  ];
  return { notes, segments: SEGMENTS };
}

function inspect(bytes: Uint8Array, ...options: string[]) {
  return inDirectory((directory) => {
    const file = join(directory, "shim");
    writeFileSync(file, bytes);
    return { ...postern("inspect", ...options, file), file };
  });
}

test("a shim that this host can run is described with its blocks and segments, status 0", () => {
  const { stdout, status, file } = inspect(buildElf(shim("^0.7.1")));
  assert.equal(
    stdout,
    [
      `${file}: a sallyport shim, this host can run it`,
      "  requires  sallyport ^0.7.1",
      "  speaks    the current generation",
      "  blocks    2, of 68 KiB",
      "  segment   EXEC (X, W, R): 1 MiB at 0x200000",
      "  segment   LOAD (W, R, KVM_SALLYPORT): 136 KiB at 0x100000",
      "",
    ].join("\n"),
  );
  assert.equal(status, 0);
});

test("a shim of another version cannot run, status 1, and JSON says the same", () => {
  const words = inspect(buildElf(shim("^0.9.0")));
  assert.match(words.stdout, /this host cannot run it\n {2}.*0\.9\.0/);
  assert.equal(words.status, 1);
  const report = JSON.parse(inspect(buildElf(shim("^0.9.0")), "--json").stdout);
  assert.deepEqual([report.kind, report.runnable, report.compatible, report.numBlocks], ["shim", false, false, 2]);
});

test("an ELF file without such notes is an ordinary ELF file", () => {
  const { stdout, status } = inspect(buildElf({ notes: [], segments: [] }));
  assert.match(stdout, /an ELF file/);
  assert.equal(status, 1);
});
