import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { COMMANDS } from "#src/cli/commands.js";
import { bash, COMMAND, inDirectory, postern } from "./run-command.js";

const NAMES = COMMANDS.map(({ name }) => name);

test("--version prints the version of the package and loads neither commander nor koffi", () => {
  const description = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8"));
  for (const option of ["--version", "-V"]) {
    const result = postern(option);
    assert.equal(result.stdout, `${description.version}\n`);
    assert.equal(result.status, 0);
  }
  const loaded = (...argv: string[]) => {
    const env = { ...process.env, NODE_DEBUG: "module,esm" };
    return spawnSync(process.execPath, [COMMAND, ...argv], { encoding: "utf8", env }).stderr;
  };
  assert.match(loaded("doctor"), /node_modules\/(koffi|@koromix)/);
  assert.match(loaded("inspect"), /node_modules\/commander/);
  assert.doesNotMatch(loaded("--version"), /node_modules\/(commander|koffi|@koromix)/);
});

test("the built file is executable by itself", () => {
  const result = spawnSync(COMMAND, ["--version"], { encoding: "utf8" });
  assert.equal(result.error, undefined);
  assert.match(result.stdout, /^\d+\.\d+\.\d+/);
});

test("--help, -h and help list every command; no command at all is an error with the same text", () => {
  for (const argv of [["--help"], ["-h"], ["help"]]) {
    const { stdout, status } = postern(...argv);
    assert.equal(status, 0);
    for (const name of NAMES) assert.match(stdout, new RegExp(`^  ${name} `, "m"));
  }
  const { stdout, stderr, status } = postern();
  assert.equal(stdout, "");
  assert.match(stderr, /^Usage: postern/);
  assert.equal(status, 2);
});

test("an unknown command or option answers with the nearest known one", () => {
  const mistakes: [string[], RegExp][] = [
    [["inspct"], /^postern: unknown command inspct\n {2}did you mean inspect\?/],
    [["dcotor"], /did you mean doctor\?/],
    [["--verison"], /^postern: unknown option --verison\n {2}did you mean --version\?/],
    [["help", "inspekt"], /did you mean inspect\?/],
    [["zzzzzz"], /^postern: unknown command zzzzzz\n {2}postern --help lists all commands\n$/],
    [["inspect", "--jsn", "x"], /^postern: unknown option '--jsn' \(postern inspect\)\n {2}did you mean --json\?/],
    [["inspect"], /missing required argument 'PROGRAM'/],
    [["inspect", "a", "b"], /too many arguments/],
    [["inspect", "-5"], /unknown option '-5'/],
    [["completion", "basj"], /'basj' is invalid .*bash, zsh, fish.*\n {2}did you mean bash\?/],
    [["doctor", "--json=yes"], /--json/],
  ];
  for (const [argv, expected] of mistakes) {
    const { stdout, stderr, status } = postern(...argv);
    assert.match(stderr, expected);
    assert.equal(stdout, "");
    assert.equal(status, 2, argv.join(" "));
  }
});

test("every command has help, whose example works as pasted", () => {
  for (const name of NAMES) {
    const { stdout, status } = postern(name, "--help");
    assert.equal(status, 0);
    assert.equal(postern("help", name).stdout, stdout);
    const [, example] = /\nExample:\n([\s\S]+)$/.exec(stdout)!;
    const result = inDirectory((directory) => bash(`set -e\n${example}`, directory));
    assert.equal(result.stderr, "", name);
    assert.equal(result.status, 0, name);
  }
});

test("a reader that leaves early is no error", () => {
  for (const command of ["doctor", "--help", "completion bash"]) {
    const { stderr, stdout } = bash(`{ sleep 0.3; postern ${command}; } | true; echo "\${PIPESTATUS[0]}"`);
    assert.equal(stderr, "");
    assert.equal(stdout, "0\n");
  }
});

test("standard output that cannot be written is an error", (context) => {
  if (!existsSync("/dev/full")) return context.skip("there is no /dev/full");
  const full = bash("postern completion bash > /dev/full");
  assert.match(full.stderr, /^postern: standard output cannot be written: .*ENOSPC/);
  assert.equal(full.status, 2);
});

test("names with control characters do not reach the terminal as they are", () => {
  const { stderr } = postern("\u001b[2Jx");
  assert.match(stderr, /unknown command \\u\{1b\}\[2Jx/);
  inDirectory((directory) => {
    const file = join(directory, "a\u001b]0;title\u0007.wasm");
    writeFileSync(file, "");
    const { stdout } = postern("inspect", file);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    assert.doesNotMatch(stdout, /[\u001b\u0007]/);
    assert.match(stdout, /a\\u\{1b\}\]0;title\\u\{7\}\.wasm/);
  });
});

test("the start-up of postern --version stays close to that of node", () => {
  const median = (argv: string[]) => {
    const times = Array.from({ length: 9 }, () => {
      const start = performance.now();
      spawnSync(process.execPath, argv);
      return performance.now() - start;
    });
    return times.sort((one, other) => one - other)[4]!;
  };
  const node = median(["-e", "0"]);
  const command = median([COMMAND, "--version"]);
  // Usually 5 to 10 ms more; the bound leaves room for a machine that does much else.
  assert.ok(command < 2 * node + 50, `${command.toFixed(0)} ms against ${node.toFixed(0)} ms`);
});
