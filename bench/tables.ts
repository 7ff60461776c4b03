/** Results as tables in Markdown, which read well on a terminal too. */
import type { BenchmarkResult, Measured } from "./model.js";
import { pairedRatio, spread } from "./statistics.js";

/** A table whose columns are as wide as they need to be; the first is text, the others are figures. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(3, title.length, ...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join(" | ")} |`;
  const rule = widths.map((width, column) => (column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
  return [line(head), `| ${rule.join(" | ")} |`, ...rows.map(line)].join("\n");
}

/** Three significant digits, no exponents. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return "";
  const size = Math.abs(value);
  if (size >= 100) return String(Math.round(value));
  return size >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function subjectsOf(result: BenchmarkResult): string[] {
  return [...new Set(result.measured.flatMap(({ subjects }) => Object.keys(subjects)))];
}

/** Median, range, and the median on the processor. */
function figureCell(measured: Measured, subject: string): string {
  const series = measured.subjects[subject];
  if (series === undefined) return "";
  const { median, least, most } = spread(series.wall);
  const cpu = figure(spread(series.cpu).median);
  return `${figure(median)} (${figure(least)}-${figure(most)})${cpu === "" ? "" : `, ${cpu}`}`;
}

/** A ratio on the wall and on the processor. */
function ratioCell(measured: Measured, reference: Measured, subject: string): string {
  const ours = measured.subjects[subject];
  const theirs = reference.subjects[subject];
  if (ours === undefined || theirs === undefined) return "";
  const wall = figure(pairedRatio(ours.wall, theirs.wall));
  const cpu = figure(pairedRatio(ours.cpu, theirs.cpu));
  return cpu === "" ? wall : `${wall}, ${cpu}`;
}

/** Tables of one benchmark: figures, then ratios; and what could not be measured. */
export function resultTables(result: BenchmarkResult): string {
  const { benchmark, measured } = result;
  const parts = [`**${benchmark.title}**${benchmark.unit === "" ? "" : ` (${benchmark.unit})`}`];
  if (measured.length > 0) {
    const subjects = subjectsOf(result);
    const names = measured.map(({ configuration }) => configuration);
    parts.push(
      table(
        ["", ...names],
        subjects.map((subject) => [subject, ...measured.map((each) => figureCell(each, subject))]),
      ),
    );
    const reference = measured.find(({ configuration }) => configuration === benchmark.reference)!;
    const others = measured.filter((each) => each !== reference);
    parts.push(
      table(
        [`against ${benchmark.reference}`, ...others.map(({ configuration }) => configuration)],
        subjects.map((subject) => [subject, ...others.map((each) => ratioCell(each, reference, subject))]),
      ),
    );
  }
  for (const { name, reason } of benchmark.missing) parts.push(`Not measured: ${name}: ${reason}.`);
  if (benchmark.note !== undefined) parts.push(benchmark.note);
  return parts.join("\n\n");
}
