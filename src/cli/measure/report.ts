import { parseReport, parseTargetInfo, TARGETINFO_SIZE, targetInfoOf, verifyReport } from "../../measure/report.js";
import { parseCommandLine } from "../command-line.js";
import type { CommandDeclaration } from "../declaration.js";
import { ExitStatus, Failure } from "../failure.js";
import { onFile, readFile, writeFile } from "./input.js";
import { EXIT_NOTE, JSON_OPTION, linesOf, Options, show } from "./output.js";

export const declaration: CommandDeclaration = {
  name: "measure report",
  summary: "the fields of a REPORT or a TARGETINFO, and whether the MAC of a REPORT holds",
  operands: [
    { name: "FILE", description: "432 bytes (REPORT) or 512 (TARGETINFO), - for standard input", kind: "file" },
  ],
  options: [
    { name: "key-file", value: "FILE", kind: "file", description: "the report key: 16 bytes, or 32 hex digits" },
    {
      name: "target-info",
      value: "FILE",
      kind: "file",
      description: "write the TARGETINFO that names the reported enclave",
    },
    JSON_OPTION,
  ],
  notes: ["Without a report key a REPORT is shown but not verified. A TARGETINFO has nothing to verify.", EXIT_NOTE],
  example: [
    "head -c 432 /dev/zero > report.bin",
    "printf %032d 0 > report.key",
    "postern measure report report.bin --key-file report.key --target-info target.bin || echo 'as it should be'",
    "postern measure report target.bin",
  ],
  failureStatus: ExitStatus.usage,
};

export async function execute(argv: readonly string[]): Promise<number> {
  const line = parseCommandLine(declaration, argv);
  const options = new Options(line);
  const path = line.operands[0]!;
  const bytes = await readFile(path, TARGETINFO_SIZE);
  if (bytes.length === TARGETINFO_SIZE) {
    if (options.has("key-file") || options.has("target-info"))
      throw new Failure(`${path} is a TARGETINFO, not a REPORT`);
    const fields = await onFile(path, () => parseTargetInfo(bytes));
    return show(options, { lines: linesOf(fields), fields: { fields } });
  }
  const fields = await onFile(path, () => parseReport(bytes));
  const target = options.get("target-info");
  if (target !== undefined) await writeFile(target, targetInfoOf(fields));
  const keyPath = options.get("key-file");
  const holds = keyPath === undefined ? undefined : verifyReport(bytes, await readKey(keyPath));
  const text =
    holds === undefined
      ? "no report key was given; --key-file names one"
      : holds
        ? "the MAC holds for this key"
        : "the MAC does not hold for this key";
  return show(options, {
    lines: linesOf(fields),
    fields: { macValid: holds ?? null, fields },
    verdict: { verified: holds === true, text },
  });
}

async function readKey(path: string): Promise<Buffer> {
  const bytes = await readFile(path, 64);
  if (bytes.length === 16) return bytes;
  const text = bytes.toString("latin1").trim();
  if (!/^[0-9a-f]{32}$/i.test(text)) throw new Failure(`${path} is not a report key`, "16 bytes, or 32 hex digits");
  return Buffer.from(text, "hex");
}
