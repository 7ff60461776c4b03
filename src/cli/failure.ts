import { printable } from "./printable.js";

/** Exit statuses of Postern itself. A program that ran to its end gives its own. Documented in docs/cli.md. */
export const ExitStatus = {
  success: 0,
  /** The answer is no: a program cannot run here, something the machine needs is missing. */
  no: 1,
  /** A command other than `run` was used wrongly, or a file it was given cannot be read. */
  usage: 2,
  /** `run`: the time limit was reached. */
  timeout: 124,
  /** `run`: Postern could not start the program, or was used wrongly. */
  notStarted: 125,
  /** `run`: refused by policy at start. */
  refused: 126,
  /** `run`: the program trapped. */
  trap: 134,
  /** `run`: the program was stopped. */
  stopped: 137,
} as const;

/** An end that the user must be told about: what happened, and what to do. */
export class Failure extends Error {
  override readonly name = "Failure";
  /** What to do, a line of its own; empty where nothing helps. */
  readonly advice: string;
  /** Overrides the status the command uses for failures. */
  readonly status: number | undefined;

  constructor(message: string, advice = "", status?: number) {
    super(message);
    this.advice = advice;
    this.status = status;
  }
}

/** Thrown where help was asked for; `text` goes to standard output. */
export class HelpRequest extends Error {
  override readonly name = "HelpRequest";
  readonly text: string;

  constructor(text: string) {
    super("help was asked for");
    this.text = text;
  }
}

/** The lines that tell a user about a failure. */
export function failureText(message: string, advice: string): string {
  const text = `postern: ${printable(message)}\n`;
  return advice === "" ? text : `${text}  ${printable(advice)}\n`;
}
