import type { CommandDeclaration, OptionDeclaration } from "./declaration.js";

const HELP: OptionDeclaration = { name: "help", description: "show this help" };

/** All options of a command, `--help` included. */
const optionsOf = (command: CommandDeclaration) => [...command.options, HELP];

/** Values of the first operand, where there is a fixed set. */
const choicesOf = (command: CommandDeclaration) => command.operands[0]?.choices ?? [];

const takesNext = (option: OptionDeclaration) => option.value !== undefined && option.valueOptional !== true;

/** For single quotes of a shell. */
const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** Completes commands, options, choices and files. Words behind the program are the program's: files. */
export function bashCompletion(commands: readonly CommandDeclaration[]): string {
  const cases = commands.map((command) => {
    const words = optionsOf(command).map(({ name }) => `--${name}`);
    const values = command.options
      .filter(takesNext)
      .map((option) => `        --${option.name}) ${bashValues(option)} return ;;`);
    return [
      `    ${command.name})`,
      ...(values.length === 0 ? [] : ['      case "$previous" in', ...values, "      esac"]),
      `      words=${quoted([...words, ...choicesOf(command)].join(" "))} ;;`,
    ].join("\n");
  });
  return `# postern completion for bash: eval "$(postern completion bash)"
_postern() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" words
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W ${quoted(topWords(commands))} -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
    help) words=${quoted(commands.map(({ name }) => name).join(" "))} ;;
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _postern postern
`;
}

/** What offers the values of an option. Offering nothing leaves them to bash, which completes files. */
function bashValues({ kind, choices }: OptionDeclaration): string {
  if (choices !== undefined) return `COMPREPLY=($(compgen -W ${quoted(choices.join(" "))} -- "$current"));`;
  if (kind === "directory") return `mapfile -t COMPREPLY < <(compgen -d -- "$current");`;
  return "";
}

const topWords = (commands: readonly CommandDeclaration[]) =>
  [...commands.map(({ name }) => name), "help", "--help", "--version"].join(" ");

/** The same for zsh, through its own description of arguments. */
export function zshCompletion(commands: readonly CommandDeclaration[]): string {
  const described = commands.map(({ name, summary }) => quoted(`${name}:${summary}`));
  const cases = commands.map((command) => {
    const options = optionsOf(command).map((option) => quoted(zshOption(option)));
    const choices = choicesOf(command);
    const operand = choices.length > 0 ? quoted(`1:value:(${choices.join(" ")})`) : "'*:file:_files'";
    return `    ${command.name}) _arguments ${[...options, operand].join(" ")} ;;`;
  });
  return `#compdef postern
# postern completion for zsh: eval "$(postern completion zsh)"
_postern() {
  local -a commands=(${described.join(" ")} 'help:show help')
  if (( CURRENT == 2 )); then
    _describe command commands
    compadd -- --help --version
    return
  fi
  local command="\${words[2]}"
  shift words
  (( CURRENT-- ))
  case "$command" in
    help) _describe command commands ;;
${cases.join("\n")}
  esac
}
compdef _postern postern
`;
}

function zshOption({ name, value, valueOptional, choices, kind, description }: OptionDeclaration): string {
  const text = description.replaceAll(/[[\]:\\]/g, (character) => `\\${character}`);
  if (value === undefined) return `--${name}[${text}]`;
  const action = choices
    ? `(${choices.join(" ")})`
    : kind === "directory"
      ? "_files -/"
      : kind === "file"
        ? "_files"
        : "";
  return `*--${name}${valueOptional ? "=-" : "="}[${text}]${valueOptional ? "::" : ":"}value:${action}`;
}

/** The same for fish, one line for each word. */
export function fishCompletion(commands: readonly CommandDeclaration[]): string {
  const lines = ["# postern completion for fish: postern completion fish | source"];
  const first = "-n __fish_use_subcommand";
  for (const { name, summary } of commands)
    lines.push(`complete -c postern -f ${first} -a ${name} -d ${quoted(summary)}`);
  lines.push(`complete -c postern -f ${first} -l version -d 'show the version'`);
  for (const command of commands) {
    const seen = `-n ${quoted(`__fish_seen_subcommand_from ${command.name}`)}`;
    for (const option of optionsOf(command)) lines.push(fishOption(seen, option));
    const choices = choicesOf(command);
    if (choices.length > 0) lines.push(`complete -c postern -f ${seen} -a ${quoted(choices.join(" "))}`);
  }
  return `${lines.join("\n")}\n`;
}

function fishOption(seen: string, option: OptionDeclaration): string {
  const choices = option.choices ? ` -f -a ${quoted(option.choices.join(" "))}` : "";
  const values = takesNext(option) ? ` -r${choices}` : "";
  return `complete -c postern ${seen} -l ${option.name}${values} -d ${quoted(option.description)}`;
}
