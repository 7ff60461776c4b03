// `postern run` as a keeper: signals, statuses, shared streams, sockets, traces.
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { closeSync, existsSync, readFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, Socket } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { addressOf, LINUX, SYS, syscall2 } from "#src/kernel/index.js";
import { commandLine, missing, program, run, temporaryDirectory } from "./programs.js";

const file = (name: string): string => program(`behaviours/${name}`);
const BOUND_MS = 5000;

/** Sends a signal once the program has printed something, and again after a pause. */
function signalled(signals: readonly NodeJS.Signals[]): (text: string, child: ChildProcess) => void {
  let sent = false;
  return (_text, child) => {
    if (sent) return;
    sent = true;
    void (async () => {
      for (const signal of signals) {
        child.kill(signal);
        await sleep(1);
      }
    })();
  };
}

describe("postern run", { skip: missing, concurrency: 2 }, () => {
  describe("signals", () => {
    for (const name of ["loop", "read_stdin", "sleep", "poll_forever"]) {
      test(`SIGINT stops ${name} in a thread: status 137`, async () => {
        const start = performance.now();
        const result = await run(file(name), {
          flags: ["--backend", "thread"],
          stdin: "open",
          onOutput: signalled(["SIGINT"]),
        });
        assert.deepEqual([result.status, result.signal], [137, null], result.stderr);
        assert.equal(result.stderr, "");
        assert.ok(performance.now() - start < BOUND_MS);
      });
    }
    for (const signal of ["SIGTERM", "SIGHUP"] as const) {
      test(`${signal} does the same`, async () => {
        const result = await run(file("loop"), { flags: ["--timeout", "60s"], onOutput: signalled([signal]) });
        assert.equal(result.status, 137, result.stderr);
      });
    }
    test("a second SIGINT ends it at once, however the first one goes", async () => {
      const result = await run(file("loop"), {
        flags: ["--timeout", "60s"],
        onOutput: signalled(["SIGINT", "SIGINT"]),
      });
      // A shell shows 137 for both.
      assert.ok(result.status === 137 || result.signal === "SIGKILL", `${result.status} ${result.signal}`);
    });
    test("inline, a signal ends the process as it ends any", async () => {
      const result = await run(file("loop"), { onOutput: signalled(["SIGINT"]) });
      assert.equal(result.signal, "SIGINT");
    });
    const script = existsSync("/usr/bin/script") ? false : "util-linux's script is not here";
    test("Ctrl-C on a terminal", { skip: script }, async () => {
      const words = commandLine(["run", "--timeout", "60s", file("read_stdin")]).map((word) => `'${word}'`);
      // A shell that stayed would take the signal too, and its own end would be the status.
      const line = `exec ${words.join(" ")}`;
      const child = spawn("script", ["-qec", line, "/dev/null"], { stdio: ["pipe", "pipe", "pipe"] });
      const timer = setTimeout(() => child.kill("SIGKILL"), 30_000);
      child.stdout.on("data", (chunk: Buffer) => {
        if (chunk.includes("reading")) child.stdin.write("\x03");
      });
      const status = await new Promise((resolve) => child.once("close", resolve));
      clearTimeout(timer);
      child.stdin.destroy();
      assert.equal(status, 137);
    });
  });

  test("options are read up to PROGRAM, everything after it is the program's", async () => {
    const args = ["--timeout", "1ms", "--", "-x", "--help", "--dir=/"];
    const { stdout, status } = await run(file("show"), { flags: ["--argv0", "me"], args });
    assert.equal(stdout.toString(), ["me", ...args].map((each) => `argument ${each}\n`).join(""));
    assert.equal(status, 0);
  });

  test("a trap is reported with its kind, its functions and the last call", async () => {
    for (const backend of ["inline", "thread"]) {
      const { status, stderr } = await run(file("traps"), { flags: ["--backend", backend], args: ["divide"] });
      assert.equal(status, 134);
      const lines = stderr.trimEnd().split("\n");
      assert.equal(lines[0], "postern: the program trapped: divide by zero");
      assert.match(lines[1]!, /^ {2}at inner_trap \(offset 0x[0-9a-f]+\)$/);
      assert.equal(lines.at(-1), '  last call: write(1, "about to trap\\n", 14) = 14');
    }
  });

  test("--max-descriptors holds", async (t) => {
    const flags = ["--max-descriptors", "10", "--dir", `${temporaryDirectory(t)}::/`];
    const { stdout } = await run(file("descriptors"), { flags });
    assert.equal(stdout.toString(), "opened 6 mfile\n");
  });

  test("output to a pipe that somebody made nonblocking arrives in full", async () => {
    const input = Buffer.alloc(3_000_000).map((_, index) => index * 13 + (index >> 8));
    for (const backend of ["inline", "thread"]) {
      const ends = new Int32Array(2);
      assert.equal(syscall2(SYS.pipe2, addressOf(ends), LINUX.O_CLOEXEC | LINUX.O_NONBLOCK), 0);
      const [reading, writing] = ends as unknown as [number, number];
      const [node, ...words] = commandLine(["run", "--backend", backend, file("cat")]);
      const child = spawn(node!, words, { stdio: ["pipe", writing, "inherit"] });
      closeSync(writing);
      child.stdin!.on("error", () => {});
      child.stdin!.end(input);
      const closed = new Promise((resolve) => child.once("close", resolve));
      const chunks: Buffer[] = [];
      for await (const chunk of new Socket({ fd: reading, readable: true, writable: false })) {
        chunks.push(chunk as Buffer);
        if (chunks.length < 20) await sleep(5);
      }
      assert.equal(await closed, 0);
      assert.ok(Buffer.concat(chunks).equals(input));
    }
  });

  test("--listen and --connect pass sockets, and variables that name them", async () => {
    const server = createServer((peer) => peer.on("data", () => peer.end("pong")));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const peer = ["--connect", `peer=tcp:127.0.0.1:${port}`];
    const talk = await run(file("talk"), { flags: peer });
    assert.equal(talk.stdout.toString(), "pong\n", talk.stderr);
    const shown = await run(file("show"), { flags: [...peer, "--listen", "web=tcp:127.0.0.1:0"] });
    const variables = shown.stdout.toString().match(/^variable .*$/gm);
    assert.deepEqual(variables, [
      "variable FD_COUNT=5",
      "variable FD_NAMES=stdin:stdout:stderr:web:peer",
      "variable LISTEN_FDS=2",
      "variable LISTEN_FDNAMES=web:peer",
    ]);
    server.close();
  });

  test("--listen accepts a connection", async () => {
    const free = createServer();
    await new Promise<void>((resolve) => free.listen(0, "127.0.0.1", resolve));
    const { port } = free.address() as AddressInfo;
    await new Promise((resolve) => free.close(resolve));
    let answer: Promise<string> | undefined;
    const result = await run(file("accept"), {
      flags: ["--listen", `web=tcp:127.0.0.1:${port}`],
      onOutput: () => {
        answer ??= new Promise((resolve, reject) => {
          const peer = connect(port, "127.0.0.1");
          peer.once("error", reject).once("data", (data) => resolve(String(data)));
        });
      },
    });
    assert.equal(result.status, 0, result.stderr);
    assert.equal(await answer, "welcome\n");
  });

  describe("--trace", () => {
    for (const backend of ["inline", "thread"]) {
      test(`as text and as JSON, ${backend}`, async (t) => {
        const directory = temporaryDirectory(t);
        const path = join(directory, "trace");
        const common = ["--backend", backend, `--trace=${path}`, "--dir", `${directory}::/`];
        const args = ["f", 'a "b"\n\x00é'.replace("\x00", "\x01")];
        const text = await run(file("write_file"), { flags: common, args });
        assert.equal(text.status, 0, text.stderr);
        const lines = readFileSync(path, "utf8").trimEnd().split("\n");
        assert.match(lines.find((line) => line.startsWith("openat2"))!, /^openat2\(3, "f", .*\) = 4$/);
        assert.ok(lines.includes('write(4, "a \\"b\\"\\n\\1\\303\\251", 9) = 9'), lines.join("\n"));
        assert.equal(lines.at(-1), "exit_group(0) = ?");
        const json = await run(file("write_file"), { flags: [...common, "--trace-format", "json"], args });
        assert.equal(json.status, 0, json.stderr);
        const records = readFileSync(path, "utf8")
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line));
        const write = records.find(({ call }) => call === "write");
        assert.deepEqual(write, {
          call: "write",
          args: { fd: 4, buf: { data: 'a "b"\n\x01Ã©', length: 9 } },
          result: 9,
        });
        assert.equal(records.find(({ call }) => call === "openat2").args.pathname, "f");
        const failing = await run(file("write_file"), {
          flags: ["--backend", backend, `--trace=${path}`, "--trace-format", "json", "--ro-dir", `${directory}::/x`],
          args: ["none/f", ""],
        });
        assert.notEqual(failing.status, 0);
      });
    }
    test("to standard error, beside the program's output", async () => {
      const { stdout, stderr } = await run(file("show"), { flags: ["--trace"] });
      assert.match(stdout.toString(), /^argument .*show\.wasm\n$/);
      assert.match(stderr, /^write\(1, "argument .* = \d+$/m);
    });
    test("to a full disk loses the trace and nothing else", {
      skip: !existsSync("/dev/full") && "no /dev/full",
    }, async () => {
      const result = await run(file("show"), { flags: ["--trace=/dev/full"] });
      assert.deepEqual([result.status, result.stderr], [0, ""]);
      assert.match(result.stdout.toString(), /show\.wasm/);
    });
    test("an endless program that is interrupted has its calls on the terminal or in the pipe", async () => {
      // The line of a call comes after the call, so the signal waits for it.
      const interrupt = async (child: ChildProcess) => {
        let seen = "";
        for await (const chunk of child.stderr!) {
          seen += chunk;
          if (seen.includes("write(1,")) break;
        }
        child.kill("SIGINT");
      };
      const { stderr } = await run(file("loop"), { flags: ["--trace"], during: interrupt });
      assert.match(stderr, /^write\(1, "looping\\n", 8\) = 8$/m);
    });
  });

  test("many commands at a time do not disturb each other", async () => {
    const results = await Promise.all(
      Array.from({ length: 8 }, (_, i) => run(file("cat"), { stdin: Buffer.from(`number ${i}`) })),
    );
    assert.deepEqual(
      results.map(({ stdout }) => stdout.toString()),
      results.map((_, i) => `number ${i}`),
    );
  });

  test("leaves no thread or child behind", () => {
    const script = `"$@"; test -z "$(ps -o pid= --ppid $$ | grep -v "^ *$$ *$" | xargs -r ps -o comm= | grep node)"`;
    const result = spawnSync("bash", [
      "-c",
      script,
      "bash",
      ...commandLine(["run", "--timeout", "60s", file("nothing")]),
    ]);
    assert.equal(result.status, 0, String(result.stderr));
  });
});
