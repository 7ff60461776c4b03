import { parseCommandLine } from "./command-line.js";
import { COMMANDS } from "./commands.js";
import { bashCompletion, fishCompletion, zshCompletion } from "./completion-scripts.js";
import type { CommandDeclaration } from "./declaration.js";
import { ExitStatus } from "./failure.js";

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };

export const declaration: CommandDeclaration = {
  name: "completion",
  summary: "print a completion script for a shell",
  operands: [{ name: "SHELL", description: "the shell it is for", choices: Object.keys(SHELLS) }],
  options: [],
  notes: [
    'To have it in every session, put the line of your shell into its start file:\n  ~/.bashrc                     eval "$(postern completion bash)"\n  ~/.zshrc, after compinit      eval "$(postern completion zsh)"\n  ~/.config/fish/config.fish    postern completion fish | source',
  ],
  example: ['eval "$(postern completion bash)"'],
  failureStatus: ExitStatus.usage,
};

export async function execute(argv: readonly string[]): Promise<number> {
  const { operands } = parseCommandLine(declaration, argv);
  const modules = await Promise.all(COMMANDS.map(({ load }) => load()));
  const script = SHELLS[operands[0] as keyof typeof SHELLS];
  process.stdout.write(script(modules.map((module) => module.declaration)));
  return ExitStatus.success;
}
