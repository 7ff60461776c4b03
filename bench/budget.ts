/** The performance budget: which ratios are wanted, which were reached. */
import type { BenchmarkResult, Budget, Measured } from "./model.js";
import { median, pairedRatio } from "./statistics.js";
import { figure, table } from "./tables.js";

/** One line of the budget. */
export interface BudgetLine {
  readonly benchmark: string;
  readonly subject: string;
  readonly configuration: string;
  /** What it is a ratio of; null for a limit on the figure itself. */
  readonly against: string | null;
  readonly most: number;
  /** NaN where it could not be measured. */
  readonly wall: number;
  readonly cpu: number;
}

function seriesOf(measured: readonly Measured[], configuration: string, subject: string) {
  return measured.find((each) => each.configuration === configuration)?.subjects[subject] ?? { wall: [], cpu: [] };
}

function ratioLine({ benchmark, measured }: BenchmarkResult, budget: Budget): BudgetLine {
  const { configuration, subject, against } = budget;
  const ours = seriesOf(measured, configuration, subject);
  const theirs = seriesOf(measured, against, subject);
  const wall = pairedRatio(ours.wall, theirs.wall);
  return { benchmark: benchmark.title, ...budget, wall, cpu: pairedRatio(ours.cpu, theirs.cpu) };
}

/** Budget lines of all results. */
export function budgetLines(results: readonly BenchmarkResult[]): BudgetLine[] {
  return results.flatMap((result) => {
    const { benchmark, measured } = result;
    const bounds = (benchmark.bounds ?? []).map((bound): BudgetLine => {
      const { wall, cpu } = seriesOf(measured, bound.configuration, bound.subject);
      return { benchmark: benchmark.title, ...bound, against: null, wall: median(wall), cpu: median(cpu) };
    });
    return [...benchmark.budgets.map((budget) => ratioLine(result, budget)), ...bounds];
  });
}

/** Whether a line is kept, by the time on the wall; of times the one on the processor is shown beside it. */
function verdict({ wall, most }: BudgetLine): string {
  if (!Number.isFinite(wall)) return "not measured";
  return wall <= most ? "kept" : "over";
}

/** The budget as a table. */
export function budgetTable(results: readonly BenchmarkResult[]): string {
  const rows = budgetLines(results).map((line) => [
    line.benchmark,
    line.subject,
    line.configuration,
    line.against ?? "",
    String(line.most),
    figure(line.wall),
    figure(line.cpu),
    verdict(line),
  ]);
  return table(["budget", "subject", "of", "against", "most", "wall", "processor", ""], rows);
}
