import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The built command. */
export const COMMAND = fileURLToPath(new URL("../../../dist/cli/start.cjs", import.meta.url));

/** Runs `postern` with arguments. */
export function postern(...argv: string[]): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [COMMAND, ...argv], { encoding: "utf8", timeout: 60_000 });
}

/** Runs a bash script in which `postern` is the built command. */
export function bash(script: string, directory?: string): SpawnSyncReturns<string> {
  const head = `postern() { "$POSTERN_NODE" "$POSTERN_COMMAND" "$@"; }\n`;
  const env = { ...process.env, POSTERN_NODE: process.execPath, POSTERN_COMMAND: COMMAND };
  return spawnSync("bash", ["-c", head + script], { encoding: "utf8", timeout: 60_000, cwd: directory, env });
}

/** Calls a function with a new empty directory, and removes it. */
export function inDirectory<Result>(work: (directory: string) => Result): Result {
  const directory = mkdtempSync(join(tmpdir(), "postern-cli-"));
  try {
    return work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
