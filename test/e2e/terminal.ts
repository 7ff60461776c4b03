// Runs a program on a pseudo-terminal, made by the command `script` of util-linux.
import { spawn } from "node:child_process";
import { commandLine, type RunResult } from "./programs.js";

/** Runs a program file with all three streams on a terminal. */
export async function terminal(file: string): Promise<RunResult> {
  const words = commandLine(["run", file]).map((word) => `'${word}'`);
  const child = spawn("script", ["-qec", words.join(" "), "/dev/null"], { stdio: ["pipe", "pipe", "pipe"] });
  const timer = setTimeout(() => child.kill("SIGKILL"), 30_000);
  const stdout: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  const [status, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, ending) => resolve([code, ending]));
  });
  clearTimeout(timer);
  child.stdin.destroy();
  const text = Buffer.concat(stdout).toString("utf8").replaceAll("\r\n", "\n");
  return { status, signal, stdout: Buffer.from(text), stderr: "", timedOut: signal !== null };
}
