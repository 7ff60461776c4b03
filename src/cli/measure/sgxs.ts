import { measureSgxsStream } from "../../measure/sgxs.js";
import { parseCommandLine } from "../command-line.js";
import type { CommandDeclaration } from "../declaration.js";
import { ExitStatus } from "../failure.js";
import { onFile, open, progressOn } from "./input.js";
import { EXIT_NOTE, EXPECT_OPTION, JSON_OPTION, Options, show, verdictOn } from "./output.js";

export const declaration: CommandDeclaration = {
  name: "measure sgxs",
  summary: "MRENCLAVE from an SGXS stream file",
  operands: [{ name: "FILE", description: "a canonical SGXS stream, - for standard input", kind: "file" }],
  options: [EXPECT_OPTION, JSON_OPTION],
  notes: [EXIT_NOTE],
  example: [
    `printf '{"size":"0x1000","ssaframesize":1,"pages":[]}' | postern measure pages --stream empty.sgxs -`,
    "postern measure sgxs empty.sgxs",
  ],
  failureStatus: ExitStatus.usage,
};

export async function execute(argv: readonly string[]): Promise<number> {
  const line = parseCommandLine(declaration, argv);
  const options = new Options(line);
  const path = line.operands[0]!;
  const { progress, finish } = progressOn(process.stderr);
  const measured = await onFile(path, async () => {
    const { pieces, total } = open(path);
    return await measureSgxsStream(pieces, progress === undefined ? {} : { progress }, total);
  }).finally(finish);
  return show(options, {
    lines: [
      ["MRENCLAVE", measured.mrenclave],
      ["enclave size", `0x${measured.size.toString(16)}`],
      ["SSA frame pages", measured.ssaframesize],
      ["pages", measured.pages],
      ["records", measured.records],
      ["stream bytes", measured.streamLength],
      ["unmeasured chunks", measured.unmeasuredChunks],
    ],
    fields: { ...measured },
    ...verdictOn(options, "MRENCLAVE", measured.mrenclave),
  });
}
