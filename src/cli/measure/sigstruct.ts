import { parseSigstruct, SIGSTRUCT_SIZE, verifySigstruct } from "../../measure/sigstruct.js";
import { parseCommandLine } from "../command-line.js";
import type { CommandDeclaration } from "../declaration.js";
import { ExitStatus } from "../failure.js";
import { onFile, readFile } from "./input.js";
import { EXIT_NOTE, JSON_OPTION, linesOf, Options, show } from "./output.js";

export const declaration: CommandDeclaration = {
  name: "measure sigstruct",
  summary: "the fields of a SIGSTRUCT, and whether structure and signature are valid",
  operands: [{ name: "FILE", description: "1808 bytes, - for standard input", kind: "file" }],
  options: [
    { name: "mrenclave", value: "HEX", description: "the ENCLAVEHASH it must have" },
    { name: "mrsigner", value: "HEX", description: "the signer it must have" },
    JSON_OPTION,
  ],
  notes: [
    "A valid signature says that the contents belong to the key in the file, not whose key that is:\n--mrsigner does.",
    EXIT_NOTE,
  ],
  example: [
    "openssl genrsa -3 -out signer.pem 3072",
    'postern measure sign --key signer.pem --mrenclave "$(printf %064d 0)" --output enclave.sig',
    "postern measure sigstruct enclave.sig",
  ],
  failureStatus: ExitStatus.usage,
};

export async function execute(argv: readonly string[]): Promise<number> {
  const line = parseCommandLine(declaration, argv);
  const options = new Options(line);
  const path = line.operands[0]!;
  const bytes = await readFile(path, SIGSTRUCT_SIZE);
  const fields = await onFile(path, () => parseSigstruct(bytes));
  const { error, difference } = verifySigstruct(bytes);
  const expected = { enclavehash: options.hex("mrenclave", 32), mrsigner: options.hex("mrsigner", 32) };
  const other = (["enclavehash", "mrsigner"] as const).find(
    (name) => expected[name] !== undefined && expected[name] !== fields[name],
  );
  const named = other === undefined ? null : `${other} is ${fields[other]}, expected ${expected[other]}`;
  const first = error === null ? named : `${error}: ${difference}`;
  return show(options, {
    lines: linesOf(fields),
    fields: { error, fields },
    verdict: { verified: first === null, text: first ?? "structure and signature are valid" },
  });
}
