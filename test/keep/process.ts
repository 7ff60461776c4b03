// What this process holds: for tests that a keep gives everything back.
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** The path of a test program with one behaviour. */
export const behaviour = (name: string): string =>
  fileURLToPath(new URL(`../../../test/fixtures/programs/behaviours/${name}.wasm`, import.meta.url));

/** What each open descriptor of this process leads to. The one that lists them is left out. */
export function openDescriptors(): string[] {
  const targets: string[] = [];
  for (const name of readdirSync("/proc/self/fd")) {
    try {
      targets.push(`${name} ${readlinkSync(`/proc/self/fd/${name}`)}`);
    } catch {
      // The listing's own, closed by now.
    }
  }
  return targets;
}

/** How many threads this process has. */
export const threadCount = (): number => readdirSync("/proc/self/task").length;

/** Waits until a question is answered with yes, for at most `ms` milliseconds. @returns whether it was */
export async function eventually(question: () => boolean, ms = 5000): Promise<boolean> {
  for (const end = performance.now() + ms; performance.now() < end; await sleep(5)) if (question()) return true;
  return question();
}

/** Whether the number of open descriptors comes back to what it was; streams close theirs a moment after. */
export const descriptorsAre = (count: number): Promise<boolean> => eventually(() => openDescriptors().length <= count);

/** A temporary directory that is removed when the test ends. */
export function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "postern-keep-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
