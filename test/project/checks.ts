/** Runs the project's own checks on small trees made for the purpose. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the project. */
export const root = fileURLToPath(new URL("../../../", import.meta.url));

/** How a check ended. */
export interface Outcome {
  readonly status: number | null;
  /** Both streams, in order of stdout, stderr. */
  readonly output: string;
}

/** Runs a script of `scripts/`, on the project itself or on another folder. */
export function runCheck(script: string, folder?: string): Outcome {
  const args = [join(root, "scripts", script), ...(folder === undefined ? [] : [folder])];
  const { status, stdout, stderr, error } = spawnSync(process.execPath, args, { encoding: "utf8", cwd: root });
  if (error !== undefined) throw error;
  return { status, output: stdout + stderr };
}

/**
 * Makes a folder, hands it over, and removes it.
 *
 * @param copies files of the project to copy into it, by path
 * @param files further files, path to text
 */
export function withTree<T>(
  copies: readonly string[],
  files: Readonly<Record<string, string>>,
  use: (folder: string) => T,
): T {
  const folder = mkdtempSync(join(tmpdir(), "postern-project-"));
  try {
    for (const copy of copies) cpSync(join(root, copy), join(folder, copy));
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
