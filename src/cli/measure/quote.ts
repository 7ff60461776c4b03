import { commonName } from "../../measure/certificates.js";
import { parseQuote, QUOTE_BYTES_MAX, type Quote } from "../../measure/quote.js";
import { certificatesOf, checkQuote, type QuotePolicy, verifyQuote } from "../../measure/quote-verify.js";
import { parseCommandLine } from "../command-line.js";
import type { CommandDeclaration } from "../declaration.js";
import { ExitStatus, Failure } from "../failure.js";
import { onFile, readFile } from "./input.js";
import { EXIT_NOTE, JSON_OPTION, Options, type Result, show } from "./output.js";

const CERTIFICATE_BYTES_MAX = 65_536;

export const declaration: CommandDeclaration = {
  name: "measure quote",
  summary: "verify a version 3 quote against a root you trust",
  operands: [{ name: "FILE", description: "the quote, - for standard input", kind: "file" }],
  options: [
    {
      name: "root",
      value: "FILE",
      kind: "file",
      description: "pinned root certificate, PEM or DER; may be given again",
    },
    { name: "at", value: "TIME", description: "when certificates must be valid, such as 2024-06-01 (default: now)" },
    { name: "mrenclave", value: "HEX", description: "the enclave it must be" },
    { name: "mrsigner", value: "HEX", description: "the signer it must have" },
    { name: "isvprodid", value: "N", description: "the product it must be" },
    { name: "isvsvn-min", value: "N", description: "the lowest security version" },
    { name: "reportdata", value: "HEX", description: "what REPORTDATA must start with; the rest must be zero" },
    { name: "qe-mrsigner", value: "HEX", description: "signer of the quoting enclave (default: Intel's)" },
    { name: "qe-isvsvn-min", value: "N", description: "lowest security version of the quoting enclave" },
    { name: "allow-debug", description: "accept an enclave whose memory its host can read" },
    JSON_OPTION,
  ],
  notes: [
    "Without --root a quote is shown but not verified: whoever made it may have brought the root along.\nRevocation lists and TCB levels are not looked at.",
    EXIT_NOTE,
  ],
  example: [
    "# in a checkout of Postern, whose sample quote has a root of its own:",
    "postern measure quote examples/measure/quote.bin --root examples/measure/root.pem \\",
    '  --qe-mrsigner "$(printf 7a%.0s $(seq 32))"',
  ],
  failureStatus: ExitStatus.usage,
};

export async function execute(argv: readonly string[]): Promise<number> {
  const line = parseCommandLine(declaration, argv);
  const options = new Options(line);
  const path = line.operands[0]!;
  const policy = policyOf(options);
  const roots = await Promise.all(options.all("root").map((file) => readFile(file, CERTIFICATE_BYTES_MAX)));
  const bytes = await readFile(path, QUOTE_BYTES_MAX);
  const quote = await onFile(path, () => parseQuote(bytes));
  if (roots.length === 0) {
    const verdict = { verified: false, text: "no root was given; --root FILE pins one" };
    return show(options, { ...describe(quote), verdict });
  }
  const { verified, difference, steps } = verifyQuote(quote, { ...policy, roots });
  const described = describe(quote);
  return show(options, {
    lines: [
      ...described.lines,
      ...steps.map(({ name, holds, detail }) => [`${holds ? "yes" : "NO "} ${name}`, detail] as const),
    ],
    fields: { ...described.fields, steps },
    verdict: { verified, text: difference ?? "the quote is genuine and fulfils what was asked" },
  });
}

function policyOf(options: Options): Omit<QuotePolicy, "roots"> {
  const at = options.get("at");
  const time = at === undefined ? undefined : new Date(at);
  if (time !== undefined && Number.isNaN(time.getTime())) {
    throw new Failure(`--at: "${at}" was given; expected a time such as 2024-06-01 or 2024-06-01T12:00:00Z`);
  }
  const reportdata = options.get("reportdata");
  if (reportdata !== undefined && !/^([0-9a-f]{2}){0,64}$/i.test(reportdata)) {
    throw new Failure(`--reportdata: "${reportdata}" was given; expected up to 128 hex digits`);
  }
  const policy = {
    at: time,
    mrenclave: options.hex("mrenclave", 32),
    mrsigner: options.hex("mrsigner", 32),
    isvprodid: options.count("isvprodid"),
    isvsvnMin: options.count("isvsvn-min"),
    reportdata,
    qeMrsigner: options.hex("qe-mrsigner", 32),
    qeIsvsvnMin: options.count("qe-isvsvn-min"),
    allowDebug: options.has("allow-debug") ? true : undefined,
  };
  return Object.fromEntries(Object.entries(policy).filter(([, value]) => value !== undefined));
}

function describe(quote: Quote): Pick<Result, "lines" | "fields"> {
  const { report, qeReport } = quote;
  const certificates = certificatesOf(quote).certificates.map(commonName);
  const fields = {
    version: quote.version,
    attKeyType: quote.attKeyType,
    qeSvn: quote.qeSvn,
    pceSvn: quote.pceSvn,
    qeVendorId: quote.qeVendorId,
    userData: quote.userData,
    report,
    qeReport,
    attestationKey: quote.attestationKey,
    certDataType: quote.certDataType,
    certificates,
    checks: checkQuote(quote),
  };
  return {
    lines: [
      ["MRENCLAVE", report.mrenclave],
      ["MRSIGNER", report.mrsigner],
      ["ISVPRODID", report.isvprodid],
      ["ISVSVN", report.isvsvn],
      ["ATTRIBUTES", report.attributes],
      ["REPORTDATA", report.reportdata],
      ["certificates", certificates.join(", ")],
    ],
    fields,
  };
}
