import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { scan } from "#src/cli/command-line.js";
import type { CommandLine } from "#src/cli/declaration.js";
import { commanderCommand } from "#src/cli/explain.js";
import { Failure, HelpRequest } from "#src/cli/failure.js";
import { parseRunCommand, runDeclaration } from "#src/cli/run-options.js";

const nothing = {
  args: [],
  argv0: undefined,
  dirs: [],
  env: [],
  listen: [],
  connect: [],
  timeoutMs: undefined,
  memoryBytes: undefined,
  maxDescriptors: undefined,
  maxOutputBytes: undefined,
  trace: undefined,
  traceFormat: undefined,
  backend: undefined,
};

test("a program alone", () => {
  assert.deepEqual(parseRunCommand(["tool.wasm"]), { ...nothing, program: "tool.wasm" });
});

test("every option", () => {
  const argv = [
    ["--dir", "work::/work", "--ro-dir=data", "--env", "A=1", "--env-file", "vars", "--env", "HOME"],
    ["--argv0", "tool", "--listen", "web=tcp:127.0.0.1:0", "--connect", "api=tcp:example.com:443"],
    ["--timeout", "5s", "--memory=256MiB", "--max-descriptors", "64"],
    ["--max-output", "1M", "--trace=calls.txt", "--trace-format", "json"],
    ["--backend", "thread", "tool.wasm", "x"],
  ].flat();
  assert.deepEqual(parseRunCommand(argv), {
    program: "tool.wasm",
    args: ["x"],
    argv0: "tool",
    dirs: [
      { host: "work", guest: "/work", access: "read-write" },
      { host: "data", guest: "data", access: "read" },
    ],
    env: [
      { kind: "value", name: "A", value: "1" },
      { kind: "file", path: "vars" },
      { kind: "inherit", name: "HOME" },
    ],
    listen: [{ name: "web", protocol: "tcp", host: "127.0.0.1", port: 0 }],
    connect: [{ name: "api", protocol: "tcp", host: "example.com", port: 443 }],
    timeoutMs: 5000,
    memoryBytes: 2 ** 28,
    maxDescriptors: 64,
    maxOutputBytes: 2 ** 20,
    trace: { to: "file", path: "calls.txt" },
    traceFormat: "json",
    backend: "thread",
  });
});

test("everything behind the program is the program's", () => {
  const cases: [string[], string[]][] = [
    [
      ["p", "--trace", "--memory", "nonsense"],
      ["--trace", "--memory", "nonsense"],
    ],
    [["p", "--help"], ["--help"]],
    [
      ["p", "--", "x"],
      ["--", "x"],
    ],
    [
      ["--", "p", "-x", "--", "y"],
      ["-x", "--", "y"],
    ],
    [
      ["--timeout", "5s", "p", "-", ""],
      ["-", ""],
    ],
    [["p", "--no-such-option"], ["--no-such-option"]],
  ];
  for (const [argv, args] of cases) {
    const options = parseRunCommand(argv);
    assert.equal(options.program, "p", argv.join(" "));
    assert.deepEqual(options.args, args);
  }
});

test("a program whose name starts with a dash can be named behind --", () => {
  assert.equal(parseRunCommand(["--", "--trace"]).program, "--trace");
  assert.equal(parseRunCommand(["-"]).program, "-");
});

test("--trace does not take the program for its file", () => {
  const traced = parseRunCommand(["--trace", "tool.wasm", "out"]);
  assert.deepEqual([traced.trace, traced.program, traced.args], [{ to: "stderr" }, "tool.wasm", ["out"]]);
});

test("an option that needs a value takes the next word, whatever it looks like", () => {
  assert.equal(parseRunCommand(["--argv0", "--trace", "p"]).argv0, "--trace");
  assert.equal(parseRunCommand(["--argv0=", "p"]).argv0, "");
  assert.deepEqual(parseRunCommand(["--env", "A=--x", "p"]).env, [{ kind: "value", name: "A", value: "--x" }]);
});

test("of a single-valued option given twice the last one counts", () => {
  assert.equal(parseRunCommand(["--timeout", "5s", "--timeout", "6s", "p"]).timeoutMs, 6000);
});

test("mistakes are explained, with the nearest option where there is one", () => {
  const mistakes: [string[], RegExp, RegExp][] = [
    [[], /missing required argument 'PROGRAM'/, /--help/],
    [["--memroy", "1M", "p"], /unknown option '--memroy'/, /did you mean --memory\?/],
    [["--x", "p"], /unknown option '--x'/, /--help/],
    [["-e", "A=1", "p"], /unknown option '-e'/, /--help/],
    [["-5", "p"], /unknown option '-5'/, /--help/],
    [["--timeout"], /option '--timeout <DURATION>' argument missing/, /--help/],
    [["--timeout", "5s"], /missing required argument 'PROGRAM'/, /--help/],
    [["--timeout", "5", "p"], /--timeout: "5" was given; expected a duration/, /--help/],
    [["--memory", "lots", "p"], /--memory: "lots" was given; expected a size such as 256MiB/, /--help/],
    [["--memory", "1k", "p"], /--memory: "1k" was given; expected at least 64KiB/, /--help/],
    [["--max-descriptors", "2", "p"], /--max-descriptors: "2" was given; expected a whole number from 3/, /--help/],
    [["--backend", "kvmm", "p"], /'kvmm' is invalid.*inline, thread/, /--help/],
    [["--backend", "thred", "p"], /'thred' is invalid/, /did you mean thread\?/],
    [["--trace-format", "xml", "p"], /'xml' is invalid.*text, json/, /--help/],
    [["--trace=", "p"], /--trace=: no file was given/, /--trace=FILE/],
    [["--dir", "a::/x", "--ro-dir", "b::/x", "p"], /the guest path \/x is given twice/, /tell the two apart/],
    [["--listen", "w=tcp:localhost:1", "--connect", "w=tcp:x:1", "p"], /the name w is given twice/, /tell/],
    [[""], /PROGRAM is empty/, /path of a \.wasm file/],
  ];
  for (const [argv, message, advice] of mistakes) {
    assert.throws(
      () => parseRunCommand(argv),
      (error) => {
        assert.ok(error instanceof Failure, String(error));
        assert.match(error.message, message);
        assert.match(error.advice, advice);
        return true;
      },
    );
  }
});

test("help is a request, not a mistake, and shows every option as it is written", () => {
  for (const argv of [["--help"], ["-h"], ["--timeout", "5s", "--help", "p"]]) {
    assert.throws(
      () => parseRunCommand(argv),
      (error) => {
        assert.ok(error instanceof HelpRequest);
        assert.match(error.text, /--trace\[=FILE\]/);
        for (const { name } of runDeclaration.options) assert.match(error.text, new RegExp(`^  --${name}\\b`, "m"));
        return true;
      },
    );
  }
});

/** What commander makes of a command line, or `undefined` if it refuses it. */
function throughCommander(argv: readonly string[]): CommandLine | undefined {
  const command = commanderCommand(runDeclaration);
  const options: { name: string; value: string | undefined }[] = [];
  for (const { name } of runDeclaration.options) {
    command.on(`option:${name}`, (value: string | null) => options.push({ name, value: value ?? undefined }));
  }
  try {
    command.parse(argv, { from: "user" });
  } catch {
    return undefined;
  }
  return { options, operands: command.args };
}

test("the parser and commander agree on what is right, and on what it means", () => {
  const names = runDeclaration.options.map(({ name }) => `--${name}`).filter((name) => name !== "--trace");
  const word = fc.oneof(
    fc.constantFrom(
      ...names,
      ...names.map((name) => `${name}=v`),
      "--trace=f",
      "--",
      "-",
      "p",
      "--nope",
      "text",
      "inline",
    ),
    fc.string({ maxLength: 4 }).filter((text) => !/^-.*\d/.test(text)),
  );
  let right = 0;
  fc.assert(
    fc.property(fc.array(word, { maxLength: 6 }), (argv) => {
      const line = scan(runDeclaration, argv);
      assert.deepEqual(line, throughCommander(argv));
      if (line !== undefined) right++;
    }),
    { numRuns: 3000 },
  );
  assert.ok(right > 100, `only ${right} right ones were among them`);
});
