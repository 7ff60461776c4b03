// Bad input and bad days: each ends with the right status and a message that says what to do, never with a stack.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { commandLine, isRoot, missing, program, run, temporaryDirectory } from "./programs.js";

const file = (name: string): string => program(`behaviours/${name}`);
const NOBODY = 65534;

/** Runs the command with these words, in a shell that does something first. */
function shell(before: string, words: readonly string[], after = "") {
  const result = spawnSync("bash", ["-c", `${before} "$@" ${after}`, "bash", ...commandLine(["run", ...words])], {
    encoding: "utf8",
    timeout: 60_000,
  });
  return { status: result.status, stdout: result.stdout, stderr: result.stderr };
}

/** A small file system of its own, or the reason why there is none. */
function smallDisk(t: TestContext): string | undefined {
  const disk = mkdtempSync(join(tmpdir(), "postern-disk-"));
  const mounted = isRoot ? spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "none", disk]) : undefined;
  if (mounted?.status !== 0) {
    rmdirSync(disk);
    t.skip(`a tmpfs cannot be mounted: ${isRoot ? String(mounted?.stderr) : "not root"}`);
    return undefined;
  }
  t.after(() => {
    spawnSync("umount", [disk]);
    rmdirSync(disk);
  });
  return disk;
}

function assertExplained(result: { status: number | null; stderr: string }, words: RegExp, status = 125): void {
  assert.equal(result.status, status, result.stderr);
  assert.match(result.stderr, words);
  assert.match(result.stderr, /^postern: /);
  assert.doesNotMatch(result.stderr, /internal error|\n\s+at .*\.js:/);
}

describe("bad input", { skip: missing, concurrency: 2 }, () => {
  test("programs that are none", async (t) => {
    const directory = temporaryDirectory(t);
    const whole = readFileSync(file("show"));
    const write = (name: string, contents: Uint8Array | string) => {
      writeFileSync(join(directory, name), contents);
      return join(directory, name);
    };
    mkdirSync(join(directory, "folder"));
    for (const [path, words] of [
      [write("script", "#!/bin/sh\necho hello\n"), /script/],
      [write("elf", Buffer.from("7f454c46020101000000000000000000", "hex")), /ELF|Linux/],
      [write("empty", ""), /empty/],
      [write("cut", whole.subarray(0, whole.length - 100)), /cut off/],
      [write("version", Buffer.from("0061736d02000000", "hex")), /version/],
      [write("component", Buffer.from("0061736d0d000100", "hex")), /component/],
      [join(directory, "none.wasm"), /no such file/],
      [join(directory, "folder"), /directory/],
      [join(directory, "script", "x.wasm"), /not a directory/],
      ["/dev/null", /device/],
      [file("unknown_imports"), /sock_open/],
      [file("wrong_signature"), /fd_write/],
      [file("reactor"), /_start/],
    ] as const) {
      assertExplained(await run(path), words);
    }
  });

  test("options", async () => {
    for (const [flags, words] of [
      [["--tiemout", "5s"], /--timeout/],
      [["--memroy", "5M"], /--memory/],
      [["--memory", "lots"], /--memory.*lots/s],
      [["--memory", "1KiB"], /64KiB/],
      [["--timeout", "soon"], /--timeout.*soon/s],
      [["--timeout", "5"], /--timeout/],
      [["--timeout", "5s", "--backend", "inline"], /--backend thread/],
      [["--max-output", "-1"], /--max-output/],
      [["--max-descriptors", "2"], /--max-descriptors/],
      [["--trace-format", "xml"], /text.*json/s],
      [["--listen", "web=udp:1.2.3.4:5"], /tcp/],
      [["--connect", "db=tcp:127.0.0.1:1"], /cannot connect to 127\.0\.0\.1 port 1 for db: .*ECONNREFUSED/],
      [["--listen", "web=tcp:192.0.2.1:0"], /cannot listen on 192\.0\.2\.1/],
      [["--trace=/nonexistent/trace"], /cannot write the trace/],
    ] as const) {
      assertExplained(await run(file("nothing"), { flags }), words);
    }
  });

  test("files of variables, which are not Node's", () => {
    const [, built] = commandLine([]) as [string, string];
    const direct = (...words: string[]) => spawnSync(built, ["run", ...words], { encoding: "utf8" });
    assertExplained(
      direct("--env-file", "/nonexistent/env", file("nothing")),
      /variables in .*: there is no such file/,
    );
    const { stdout } = direct("--argv0", "me", file("show"), "--env-file=/nonexistent");
    assert.equal(stdout, "argument me\nargument --env-file=/nonexistent\n");
  });

  test("directories", async (t) => {
    const directory = temporaryDirectory(t);
    writeFileSync(join(directory, "file"), "");
    for (const [path, words] of [
      ["none", /cannot grant .*none: there is no such directory/],
      ["file", /cannot grant .*file: it is a file; grant the directory it is in/],
      ["file/inside", /not a directory/],
    ] as const) {
      assertExplained(await run(file("nothing"), { flags: ["--dir", join(directory, path)] }), words);
    }
  });

  test("no permission, for a program or a directory", async (t) => {
    const directory = temporaryDirectory(t);
    chmodSync(directory, 0o755);
    copyFileSync(file("nothing"), join(directory, "secret.wasm"));
    chmodSync(join(directory, "secret.wasm"), 0);
    mkdirSync(join(directory, "locked"), { mode: 0 });
    const [node, ...words] = commandLine(["run"]) as [string, ...string[]];
    const identity = isRoot ? { uid: NOBODY, gid: NOBODY } : {};
    const as = (...rest: string[]) => spawnSync(node, [...words, ...rest], { encoding: "utf8", ...identity });
    if (as("--help").status !== 0) {
      t.skip("another user cannot read the built command here");
      return;
    }
    assertExplained(as(join(directory, "secret.wasm")), /permission denied; check the permissions/);
    assertExplained(
      as("--dir", join(directory, "locked"), file("nothing")),
      /cannot grant .*locked: permission denied/,
    );
  });
});

describe("bad days", { skip: missing, concurrency: 2 }, () => {
  test("memory that cannot be had", () => {
    assertExplained(shell("ulimit -v 4000000;", [file("four_gib")]), /memory.*ulimit -v/);
    assertExplained(shell("ulimit -v 4000000;", ["--timeout", "5s", file("four_gib")]), /memory.*ulimit -v/);
    assertExplained(shell("ulimit -v 1500000;", ["--timeout", "5s", file("show")]), /ulimit -v/);
  });

  test("a limit of descriptors of the process is one for the program", (t) => {
    const directory = temporaryDirectory(t);
    const result = shell("ulimit -n 100;", ["--dir", `${directory}::/`, file("descriptors")]);
    assert.match(result.stdout, /^opened \d+ (nfile|mfile)\n$/, result.stderr);
    assert.equal(result.status, 0);
  });

  test("a full disk is an errno for the program, and no matter for a trace", async (t) => {
    const disk = smallDisk(t);
    if (disk === undefined) return;
    writeFileSync(join(disk, "filler"), Buffer.alloc(60 * 1024));
    try {
      writeFileSync(join(disk, "rest"), Buffer.alloc(60 * 1024));
    } catch {
      // Now it is full.
    }
    const written = await run(file("write_file"), { flags: ["--dir", `${disk}::/`], args: ["f", "x".repeat(10_000)] });
    assert.equal(written.stdout.toString(), "nospc\n", written.stderr);
    const traced = await run(file("show"), { flags: [`--trace=${join(disk, "trace")}`], args: ["a", "b"] });
    assert.deepEqual([traced.status, traced.stderr], [0, ""]);
    assert.match(traced.stdout.toString(), /argument a\nargument b\n$/);
  });

  test("a reader that is gone is EPIPE for the program", () => {
    const result = shell("set -o pipefail;", [file("flood")], "| head -c 100 > /dev/null");
    assert.equal(result.status, 64, result.stderr);
    assert.equal(result.stderr, "");
  });

  test("closed standard streams", () => {
    for (const backend of ["inline", "thread"]) {
      const words = ["--backend", backend, file("cat")];
      assert.deepEqual(shell("", words, "<&-"), { status: 0, stdout: "", stderr: "" });
      assert.deepEqual(shell("echo text |", words, ">&-"), { status: 0, stdout: "", stderr: "" });
      assert.deepEqual(shell("echo text |", words, "2>&-"), { status: 0, stdout: "text\n", stderr: "" });
    }
  });

  test("a message to nobody is no crash", () => {
    const result = shell("", [file("traps"), "divide"], "2>&-");
    assert.deepEqual([result.status, result.stdout], [134, "about to trap\n"]);
  });
});
