/** Figures of repeated measurements. */

/** Several measurements of one thing. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** Middle of the values; of an even number, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Median and range of the values. */
export function spread(values: readonly number[]): Spread {
  return { median: median(values), least: Math.min(...values), most: Math.max(...values) };
}

/**
 * How two things compare that were measured in turn: the median of the ratios of each round. What slows a whole round
 * down, such as another program, changes both sides of its ratio.
 */
export function pairedRatio(values: readonly number[], reference: readonly number[]): number {
  const rounds = Math.min(values.length, reference.length);
  const ratios: number[] = [];
  for (let round = 0; round < rounds; round++) {
    if (reference[round]! > 0) ratios.push(values[round]! / reference[round]!);
  }
  return median(ratios);
}
