/**
 * The command `postern`. Loads no more than the command that is asked for.
 *
 * The `--` in the first line: without it Node takes every `--env-file` for its own, behind the name of the script too.
 */
import { readFileSync } from "node:fs";
import { PosternError } from "../errors.js";
import { COMMANDS, type CommandEntry } from "./commands.js";
import { ExitStatus, Failure, failureText, HelpRequest } from "./failure.js";
import { nearest } from "./nearest.js";
import { printable } from "./printable.js";

/** Is quiet when the reader of a pipe has enough, as `postern inspect FILE | head -1` does. */
function watchOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") return;
      process.once("exit", () => {
        process.exitCode = ExitStatus.usage;
      });
      if (stream === process.stdout) {
        process.stderr.write(failureText(`standard output cannot be written: ${error.message}`, ""));
      }
    });
  }
}

async function main(argv: readonly string[]): Promise<number> {
  const [first, ...rest] = argv;
  if (first === "--version" || first === "-V") return print(`${version()}\n`);
  if (first === "--help" || first === "-h" || (first === "help" && rest.length === 0)) return print(overview());
  if (first === undefined) {
    process.stderr.write(overview());
    return ExitStatus.usage;
  }
  if (first === "help") return await runCommand(findCommand(rest[0]!), ["--help"]);
  return await runCommand(findCommand(first), rest);
}

function print(text: string): number {
  process.stdout.write(text);
  return ExitStatus.success;
}

function version(): string {
  const description = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  return description.version;
}

function overview(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length));
  const lines = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return [
    "Usage: postern COMMAND [OPTIONS] [ARGUMENTS]",
    "",
    "Run a program you do not trust, or run a program where you do not trust the machine.",
    "",
    "Commands:",
    ...lines,
    "",
    "Options:",
    "  -V, --version  show the version",
    "  -h, --help     show this help; postern COMMAND --help shows that of a command",
    "",
    "Example:",
    "  postern doctor",
    "",
  ].join("\n");
}

function findCommand(name: string): CommandEntry {
  const command = COMMANDS.find((entry) => entry.name === name);
  if (command !== undefined) return command;
  const isOption = name.startsWith("-");
  const known = isOption ? ["--help", "--version"] : COMMANDS.map((entry) => entry.name);
  const near = nearest(name, known);
  const guess = near === undefined ? "" : `did you mean ${near}? `;
  const place = isOption ? "; options of a command come behind its name" : "";
  throw new Failure(
    `unknown ${isOption ? "option" : "command"} ${name}`,
    `${guess}postern --help lists all commands${place}`,
  );
}

async function runCommand(command: CommandEntry, argv: readonly string[]): Promise<number> {
  const { declaration, execute } = await command.load();
  try {
    return await execute(argv);
  } catch (error) {
    if (error instanceof HelpRequest) return print(error.text);
    return report(error, declaration.failureStatus);
  }
}

/** Tells the user about an error and gives the exit status for it. */
function report(error: unknown, failureStatus: number): number {
  if (error instanceof Failure) {
    process.stderr.write(failureText(error.message, error.advice));
    return error.status ?? failureStatus;
  }
  if (error instanceof PosternError) {
    process.stderr.write(failureText(error.message, ""));
    return failureStatus;
  }
  const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`postern: internal error, please report it:\n${trace.split("\n").map(printable).join("\n")}\n`);
  return failureStatus;
}

const running = process.argv[2] === "run";
// Making Node's streams changes the descriptors (O_NONBLOCK), which the program in a keep shares.
if (!running) watchOutput();
void main(process.argv.slice(2))
  .catch((error) => report(error, ExitStatus.usage))
  .then((status) => {
    process.exitCode = status;
    // Without this Node gives up its signal handlers first, and a second Ctrl-C would decide the status.
    if (running) process.exit();
  });
