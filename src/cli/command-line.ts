import type { CommandDeclaration, CommandLine } from "./declaration.js";
import { explain } from "./explain.js";

/**
 * Takes a command line apart. A right one is read here, in microseconds; for help, and to explain a wrong one, commander is
 * loaded, which takes 8 ms (see docs/rationale.md).
 *
 * @param argv arguments behind the command's name
 * @throws HelpRequest when help is asked for
 * @throws Failure that says what is wrong and what is near it
 */
export function parseCommandLine(declaration: CommandDeclaration, argv: readonly string[]): CommandLine {
  return scan(declaration, argv) ?? explain(declaration, argv);
}

/** The command line, or `undefined` if anything about it needs explaining. */
export function scan(declaration: CommandDeclaration, argv: readonly string[]): CommandLine | undefined {
  const options: { name: string; value: string | undefined }[] = [];
  const operands: string[] = [];
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index]!;
    if (argument === "--") {
      operands.push(...argv.slice(index + 1));
      break;
    }
    if (!argument.startsWith("-") || argument === "-") {
      if (declaration.passThrough) {
        operands.push(...argv.slice(index));
        break;
      }
      operands.push(argument);
      continue;
    }
    const option = splitOption(declaration, argument);
    if (option === undefined) return undefined;
    if (option.takesNext) {
      index++;
      if (index >= argv.length) return undefined;
      options.push({ name: option.name, value: argv[index] });
    } else {
      options.push({ name: option.name, value: option.value });
    }
  }
  const fits = operandsFit(declaration, operands) && options.every((option) => choiceFits(declaration, option));
  return fits ? { options, operands } : undefined;
}

function splitOption(declaration: CommandDeclaration, argument: string) {
  const equals = argument.indexOf("=");
  const name = equals === -1 ? argument.slice(2) : argument.slice(2, equals);
  const option = argument.startsWith("--") ? declaration.options.find((entry) => entry.name === name) : undefined;
  if (option === undefined) return undefined;
  if (equals === -1) {
    return { name, value: undefined, takesNext: option.value !== undefined && option.valueOptional !== true };
  }
  return option.value === undefined ? undefined : { name, value: argument.slice(equals + 1), takesNext: false };
}

function operandsFit(declaration: CommandDeclaration, operands: readonly string[]): boolean {
  const required = declaration.operands.filter(({ optional, rest }) => !optional && !rest).length;
  const most = declaration.operands.some(({ rest }) => rest) ? Number.POSITIVE_INFINITY : declaration.operands.length;
  if (operands.length < required || operands.length > most) return false;
  return declaration.operands.every(({ choices }, index) => {
    const operand = operands[index];
    return choices === undefined || operand === undefined || choices.includes(operand);
  });
}

function choiceFits(declaration: CommandDeclaration, { name, value }: { name: string; value: string | undefined }) {
  const choices = declaration.options.find((option) => option.name === name)?.choices;
  return choices === undefined || (value !== undefined && choices.includes(value));
}
