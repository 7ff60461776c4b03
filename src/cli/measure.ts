/** `postern measure`: its sub-commands live in the folder of the same name, one file each. */
import { MeasureError } from "../measure/error.js";
import { parseCommandLine } from "./command-line.js";
import type { CommandDeclaration, CommandModule } from "./declaration.js";
import { ExitStatus } from "./failure.js";

/** The sub-commands; a module is loaded only when it is used. */
export const SUBCOMMANDS: Readonly<Record<string, () => Promise<CommandModule>>> = {
  pages: () => import("./measure/pages.js"),
  sgxs: () => import("./measure/sgxs.js"),
  elf: () => import("./measure/elf.js"),
  sigstruct: () => import("./measure/sigstruct.js"),
  sign: () => import("./measure/sign.js"),
  einit: () => import("./measure/einit.js"),
  report: () => import("./measure/report.js"),
  quote: () => import("./measure/quote.js"),
  keep: () => import("./measure/keep.js"),
};

export const declaration: CommandDeclaration = {
  name: "measure",
  summary: "say what an enclave or a keep measures, and verify what a processor says about it",
  passThrough: true,
  operands: [
    { name: "WHAT", description: "what to measure or verify", choices: Object.keys(SUBCOMMANDS) },
    { name: "ARGS", description: "options and files; postern measure WHAT --help shows them", rest: true },
  ],
  options: [],
  notes: [
    [
      "  pages      MRENCLAVE from a list of pages",
      "  sgxs       MRENCLAVE from an SGXS stream file",
      "  elf        MRENCLAVE of an enclave built from an ELF program",
      "  sigstruct  the fields of a SIGSTRUCT, and whether it is valid",
      "  sign       make a SIGSTRUCT with a key",
      "  einit      whether a SIGSTRUCT would start an enclave",
      "  report     the fields of a REPORT or a TARGETINFO, and whether the MAC holds",
      "  quote      verify a version 3 quote against a root you trust",
      "  keep       the measurement of a keep: program, arguments, variables, grants, limits",
    ].join("\n"),
    "Exit status: 0 measured or verified, 1 not verified (the first difference is named), 2 when the\ncommand line is wrong or a file cannot be read.",
  ],
  example: [`printf '{"size":"0x1000","ssaframesize":1,"pages":[]}' | postern measure pages -`],
  failureStatus: ExitStatus.usage,
};

export async function execute(argv: readonly string[]): Promise<number> {
  const { operands } = parseCommandLine(declaration, argv);
  const [name, ...rest] = operands as [string, ...string[]];
  const { execute: run } = await SUBCOMMANDS[name]!();
  try {
    return await run(rest);
  } catch (error) {
    if (error instanceof MeasureError && rest.includes("--json")) {
      const { reason, offset, message } = error;
      process.stdout.write(`${JSON.stringify({ verified: false, error: reason, offset, message }, null, 2)}\n`);
    }
    throw error;
  }
}
