/** What `postern inspect` says about a shim: the ELF file of an enclave or VM that speaks sallyport. */
import { PosternError } from "../errors.js";
import { inspectShim, type ShimReport } from "../sallyport/elf.js";
import { readableSize } from "./inspection.js";
import { printable } from "./printable.js";

const ELF_MAGIC = [0x7f, 0x45, 0x4c, 0x46] as const;
const LABEL_WIDTH = 9;

/** The report on a file if it is a shim: an ELF file with notes of sallyport. */
export function examineShim(bytes: Uint8Array): ShimReport | undefined {
  if (!ELF_MAGIC.every((byte, index) => bytes[index] === byte)) return undefined;
  try {
    const report = inspectShim(bytes);
    return report.requires.length > 0 || report.generation !== null ? report : undefined;
  } catch (error) {
    if (error instanceof PosternError) return undefined;
    throw error;
  }
}

/** Whether this host can run the shim. */
export function shimRuns(report: ShimReport): boolean {
  return report.compatible && report.problems.length === 0;
}

/** The report as one JSON object; numbers of 64 and 128 bits are hexadecimal text. */
export function shimJson(file: string, report: ShimReport): string {
  const plain = (_key: string, value: unknown) => (typeof value === "bigint" ? `0x${value.toString(16)}` : value);
  return `${JSON.stringify({ file, kind: "shim", runnable: shimRuns(report), ...report }, plain, 2)}\n`;
}

/** The report in words. */
export function shimText(file: string, report: ShimReport): string {
  const { requires, generation, blockSize, numBlocks, sgx, snp, segments, problems } = report;
  const verdict = shimRuns(report) ? "this host can run it" : "this host cannot run it";
  const known = (value: number | null, unit = "") => (value === null ? "not said" : `${value}${unit}`);
  const facts: [string, string][] = [
    ["requires", requires.map((each) => `sallyport ${each}`).join(" or ")],
    ["speaks", generation === null ? "" : `the ${generation} generation`],
    ["blocks", `${known(numBlocks)}, of ${blockSize === null ? "a size not said" : readableSize(blockSize)}`],
    ["for", [sgx === null ? "" : "SGX", snp === null ? "" : "SEV-SNP"].filter(Boolean).join(", ")],
  ];
  const lines = facts.filter(([, text]) => text !== "").map(([label, text]) => line(label, text));
  for (const { type, names, address, size } of segments) {
    const flags = names.length === 0 ? "" : ` (${names.join(", ")})`;
    lines.push(line("segment", `${type}${flags}: ${readableSize(Number(size))} at 0x${address.toString(16)}`));
  }
  return [
    `${printable(file)}: a sallyport shim, ${verdict}`,
    ...problems.map(({ message }) => `  ${printable(message)}`),
    ...lines,
    "",
  ].join("\n");
}

function line(label: string, text: string): string {
  return `  ${label.padEnd(LABEL_WIDTH)} ${printable(text)}`;
}
