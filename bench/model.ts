/** What is measured: benchmarks made of configurations, and the figures that come back. */

/** One measurement of one subject. */
export interface Sample {
  readonly subject: string;
  /** In the benchmark's unit. */
  readonly wall: number;
  /** The same as time on the processor, or for memory as another view of it; NaN where there is none. */
  readonly cpu: number;
}

/** One way of doing the work, measured in processes of its own. */
export interface Configuration {
  readonly name: string;
  /** Measures once, in a new process. @returns a sample for each subject */
  readonly measure: () => Promise<readonly Sample[]> | readonly Sample[];
}

/** A configuration that cannot be measured here, and why. */
export interface Missing {
  readonly name: string;
  readonly reason: string;
}

/** A ratio that is wanted: `configuration` against `against` for a subject, at most `most`. */
export interface Budget {
  readonly subject: string;
  readonly configuration: string;
  readonly against: string;
  readonly most: number;
}

/** A limit on a figure itself. */
export interface Bound {
  readonly subject: string;
  readonly configuration: string;
  readonly most: number;
}

/** Configurations that do the same work. */
export interface Benchmark {
  readonly name: string;
  /** One sentence: what is measured. */
  readonly title: string;
  /** Unit of all figures; empty where each subject names its own. */
  readonly unit: "ns" | "ms" | "MiB" | "";
  readonly configurations: readonly Configuration[];
  readonly missing: readonly Missing[];
  /** Rounds, if not as many as the options say. */
  readonly rounds?: number;
  /** The configuration that the others are shown as a ratio of. */
  readonly reference: string;
  readonly budgets: readonly Budget[];
  readonly bounds?: readonly Bound[];
  /** What a reader should know about the figures. */
  readonly note?: string;
}

/** How thoroughly to measure. */
export interface Settings {
  readonly rounds: number;
  /** Which lengths of run: long ones show the speed reached, short ones the warm-up. */
  readonly lengths: readonly ("long" | "short")[];
  /** Part of the usual work that is done: 1, or less for a first look. */
  readonly scale: number;
  /** A directory for files; removed afterwards. */
  readonly directory: string;
}

/** Makes the benchmarks of one name. */
export type BenchmarkMaker = (settings: Settings) => readonly Benchmark[];

/** All samples of a configuration: for each subject its values in order of the rounds. */
export interface Measured {
  readonly configuration: string;
  readonly subjects: Readonly<Record<string, { readonly wall: number[]; readonly cpu: number[] }>>;
}

/** What came of a benchmark. */
export interface BenchmarkResult {
  readonly benchmark: Benchmark;
  readonly measured: readonly Measured[];
}
