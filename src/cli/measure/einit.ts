import { einit } from "../../measure/einit.js";
import { SIGSTRUCT_SIZE } from "../../measure/sigstruct.js";
import { parseCommandLine } from "../command-line.js";
import type { CommandDeclaration } from "../declaration.js";
import { ExitStatus, Failure } from "../failure.js";
import { onFile, readFile } from "./input.js";
import { EXIT_NOTE, JSON_OPTION, Options, show } from "./output.js";

export const declaration: CommandDeclaration = {
  name: "measure einit",
  summary: "whether a SIGSTRUCT would start an enclave, compared in EINIT's order",
  operands: [{ name: "FILE", description: "the SIGSTRUCT, - for standard input", kind: "file" }],
  options: [
    { name: "mrenclave", value: "HEX", description: "what the enclave measures" },
    { name: "attributes", value: "NUMBER", description: "ATTRIBUTES of the enclave (default 0x4)" },
    { name: "xfrm", value: "NUMBER", description: "XFRM of the enclave (default 0x3)" },
    { name: "miscselect", value: "NUMBER", description: "MISCSELECT of the enclave (default 0)" },
    { name: "cetattributes", value: "NUMBER", description: "CET attributes of the enclave (default 0)" },
    JSON_OPTION,
  ],
  notes: [EXIT_NOTE],
  example: [
    "openssl genrsa -3 -out signer.pem 3072",
    'postern measure sign --key signer.pem --mrenclave "$(printf %064d 0)" --output enclave.sig',
    'postern measure einit enclave.sig --mrenclave "$(printf %064d 0)" --attributes 0x4',
  ],
  failureStatus: ExitStatus.usage,
};

export async function execute(argv: readonly string[]): Promise<number> {
  const line = parseCommandLine(declaration, argv);
  const options = new Options(line);
  const path = line.operands[0]!;
  const mrenclave = options.hex("mrenclave", 32);
  if (mrenclave === undefined) {
    throw new Failure("--mrenclave is missing", "postern measure pages, sgxs or elf tells what an enclave measures");
  }
  const secs = {
    attributes: options.number("attributes", 64) ?? 0x4n,
    xfrm: options.number("xfrm", 64) ?? 0x3n,
    miscselect: options.number("miscselect", 32) ?? 0n,
    cetattributes: options.number("cetattributes", 8) ?? 0n,
  };
  const bytes = await readFile(path, SIGSTRUCT_SIZE);
  const { ok, error, code, difference, ...fields } = await onFile(path, () => einit(bytes, mrenclave, secs));
  return show(options, {
    lines: [
      ["MRENCLAVE", fields.mrenclave],
      ["MRSIGNER", fields.mrsigner],
      ["ISVPRODID", fields.isvprodid],
      ["ISVSVN", fields.isvsvn],
    ],
    fields: { error, code, ...fields },
    verdict: { verified: ok, text: ok ? "EINIT would accept it" : `${error} (${code}): ${difference}` },
  });
}
