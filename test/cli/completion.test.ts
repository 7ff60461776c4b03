import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { bashCompletion, fishCompletion, zshCompletion } from "#src/cli/completion-scripts.js";
import { runDeclaration } from "#src/cli/run-options.js";
import { bash, postern } from "./run-command.js";

/** What bash would offer for a line whose last word is being typed. */
function offered(...words: string[]): string[] {
  const list = words.map((word) => `'${word}'`).join(" ");
  const script = `eval "$(postern completion bash)"
COMP_WORDS=(${list}); COMP_CWORD=${words.length - 1}; _postern; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = bash(script);
  assert.equal(stderr, "");
  return stdout.split("\n").filter((line) => line !== "");
}

test("bash completes commands, options and choices", () => {
  assert.deepEqual(offered("postern", "ins"), ["inspect"]);
  assert.ok(offered("postern", "").includes("doctor"));
  assert.deepEqual(offered("postern", "--v"), ["--version"]);
  assert.deepEqual(offered("postern", "inspect", "--"), ["--json", "--help"]);
  assert.deepEqual(offered("postern", "completion", "z"), ["zsh"]);
  assert.deepEqual(offered("postern", "help", "doc"), ["doctor"]);
});

test("bash completes the values of options", () => {
  const script = `${bashCompletion([runDeclaration])}
COMP_WORDS=(postern run --backend t); COMP_CWORD=3; _postern; echo "\${COMPREPLY[@]}"
COMP_WORDS=(postern run --ro-dir /de); COMP_CWORD=3; _postern; echo "\${COMPREPLY[@]}"
COMP_WORDS=(postern run --timeout 5); COMP_CWORD=3; _postern; echo "[\${COMPREPLY[@]}]"
COMP_WORDS=(postern run --trace pro); COMP_CWORD=3; _postern; echo "[\${COMPREPLY[@]}]"`;
  const { stdout, stderr } = bash(script);
  assert.equal(stderr, "");
  assert.deepEqual(stdout.split("\n").slice(0, 4), ["thread", "/dev", "[]", "[]"]);
});

for (const shell of ["zsh", "fish"] as const) {
  test(`${shell} accepts its script`, (context) => {
    const { stdout, status } = postern("completion", shell);
    assert.equal(status, 0);
    const checked = spawnSync(shell, ["-n"], { input: stdout, encoding: "utf8" });
    if (checked.error !== undefined) return context.skip(`${shell} is not installed`);
    assert.equal(checked.stderr, "");
    assert.equal(checked.status, 0);
  });
}

test("the scripts of all shells name every option and choice of a command", () => {
  for (const script of [bashCompletion, zshCompletion, fishCompletion].map((make) => make([runDeclaration]))) {
    for (const { name, choices = [] } of runDeclaration.options) {
      for (const word of [name, ...choices]) assert.ok(script.includes(word), word);
    }
  }
});
