import { createHash } from "node:crypto";
import { parseJson } from "../../measure/page-list.js";
import { type SigningKey, type SigstructInput, signSigstruct } from "../../measure/sign.js";
import { parseCommandLine } from "../command-line.js";
import type { CommandDeclaration, OptionDeclaration } from "../declaration.js";
import { ExitStatus } from "../failure.js";
import { onFile, readText, writeFile } from "./input.js";
import { JSON_OPTION, Options, show } from "./output.js";

const KEY_BYTES_MAX = 65_536;

/** Options that are numbers: field, bits, and what it is when not given. The masks look at every bit that makes an enclave readable. */
const NUMBERS = [
  ["isvprodid", "isvprodid", 16, "0"],
  ["isvsvn", "isvsvn", 16, "0"],
  ["attributes", "attributes", 64, "0x4"],
  ["attributes-mask", "attributemask", 64, "0xffffffffffffffff"],
  ["xfrm", "xfrm", 64, "0x3"],
  ["xfrm-mask", "xfrmmask", 64, "0x3"],
  ["miscselect", "miscselect", 32, "0"],
  ["miscselect-mask", "miscmask", 32, "0xffffffff"],
  ["vendor", "vendor", 32, "0"],
  ["swdefined", "swdefined", 32, "0"],
] as const;

export const declaration: CommandDeclaration = {
  name: "measure sign",
  summary: "make a SIGSTRUCT with a key",
  operands: [],
  options: [
    {
      name: "key",
      value: "FILE",
      kind: "file",
      description: "RSA private key, 3072 bits, exponent 3; PEM or JSON Web Key",
    },
    { name: "mrenclave", value: "HEX", description: "the measurement to sign for" },
    { name: "output", value: "FILE", kind: "file", description: "where the 1808 bytes go" },
    { name: "date", value: "YYYYMMDD", description: "date of the signature (default: today, UTC)" },
    ...NUMBERS.map(
      ([name, , bits, preset]): OptionDeclaration => ({
        name,
        value: "NUMBER",
        description: `${bits} bits (default ${preset})`,
      }),
    ),
    { name: "isvfamilyid", value: "HEX", description: "16 bytes (default zero)" },
    { name: "isvextprodid", value: "HEX", description: "16 bytes (default zero)" },
    JSON_OPTION,
  ],
  notes: ["The default masks forbid a debug enclave. The same input gives the same file."],
  example: [
    "openssl genrsa -3 -out signer.pem 3072",
    'postern measure sign --key signer.pem --mrenclave "$(printf %064d 0)" --output enclave.sig',
  ],
  failureStatus: ExitStatus.usage,
};

export async function execute(argv: readonly string[]): Promise<number> {
  const options = new Options(parseCommandLine(declaration, argv));
  const keyPath = options.required("key");
  const mrenclave = options.required("mrenclave");
  const output = options.required("output");
  const input: SigstructInput = {
    enclavehash: mrenclave,
    date: options.get("date") ?? new Date().toISOString().slice(0, 10).replaceAll("-", ""),
    isvfamilyid: options.hex("isvfamilyid", 16) ?? "00".repeat(16),
    isvextprodid: options.hex("isvextprodid", 16) ?? "00".repeat(16),
    ...Object.fromEntries(NUMBERS.map(([name, field, bits, preset]) => [field, options.number(name, bits) ?? preset])),
  };
  const text = await readText(keyPath, KEY_BYTES_MAX);
  const key = text.trimStart().startsWith("{") ? (parseJson(text, keyPath) as SigningKey) : text;
  const { bytes, mrsigner } = await onFile(keyPath, () => signSigstruct(input, key));
  await writeFile(output, bytes);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return show(options, {
    lines: [
      ["MRENCLAVE", mrenclave.toLowerCase()],
      ["MRSIGNER", mrsigner],
      ["file", output],
      ["SHA-256 of the file", sha256],
    ],
    fields: { mrenclave: mrenclave.toLowerCase(), mrsigner, output, sha256 },
  });
}
