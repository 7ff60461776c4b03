import { parsePageListText } from "../../measure/page-list.js";
import { measurePages } from "../../measure/pages.js";
import { parseCommandLine } from "../command-line.js";
import type { CommandDeclaration } from "../declaration.js";
import { ExitStatus } from "../failure.js";
import { onFile, progressOn, readText, withSink } from "./input.js";
import { EXIT_NOTE, EXPECT_OPTION, JSON_OPTION, Options, show, verdictOn } from "./output.js";

/** Most bytes of a page list. */
const LIST_BYTES_MAX = 256 << 20;

export const declaration: CommandDeclaration = {
  name: "measure pages",
  summary: "MRENCLAVE from a list of pages",
  operands: [{ name: "FILE", description: "the list in JSON, - for standard input", kind: "file" }],
  options: [
    EXPECT_OPTION,
    {
      name: "stream",
      value: "FILE",
      kind: "file",
      description: "write the measured stream, an SGXS file if pages ascend",
    },
    JSON_OPTION,
  ],
  notes: ["The form of the list is described in docs/measure.md.", EXIT_NOTE],
  example: [
    `printf '{"size":"0x2000","ssaframesize":1,"pages":[{"offset":0,"flags":"0x203","data":{"hex":"c3"}}]}' > list.json`,
    "postern measure pages list.json",
  ],
  failureStatus: ExitStatus.usage,
};

export async function execute(argv: readonly string[]): Promise<number> {
  const line = parseCommandLine(declaration, argv);
  const options = new Options(line);
  const path = line.operands[0]!;
  const text = await readText(path, LIST_BYTES_MAX);
  const { progress, finish } = progressOn(process.stderr);
  const measured = await withSink(options.get("stream"), (sink) =>
    onFile(path, () => measurePages(parsePageListText(text), { ...sink, ...(progress && { progress }) })),
  ).finally(finish);
  return show(options, {
    lines: [
      ["MRENCLAVE", measured.mrenclave],
      ["records", measured.records],
      ["stream bytes", measured.streamLength],
    ],
    fields: { ...measured },
    ...verdictOn(options, "MRENCLAVE", measured.mrenclave),
  });
}
