/** Runs the configurations of a benchmark in turn: A B C, A B C, ... */
import type { Benchmark, BenchmarkResult, Sample, Settings } from "./model.js";

type Series = Record<string, { wall: number[]; cpu: number[] }>;

function take(series: Series, samples: readonly Sample[]): void {
  for (const { subject, wall, cpu } of samples) {
    series[subject] ??= { wall: [], cpu: [] };
    series[subject].wall.push(wall);
    series[subject].cpu.push(cpu);
  }
}

/**
 * Measures a benchmark.
 * @param progress is told what runs next
 */
export async function runBenchmark(
  benchmark: Benchmark,
  settings: Settings,
  progress: (text: string) => void = () => {},
): Promise<BenchmarkResult> {
  const rounds = benchmark.rounds ?? settings.rounds;
  const measured = benchmark.configurations.map(({ name }) => ({ configuration: name, subjects: {} as Series }));
  for (let round = 0; round < rounds; round++) {
    for (const [index, configuration] of benchmark.configurations.entries()) {
      progress(`${benchmark.name}: round ${round + 1} of ${rounds}, ${configuration.name}`);
      take(measured[index]!.subjects, await configuration.measure());
    }
  }
  return { benchmark, measured };
}
