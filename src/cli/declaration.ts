/** What an option takes, for shell completion. */
export type ValueKind = "file" | "directory" | "other";

/** One option of a command. */
export interface OptionDeclaration {
  /** Long name without dashes. */
  readonly name: string;
  /** What its value is called in help; an option without one is a switch. */
  readonly value?: string;
  /** The value may be left out, and is given only as `--name=value`: a word of its own would be taken for the program. */
  readonly valueOptional?: boolean;
  /** All values that are accepted. */
  readonly choices?: readonly string[];
  readonly kind?: ValueKind;
  readonly description: string;
}

/** A command: what help, completion and the parser need to know. */
export interface CommandDeclaration {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Operands in the order in which they come. */
  readonly operands: readonly OperandDeclaration[];
  readonly options: readonly OptionDeclaration[];
  /** The first operand ends the options; everything behind it is passed on, dashes included. */
  readonly passThrough?: boolean;
  /** Paragraphs behind the options in help, each a few lines. */
  readonly notes?: readonly string[];
  /** Lines of shell that work as pasted. */
  readonly example: readonly string[];
  /** Exit status when the command line is wrong or the command fails. */
  readonly failureStatus: number;
}

export interface OperandDeclaration {
  /** In help: `PROGRAM`. */
  readonly name: string;
  readonly description: string;
  readonly optional?: boolean;
  /** Takes all that are left. */
  readonly rest?: boolean;
  readonly choices?: readonly string[];
  readonly kind?: ValueKind;
}

/** A module in this folder that implements a command. */
export interface CommandModule {
  readonly declaration: CommandDeclaration;
  /**
   * Runs the command.
   *
   * @param argv arguments behind the command's name
   * @returns exit status
   */
  execute(argv: readonly string[]): Promise<number>;
}

/** A command line taken apart. Values are not checked yet. */
export interface CommandLine {
  /** In the order given; a switch, or an optional value that was left out, has `undefined`. */
  readonly options: readonly { readonly name: string; readonly value: string | undefined }[];
  readonly operands: readonly string[];
}
