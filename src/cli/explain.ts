import { createRequire } from "node:module";
import type { Argument, Command, CommanderError, Option } from "commander";
import type { CommandDeclaration, OperandDeclaration, OptionDeclaration } from "./declaration.js";
import { Failure, HelpRequest } from "./failure.js";
import { nearest } from "./nearest.js";

interface Commander {
  Command: typeof Command;
  Argument: typeof Argument;
  Option: typeof Option;
  CommanderError: typeof CommanderError;
}

/** Loaded at the first use, and synchronously, so that parsing need not be asynchronous for the sake of mistakes. */
let commander: Commander | undefined;
function loadCommander(): Commander {
  commander ??= createRequire(import.meta.url)("commander") as Commander;
  return commander;
}

/**
 * Says what is wrong with a command line, or gives the help it asks for.
 *
 * @throws HelpRequest when help is asked for, Failure otherwise; never returns
 */
export function explain(declaration: CommandDeclaration, argv: readonly string[]): never {
  const { CommanderError } = loadCommander();
  const command = commanderCommand(declaration);
  try {
    command.parse(argv, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === "commander.helpDisplayed") throw new HelpRequest(helpText(declaration));
    throw failureOf(declaration, error);
  }
  // Commander takes -5 for a number and an operand; here it is an option nobody knows.
  const odd = argv.find((argument) => argument.startsWith("-") && argument.length > 1 && argument !== "--");
  throw new Failure(`unknown option '${odd}' (postern ${declaration.name})`, seeHelp(declaration));
}

/** The text of `postern COMMAND --help`. */
export function helpText(declaration: CommandDeclaration): string {
  const notes = (declaration.notes ?? []).map((note) => `\n${note}\n`).join("");
  const example = `\nExample:\n${declaration.example.map((line) => `  ${line}\n`).join("")}`;
  return `${commanderCommand(declaration).helpInformation()}${notes}${example}`;
}

/** The same command in the terms of commander. */
export function commanderCommand(declaration: CommandDeclaration): Command {
  const { Command } = loadCommander();
  const command = new Command(`postern ${declaration.name}`)
    .description(declaration.summary)
    .helpOption("-h, --help", "show this help")
    .exitOverride()
    .configureOutput({ writeOut: () => {}, writeErr: () => {} })
    .allowExcessArguments(false)
    .passThroughOptions(declaration.passThrough === true)
    .configureHelp({ optionTerm: ({ flags }) => flags.replace(/ \[(.*)\]$/, "[=$1]") });
  for (const option of declaration.options) command.addOption(commanderOption(option));
  for (const operand of declaration.operands) command.addArgument(commanderArgument(operand));
  return command;
}

function commanderOption(declaration: OptionDeclaration): Option {
  const { Option } = loadCommander();
  const { name, value, valueOptional, choices, description } = declaration;
  const placeholder = value === undefined ? "" : valueOptional ? ` [${value}]` : ` <${value}>`;
  const option = new Option(`--${name}${placeholder}`, description);
  return choices === undefined ? option : option.choices(choices);
}

function commanderArgument(declaration: OperandDeclaration): Argument {
  const { Argument } = loadCommander();
  const { name, optional, rest, choices, description } = declaration;
  const text = `${name}${rest ? "..." : ""}`;
  const argument = new Argument(optional || rest ? `[${text}]` : `<${text}>`, description);
  return choices === undefined ? argument : argument.choices(choices);
}

/** Turns commander's message, `error: what (Did you mean --this?)`, into a failure. */
function failureOf(declaration: CommandDeclaration, error: CommanderError): Failure {
  const [, what, guess] = MESSAGE.exec(error.message)!;
  const near = guess ?? nearestChoice(error.message);
  const advice = near === undefined ? seeHelp(declaration) : `did you mean ${near}? ${seeHelp(declaration)}`;
  return new Failure(`${what!.replace(/\.$/, "")} (postern ${declaration.name})`, advice);
}

const MESSAGE = /^(?:error: )?([\s\S]*?)(?:\s*\(Did you mean (?:one of )?([\s\S]*?)\?\))?$/;
const CHOICE_MESSAGE = /'([^']*)' is invalid.*Allowed choices are (.*?)\.$/;

/** Commander names the choices, and not the one that was meant. */
function nearestChoice(message: string): string | undefined {
  const match = CHOICE_MESSAGE.exec(message);
  return match === null ? undefined : nearest(match[1]!, match[2]!.split(", "));
}

const seeHelp = (declaration: CommandDeclaration) => `postern ${declaration.name} --help shows what is accepted`;
