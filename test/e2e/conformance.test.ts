// The conformance programs: one subject each, every line of theirs a subtest. What they check is WASI preview 1 as the project has
// decided it; the sources under test/fixtures/programs/conformance say what they expect of the directory that is planted here.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { report } from "./checks.js";
import { freePort, isRoot, missing, program, type RunOptions, run, temporaryDirectory } from "./programs.js";
import { terminal } from "./terminal.js";

/** How one program is run, where it needs more than an empty directory. */
interface Setting {
  /** Plants files and returns the options of the run. The directory is granted as `/` unless `flags` says otherwise. */
  readonly prepare?: (directory: string, t: TestContext) => RunOptions | Promise<RunOptions>;
  /** Undoes what removing the directory does not undo. */
  readonly clean?: (directory: string) => void;
  readonly stdin?: RunOptions["stdin"];
}

const settings: Record<string, Setting> = {
  // Its streams are pipes that stay open.
  poll: { stdin: "open" },
  process: {
    prepare: (directory) => ({
      flags: ["--dir", `${directory}::/`, "--env", "A=1", "--env", "EMPTY=", "--env", "MULTI=a=b", "--env", "U=äö"],
      args: ["", "two words", "a=b", "ä€"],
    }),
  },
  stdio: {
    stdin: "open",
    prepare: () => {
      let closed = false;
      return {
        during: (child) => {
          child.stdin?.write("hello\nworld");
        },
        onOutput: (text, child) => {
          if (!closed && text.includes("close now\n")) {
            closed = true;
            child.stdin?.end();
          }
        },
      };
    },
  },
  special_files: {
    prepare: async (directory, t) => {
      execFileSync("mkfifo", [join(directory, "fifo")]);
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(join(directory, "sock"), resolve));
      t.after(() => server.close());
      if (isRoot) {
        spawnSync("mknod", [join(directory, "null"), "c", "1", "3"]);
        spawnSync("mknod", [join(directory, "zero"), "c", "1", "5"]);
      }
      return {};
    },
  },
  read_only: {
    prepare: (directory) => {
      writeFileSync(join(directory, "f"), "text");
      mkdirSync(join(directory, "d"));
      writeFileSync(join(directory, "d/g"), "inner");
      symlinkSync("f", join(directory, "l"));
      mkdirSync(join(directory, "empty"));
      return { flags: ["--ro-dir", `${directory}::/`] };
    },
  },
  full_pipe: { prepare: (directory) => ({ flags: ["--dir", `${directory}::/`], stderrAfter: "drain\n" }) },
  grants: {
    prepare: (directory) => {
      for (const name of ["root", "data", "ro"]) {
        mkdirSync(join(directory, name));
        writeFileSync(join(directory, name, "here"), name);
      }
      const flags = ["--dir", `${directory}/root::/`, "--dir", `${directory}/data::/data`];
      return { flags: [...flags, "--ro-dir", `${directory}/ro::/ro`] };
    },
  },
  odd_names: {
    prepare: (directory) => {
      writeFileSync(Buffer.concat([Buffer.from(`${directory}/b`), Buffer.from([0xff]), Buffer.from("d")]), "odd");
      symlinkSync(Buffer.from([0xfe, 0xff]), join(directory, "raw"));
      symlinkSync("/absolute/target", join(directory, "absolute"));
      writeFileSync(join(directory, "target"), "inside");
      symlinkSync(join(directory, "target"), join(directory, "inside"));
      return {};
    },
  },
  mounts: {
    prepare: (directory) => {
      const point = join(directory, "small");
      mkdirSync(point);
      const options = ["-t", "tmpfs", "-o", "size=256k,nr_inodes=64", "postern-test", point];
      if (!isRoot || spawnSync("mount", options).status !== 0) writeFileSync(join(directory, "no-mount"), "");
      return {};
    },
    clean: (directory) => void spawnSync("umount", ["-l", join(directory, "small")]),
  },
  connected: {
    prepare: async (directory, t) => {
      const server = createServer((peer) => {
        peer.write("hi");
        peer.on("error", () => {});
        peer.on("data", (chunk) => {
          if (chunk.toString("latin1").endsWith("reset")) peer.resetAndDestroy();
          else peer.write(chunk);
        });
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      t.after(() => server.close());
      const address = server.address();
      assert.ok(address !== null && typeof address === "object");
      return { flags: ["--dir", `${directory}::/`, "--connect", `main=tcp:127.0.0.1:${address.port}`] };
    },
  },
  sockets: {
    prepare: async (directory, t) => {
      const port = await freePort();
      return {
        flags: ["--dir", `${directory}::/`, "--listen", `main=tcp:127.0.0.1:${port}`],
        onOutput: converse(port, t),
      };
    },
  },
};

/** Plays the other side of the program `sockets`: does what each of its lines asks for, once. */
function converse(port: number, t: TestContext): (text: string) => void {
  let done = 0;
  let peer: Socket | undefined;
  const steps: Record<string, () => void> = {
    connect: () => {
      // Half open: otherwise Node ends its side as soon as the program has ended its own, at a moment of its choice.
      peer = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
      peer.on("error", () => {});
      peer.resume();
      peer.write("hello");
      const opened = peer;
      t.after(() => opened.destroy());
    },
    "send 10": () => {
      peer?.write("0123");
      setTimeout(() => peer?.write("456789"), 100);
    },
    "send 3": () => peer?.write("abc"),
    close: () => peer?.end(),
  };
  return (text) => {
    const lines = text.split("\n").slice(0, -1);
    for (; done < lines.length; done++) steps[lines[done]]?.();
  };
}

const names = readdirSync(program("conformance/x").replace(/x\.wasm$/, ""))
  .filter((file) => file.endsWith(".wasm"))
  .map((file) => file.replace(/\.wasm$/, ""))
  .filter((name) => name !== "terminal");

describe("WASI preview 1 conformance", { skip: missing, concurrency: 2 }, () => {
  for (const name of names) {
    test(name, async (t) => {
      const { prepare, clean, stdin = "closed" } = settings[name] ?? {};
      const directory = temporaryDirectory(t, clean);
      const options = (await prepare?.(directory, t)) ?? {};
      const result = await run(program(`conformance/${name}`), {
        flags: ["--dir", `${directory}::/`],
        stdin,
        ...options,
      });
      await report(t, result);
      if (name === "full_pipe") {
        const written = /written (\d+)\n(?!.*written)/s.exec(result.stdout.toString())?.[1];
        assert.equal(result.stderr, "x".repeat(Number(written)), "all that was counted arrives");
      }
      if (name === "stdio") assert.match(result.stderr, /one two three\n/);
      if (name === "read_only") assert.equal(readFileSync(join(directory, "f"), "utf8"), "text");
    });
  }

  const script = spawnSync("script", ["--version"]).status === 0;
  test("terminal", { skip: script ? false : "the command `script` is missing" }, async (t) => {
    await report(t, await terminal(program("conformance/terminal")));
  });
});
