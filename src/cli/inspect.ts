import { examine } from "../wasm/index.js";
import { parseCommandLine } from "./command-line.js";
import type { CommandDeclaration } from "./declaration.js";
import { ExitStatus } from "./failure.js";
import { inspectionJson, inspectionText } from "./inspection.js";
import { readProgramFile } from "./program-file.js";
import { examineShim, shimJson, shimRuns, shimText } from "./shim-inspection.js";

export const declaration: CommandDeclaration = {
  name: "inspect",
  summary: "say what a program is, and whether it can run here",
  operands: [{ name: "PROGRAM", description: "a WebAssembly file, or the ELF file of a sallyport shim", kind: "file" }],
  options: [{ name: "json", description: "print one JSON object instead of words" }],
  notes: [
    "Exit status: 0 when postern run can run the program, 1 when it cannot, 2 when the command line is\nwrong or the file cannot be read. The program is only read, never run.",
  ],
  example: [
    "printf '\\0asm\\1\\0\\0\\0\\1\\4\\1`\\0\\0\\3\\2\\1\\0\\7\\12\\1\\6_start\\0\\0\\12\\4\\1\\2\\0\\13' > nothing.wasm",
    "postern inspect nothing.wasm",
  ],
  failureStatus: ExitStatus.usage,
};

export async function execute(argv: readonly string[]): Promise<number> {
  const { options, operands } = parseCommandLine(declaration, argv);
  const file = operands[0]!;
  const json = options.some(({ name }) => name === "json");
  const bytes = readProgramFile(file);
  const shim = examineShim(bytes);
  if (shim !== undefined) {
    process.stdout.write(json ? shimJson(file, shim) : shimText(file, shim));
    return shimRuns(shim) ? ExitStatus.success : ExitStatus.no;
  }
  const examined = examine(bytes);
  process.stdout.write(json ? inspectionJson(file, examined) : inspectionText(file, examined));
  return examined.classification.runnable ? ExitStatus.success : ExitStatus.no;
}
